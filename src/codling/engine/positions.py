"""Places in texts, with all that a recurrent model knows there, and a bounded memory of them."""

# V vocabulary

from __future__ import annotations

import dataclasses
import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.model import State

__all__ = ["Position", "Positions"]


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """A place in a text: the model's state after all tokens before it, and what it expects next."""

    log_probs_V: npt.NDArray[np.float32]
    state: State
    "For a batch of one."
    num_tokens: int
    "Tokens read, those before the text included."
    fingerprint: tuple[int, int]
    owed: bytes = b""
    "What stands between here and the cursor, in UTF-8, without a line end but at its start."
    recent: tuple[int, ...] = ()
    "The last tokens of the text, RECENT of them at most, DOC included; known where a text was read."

    def copy(self) -> Position:
        """One that is no view into what a call returned, and keeps nothing else of that alive."""
        state = {name: array.copy() for name, array in self.state.items()}
        return dataclasses.replace(self, log_probs_V=self.log_probs_V.copy(), state=state)

    @property
    def num_bytes(self) -> int:
        return self.log_probs_V.nbytes + sum(array.nbytes for array in self.state.values()) + _OBJECT_BYTES


class Positions:
    """Positions by fingerprint; the least recently used go when there are too many bytes of them.

    Those of one call of the model are views into what it returned, so they stay together and go together.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self._calls: OrderedDict[int, Sequence[Position]] = OrderedDict()
        self._found: dict[tuple[int, int], tuple[Position, int]] = {}
        self._numbers = itertools.count()

    def find(self, fingerprint: tuple[int, int]) -> Position | None:
        found = self._found.get(fingerprint)
        if found is None:
            return None
        position, call = found
        self._calls.move_to_end(call)
        return position

    def add(self, positions: Sequence[Position]) -> None:
        """Keep what one call has computed; where a position is known already, the new one takes its place."""
        call = next(self._numbers)
        self._calls[call] = positions
        self.num_bytes += sum(position.num_bytes for position in positions)
        for position in positions:
            self._found[position.fingerprint] = position, call
        while self.num_bytes > self.max_bytes:
            self._drop()

    def clear(self) -> None:
        self._calls.clear()
        self._found.clear()
        self.num_bytes = 0

    def _drop(self) -> None:
        call, positions = self._calls.popitem(last=False)
        for position in positions:
            self.num_bytes -= position.num_bytes
            if self._found.get(position.fingerprint, (None, None))[1] == call:
                del self._found[position.fingerprint]


_OBJECT_BYTES = 1_000  # of the Python objects around a position's arrays
