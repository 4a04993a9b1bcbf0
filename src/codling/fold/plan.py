"""Plans: a schedule with everything worked out that doesn't depend on values.

Results of one form lie in one buffer per flush, a *segment*, batch below batch. So the arguments of a batch are rows of
few buffers, and assembling them is an ``index_select`` for each tensor, whatever the number of nodes. A plan that
touches nothing outside itself depends on the program's structure alone and is kept for the next program of that
structure.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .kind import Kind
from .schedule import Ints, Pending, Schedule, ranges, shorter
from .signature import Signature

__all__ = ["PlacedNodes", "Plan", "PlanCache", "Source", "Step", "make_plan", "make_source"]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one segment."""

    segment: int
    offset: int
    "Which of the segment's tensors is the first of the value's."
    rows: Tensor
    "int64: rows of the segment."
    positions: Tensor | None
    "int64: where they go in the result; None: they are all of it."
    producers: list[int]
    "Numbers of the batches that wrote the rows."


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of one argument of a batch are."""

    sig: Signature
    num: int
    parts: tuple[Part, ...]


@dataclass(slots=True)
class Step:
    """One batch of a plan."""

    kind: Kind
    num: int
    segment: int
    start: int
    "Its first row in the segment."
    first: int
    "How many nodes of its kind stand in earlier batches of the plan."
    nodes: Ints
    "Numbers of its nodes in the program."
    sources: tuple[Source, ...] = ()
    children: Source | None = None
    "A ragged list's items; with a kernel, whatever the kernel takes as children."
    owner: Tensor | None = None
    lengths: Tensor | None = None
    scalars: tuple[Ints, ...] = ()
    constants: tuple[Ints, ...] = ()


@dataclass(slots=True)
class Plan:
    """What to run, in order, and where results go."""

    steps: list[Step]
    segments: list[tuple[Signature | None, int]]
    "Form and rows of each new segment; None: not known before it has run."
    schedule: str
    other_batches: int
    "How many batches the schedule not taken has."
    rows: dict[Kind, int] = field(default_factory=dict)
    children: dict[Kind, int] = field(default_factory=dict)
    nodes: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    segment_of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    row_of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    batch_of: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values of some references are: of each, segment · 256 + number of its first tensor, row, batch."""

    segments: Ints
    rows: Ints
    batches: Ints


class PlacedNodes:
    """For each node of a program: its segment, row and batch; −1 before it has run."""

    def __init__(self) -> None:
        self.segment, self.row, self.batch = np.full((3, 64), -1, np.int64)

    def grow(self, num: int) -> None:
        if num > len(self.segment):
            more = np.full(max(num, 2 * len(self.segment)) - len(self.segment), -1, np.int64)
            self.segment, self.row, self.batch = (
                np.concatenate([have, more]) for have in (self.segment, self.row, self.batch)
            )

    def enter(self, plan: Plan) -> None:
        self.segment[plan.nodes] = plan.segment_of
        self.row[plan.nodes] = plan.row_of
        self.batch[plan.nodes] = plan.batch_of

    def look_up(self, refs: Ints) -> Places:
        """Where the values of references are; those that are indices into a pool give nonsense."""
        nodes = refs >> 8
        segments = (self.segment.take(nodes, mode="clip") << 8) | (refs & 255)
        return Places(segments, self.row.take(nodes, mode="clip"), self.batch.take(nodes, mode="clip"))


def make_source(places: Places, at: Ints, sig: Signature, device: torch.device) -> Source:
    """Where the values of the references number ``at`` are, which all have one form."""
    segments, rows, batches = places.segments[at], places.rows[at], places.batches[at]
    keys = _distinct(segments)
    if len(keys) == 1:
        part = Part(keys[0] >> 8, keys[0] & 255, _index(rows, device), None, _distinct(batches))
        return Source(sig, len(at), (part,))
    parts = []
    for key in keys:
        here = np.flatnonzero(segments == key)
        rows_here = _index(rows[here], device)
        parts.append(Part(key >> 8, key & 255, rows_here, _index(here, device), _distinct(batches[here])))
    return Source(sig, len(at), tuple(parts))


def _distinct(numbers: Ints) -> list[int]:
    if len(numbers) > 256:  # fewer are faster without numpy
        numbers = np.unique(numbers)
    return sorted(set(numbers.tolist()))


