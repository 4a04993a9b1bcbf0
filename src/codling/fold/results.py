"""Results: where the values of a program's nodes are, as far as it has run."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from .plan import PlacedNodes, Plan, Source, make_source
from .run import Batch, BoundPart, BoundSource, Segment
from .schedule import Ints
from .signature import Signature

__all__ = ["Results"]


class Results:
    """A program's segments, which rows of them its nodes are, and the batches that wrote them.

    Attributes:
        token: what the next thing that runs depends on, so that the backward pass keeps the order; None: nothing yet
            takes gradients.
    """

    def __init__(self) -> None:
        self.placed = PlacedNodes()
        self.segments: list[Segment] = []
        self.batches: list[Batch] = []
        self.token: Tensor | None = None

    def open(self, plan: Plan) -> None:
        """Make room for what a plan is about to compute."""
        self.segments += [Segment(sig, rows) for sig, rows in plan.segments]

    def mark(self) -> tuple[int, int, Tensor | None]:
        """How far the program has run."""
        return len(self.segments), len(self.batches), self.token

    def give_up(self, mark: tuple[int, int, Tensor | None]) -> None:
        """After an error: nothing counts as run that came behind the mark."""
        num_segments, num_batches, self.token = mark
        del self.segments[num_segments:], self.batches[num_batches:]
        self.placed.segment[self.placed.segment >= num_segments] = -1

    def of(self, refs: Ints, sig: Signature) -> BoundSource:
        """The values that references stand for, all of one form."""
        places = self.placed.look_up(refs)
        return self.bind(make_source(places, np.arange(len(refs)), sig, sig.leaves[0][2]))

    def bind(self, source: Source) -> BoundSource:
        """A plan's source, with the segments themselves."""
        segments, batches = self.segments, self.batches
        parts = [
            BoundPart(
                segments[part.segment],
                part.offset,
                part.rows,
                part.positions,
                [batches[number] for number in part.producers],
            )
            for part in source.parts
        ]
        return BoundSource(source.sig, source.num, parts)