def _index(rows: Ints, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(rows)
    return tensor if device.type == "cpu" else tensor.to(device)


def make_plan(pending: Pending, placed: PlacedNodes, first_segment: int, first_batch: int) -> Plan:
    """Plan the pending nodes of a program.

    Args:
        placed: where earlier nodes are; the new ones are entered.
        first_segment: the number that the first new segment gets; and the first new batch.
    """
    schedule, name, other = shorter(pending)
    plan = Plan([], [], name, other, nodes=pending.nodes_array)
    _allot(plan, schedule, first_segment, first_batch)
    placed.enter(plan)
    places = placed.look_up(pending.refs_array)
    for step, (_, members) in zip(plan.steps, schedule, strict=True):
        _find_arguments(step, members, pending.starts_array, pending.refs_array, places)
        if step.children is not None:
            plan.children[step.kind] = plan.children.get(step.kind, 0) + step.children.num
    return plan


def _allot(plan: Plan, schedule: Schedule, first_segment: int, first_batch: int) -> None:
    """Make the steps, and give each node its rows: results of one form lie in one segment, batch below batch."""
    known: dict[Signature, int] = {}
    sizes: list[int] = []
    segments, starts, counts = list[int](), list[int](), list[int]()
    for kind, those in schedule:
        sig = kind.result
        assert sig is not None or len(those) == 1  # a form that isn't known yet is being learnt (Tape.learn)
        segment = known.get(sig, len(sizes)) if sig is not None else len(sizes)
        if segment == len(sizes):
            sizes.append(0)
            plan.segments.append((sig, 0))
            if sig is not None:
                known[sig] = segment
        first = plan.rows.get(kind, 0)
        step = Step(kind, len(those), first_segment + segment, sizes[segment], first, plan.nodes[those])
        plan.steps.append(step)
        segments.append(step.segment)
        starts.append(step.start)
        counts.append(step.num)
        sizes[segment] += step.num
        plan.rows[kind] = first + step.num
    plan.segments = [(sig, size) for (sig, _), size in zip(plan.segments, sizes, strict=True)]
    order = np.concatenate([those for _, those in schedule])
    num = np.array(counts)
    plan.segment_of, plan.row_of, plan.batch_of = np.empty((3, len(order)), np.int64)
    plan.segment_of[order] = np.repeat(segments, num)
    plan.row_of[order] = np.arange(len(order)) + np.repeat(starts - (np.cumsum(num) - num), num)
    plan.batch_of[order] = np.repeat(np.arange(first_batch, first_batch + len(num)), num)


def _find_arguments(step: Step, members: Ints, starts: Ints, refs: Ints, places: Places) -> None:
    kind = step.kind
    begin = starts[members]
    device = kind.device or next((slot.sig.leaves[0][2] for slot in kind.nodes), torch.device("cpu"))
    slots = kind.nodes
    if kind.has_kernel and kind.ragged is None:
        children, slots = kind.kernel.split(slots)
        if children:
            columns = np.array([slot.column for slot in children])
            step.children = make_source(places, (begin[:, None] + columns).ravel(), children[0].sig, device)
    step.sources = tuple([make_source(places, begin + slot.column, slot.sig, device) for slot in slots])
    step.scalars = tuple([refs[begin + slot.column] for slot in kind.scalars])
    step.constants = tuple([refs[begin + slot.column] for slot in kind.constants])
    if kind.ragged is not None:
        begin, end = begin + kind.width, starts[members + 1]
        at, owner = ranges(begin, end)
        if kind.ragged.sig is not None:
            step.children = make_source(places, at, kind.ragged.sig, device)
        step.owner, step.lengths = _index(owner, device), _index(end - begin, device)


class PlanCache:
    """Plans by structure, the longest unused forgotten first."""

    def __init__(self, max_nodes: int = 4_000_000) -> None:
        self.max_nodes = max_nodes  # about 100 bytes each
        self.num_nodes = 0
        self.hits = self.misses = 0
        self._plans: OrderedDict[bytes, Plan] = OrderedDict()

    def get(self, key: bytes) -> Plan | None:
        plan = self._plans.get(key)
        if plan is None:
            self.misses += 1
            return None
        self.hits += 1
        self._plans.move_to_end(key)
        return plan

    def put(self, key: bytes, plan: Plan) -> None:
        self._plans[key] = plan
        self.num_nodes += len(plan.nodes)
        while self.num_nodes > self.max_nodes and len(self._plans) > 1:
            _, old = self._plans.popitem(last=False)
            self.num_nodes -= len(old.nodes)

    def clear(self) -> None:
        self._plans.clear()
        self.num_nodes = 0
