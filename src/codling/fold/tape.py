"""Tapes: the program as it is recorded, node by node, and its values as far as it has run."""

from __future__ import annotations

import itertools
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import FoldError, Place, place_text
from .kernel import KernelStep, OpenKernel
from .kind import Kind, NodeSlot, Ragged, RaggedSlot, Scalar, Setting, Slot, TupleSlot
from .node import Node
from .plan import PlacedNodes, Plan, PlanCache, Source, Step, make_plan, make_source
from .run import Batch, BoundPart, BoundSource, Segment, gather, store
from .signature import Signature, batch_signature, build, flatten

__all__ = ["BatchReport", "FlushReport", "Tape", "plan_cache"]

plan_cache = PlanCache()
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch, for ``explain``."""

    kind: Kind
    num: int
    nodes: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    gather_s: float
    compute_s: float


@dataclass(slots=True)
class FlushReport:
    """What one asking for values has run."""

    schedule: str
    other_batches: int
    cached: bool
    plan_s: float
    batches: list[BatchReport] = field(default_factory=list)


class Tape:
    """One program.

    Attributes:
        kinds: of each node.
        starts: where each node's references begin in ``refs``.
        refs: node number · 256 + number of its first tensor; for numbers and tensors, their index in the pool.
        places: where each node was made; None: not noted.
    """

    def __init__(self, *, places: bool = True, device: torch.device | None = None) -> None:
        self.number = next(_numbers)
        self.kinds: list[Kind] = []
        self.starts: list[int] = []
        self.refs: list[int] = []
        self.places: list[Place] | None = [] if places else None
        self.scalars: list[int | float | bool] = []
        self.tensors: list[Tensor] = []
        self.reports: list[FlushReport] = []
        self._device = device
        self._shared: dict[Any, int] = {}
        self._placed = PlacedNodes()
        self._segments: list[Segment] = []
        self._batches: list[Batch] = []
        self._token: Tensor | None = None
        self._base = 0  # all nodes before it have run
        self._early: set[int] = set()  # and these behind it
        self._running = False
        self.wait: Callable[[], bool] | None = None
        "Called before running: True, if someone else has run everything meanwhile."

    # Recording

    def shared_node(self, kind: Kind, refs: tuple[int, ...]) -> Node | None:
        """The node of an equal call; without one, the node about to be recorded is entered for calls to come."""
        key = [kind, *(refs[slot.column] for slot in kind.nodes)]
        key += [(type(self.scalars[refs[s.column]]), self.scalars[refs[s.column]]) for s in kind.scalars]
        key += [id(self.tensors[refs[s.column]]) for s in kind.constants]
        key += refs[kind.width :]
        found = self._shared.get(tuple(key))
        if found is None or kind.result is None:
            if kind.result is not None:
                self._shared[tuple(key)] = len(self.kinds)
            return None
        return Node(self, found << 8, kind.result)

    def learn(self, index: int) -> Signature:
        """Run a node whose result's form isn't known yet, with what it needs and nothing else."""
        needed, waiting = {index}, [index]
        while waiting:
            for each in self.inputs(waiting.pop()):
                if each >= self._base and each not in self._early and each not in needed:
                    needed.add(each)
                    waiting.append(each)
        self._run(sorted(needed))
        self._early |= needed
        result = self.kinds[index].result
        assert result is not None
        return result

    def inputs(self, node: int) -> list[int]:
        """The nodes whose values a node needs."""
        kind, start = self.kinds[node], self.starts[node]
        found = [self.refs[start + slot.column] >> 8 for slot in kind.nodes]
        if kind.ragged is not None:
            stop = self.starts[node + 1] if node + 1 < len(self.starts) else len(self.refs)
            found += [ref >> 8 for ref in self.refs[start + kind.width : stop]]
        return found

    # Values

    def value(self, node: Node) -> Any:
        """One node's value, without a batch dimension."""
        if self._pending(node.ref >> 8):
            self.flush()
        source = self._source(np.array([node.ref]), node.sig)
        (value,) = gather([source], self._token)
        return build(node.sig, iter([tensor[0] for tensor in flatten(value, [])]))

    def stack(self, nodes: Sequence[Node]) -> Any:
        """Values of nodes of one form, one below the other."""
        self.flush()
        source = self._source(np.fromiter((node.ref for node in nodes), np.int64, len(nodes)), nodes[0].sig)
        (value,) = gather([source], self._token)
        return value

    def _pending(self, node: int) -> bool:
        return node >= self._base and node not in self._early

    def _source(self, refs: Any, sig: Signature) -> BoundSource:
        return self._bind(make_source(self._placed, refs, sig, sig.leaves[0][2]))

    def _bind(self, source: Source) -> BoundSource:
        parts = tuple(
            BoundPart(
                self._segments[part.segment],
                part.offset,
                part.rows,
                part.positions,
                tuple([self._batches[number] for number in part.producers]),
            )
            for part in source.parts
        )
        return BoundSource(source.sig, source.num, parts)

    # Running

    def flush(self) -> None:
        """Run everything pending."""
        if self._base == len(self.kinds) or (self.wait is not None and self.wait()):
            return
        pending: Sequence[int] = range(self._base, len(self.kinds))
        if self._early:
            pending = [node for node in pending if node not in self._early]
        if pending:
            self._run(pending)
        self._base = len(self.kinds)
        self._early.clear()

    def _run(self, nodes: Sequence[int]) -> None:
        if self._running:
            raise FoldError(
                "a value was asked for inside a batchable operation, which runs on whole batches: ask outside of it"
            )
        before = time.perf_counter()
        plan, cached = self._plan(nodes)
        report = FlushReport(plan.schedule, plan.other_batches, cached, time.perf_counter() - before)
        self.reports.append(report)
        offset = len(self._segments)
        self._segments += [Segment(sig, rows) for sig, rows in plan.segments]
        open_kernels: dict[Kind, OpenKernel] = {}
        self._running = True
        grad = torch.is_grad_enabled()
        try:
            for step in plan.steps:
                torch.set_grad_enabled(step.kind.grad)
                segment = self._segments[step.segment]
                batch = Batch(segment, step.start, step.start + step.num)
                self._batches.append(batch)
                self._step(step, batch, plan, open_kernels, report)
        except BaseException:
            self._give_up(offset)
            raise
        finally:
            torch.set_grad_enabled(grad)
            self._running = False

    def _give_up(self, offset: int) -> None:
        """After an error: nothing of this flush counts as run."""
        del self._segments[offset:]
        broken = self._placed.segment >= offset
        self._placed.segment[broken] = -1

    def _plan(self, nodes: Sequence[int]) -> tuple[Plan, bool]:
        self._placed.grow(len(self.kinds))
        first, last = nodes[0], nodes[-1]
        whole = len(nodes) == last + 1 - first
        key = None
        if whole and first == 0 and len(nodes) == len(self.kinds) and self.kinds[-1].result is not None:
            numbers = array("q", [kind.number for kind in self.kinds])
            key = numbers.tobytes() + array("q", self.starts).tobytes() + array("q", self.refs).tobytes()
            plan = plan_cache.get(key)
            if plan is not None:
                self._placed.enter(plan)
                return plan, True
        if whole:
            kinds, starts, refs = self.kinds[first : last + 1], self.starts[first : last + 2], self.refs
            if last + 1 == len(self.kinds):
                starts.append(len(refs))
        else:
            kinds, starts, refs = [self.kinds[node] for node in nodes], [0], []
            for node in nodes:
                stop = self.starts[node + 1] if node + 1 < len(self.starts) else len(self.refs)
                refs += self.refs[self.starts[node] : stop]
                starts.append(len(refs))
        plan = make_plan(kinds, nodes, starts, refs, self._placed, len(self._segments), len(self._batches))
        if key is not None:
            plan_cache.put(key, plan)
        return plan, False

    def _step(
        self, step: Step, batch: Batch, plan: Plan, open_kernels: dict[Kind, OpenKernel], report: FlushReport
    ) -> None:
        kind = step.kind
        started = time.perf_counter()
        sources = [self._bind(source) for source in step.sources]
        children = self._bind(step.children) if step.children is not None else None
        if kind.kernel is not None and kind.result is not None:
            kernel = open_kernels.get(kind)
            if kernel is None:
                made = kind.kernel(kind.module, plan.rows[kind], plan.children.get(kind, 0))
                kernel = open_kernels[kind] = OpenKernel(made)
            bound = KernelStep(batch, step.first, sources, children, step.owner)
            self._token = kernel.run(bound, self._token)
            report.batches.append(BatchReport(kind, step.num, step.nodes, 0.0, time.perf_counter() - started))
            return
        args = self._arguments(step, sources, children)
        random = _random_state() if kind.result is None and kind.share else None
        gathered = time.perf_counter()
        try:
            result = kind.call(*args, **kind.settings)
            if not kind.width and kind.ragged is None:
                result = _repeated(result, step.num)
            sig, self._token = store(result, batch, self._token)
        except Exception as error:
            self._blame(step, error, args)
        kind.result = sig
        if random is not None and not all(map(torch.equal, random, _random_state())):
            kind.share = False  # whatever its owner says: it draws random numbers
        finished = time.perf_counter()
        report.batches.append(BatchReport(kind, step.num, step.nodes, gathered - started, finished - gathered))

    def _arguments(self, step: Step, sources: list[BoundSource], children: BoundSource | None) -> list[Any]:
        kind = step.kind
        if kind.kernel is not None and children is not None and kind.ragged is None:
            values = self._unmerged(kind, sources, children)
        else:
            values = gather([children, *sources] if children is not None else sources, self._token)
        items = next(values) if kind.ragged is not None and children is not None else None
        device = kind.device or self._device or next((s.sig.leaves[0][2] for s in sources), None)
        ragged = None
        if step.owner is not None and step.lengths is not None:
            ragged = Ragged(items, step.owner, step.lengths)
        batched = _Batched(values, iter(step.scalars), iter(step.constants), ragged)
        return [self._argument(slot, batched, device) for slot in kind.slots]

    def _argument(self, slot: Slot, batched: _Batched, device: torch.device | None) -> Any:
        if isinstance(slot, NodeSlot):
            return next(batched.values)
        if isinstance(slot, Scalar):
            numbers = [self.scalars[i] for i in next(batched.scalars).tolist()]
            return torch.tensor(numbers, dtype=slot.dtype or torch.get_default_dtype(), device=device)
        if isinstance(slot, Setting):
            return slot.value
        if isinstance(slot, TupleSlot):
            parts = [self._argument(item, batched, device) for item in slot.items]
            return slot.form._make(parts) if hasattr(slot.form, "_make") else tuple(parts)
        if isinstance(slot, RaggedSlot):
            return batched.ragged
        return torch.stack([self.tensors[i] for i in next(batched.constants).tolist()])

    def _unmerged(self, kind: Kind, sources: list[BoundSource], children: BoundSource) -> Iterator[Any]:
        """Arguments of a kind that has a kernel, for once without it: children come apart again."""
        first, rest = kind.kernel.split(kind.nodes)
        values = list(gather([children, *sources], self._token))
        arity = len(first)
        tensors = flatten(values[0], [])
        columns = [build(children.sig, iter([tensor[i::arity] for tensor in tensors])) for i in range(arity)]
        by_slot = {id(slot): value for slot, value in zip((*first, *rest), (*columns, *values[1:]), strict=True)}
        return iter([by_slot[id(slot)] for slot in kind.nodes])

    # Errors

    def _blame(self, step: Step, error: Exception, args: list[Any]) -> None:
        """Say which node it was, found by halving the batch, and where it was made."""
        kind = step.kind
        culprit, alone = 0, error
        low, high = 0, step.num
        with torch.no_grad():
            while high - low > 1:
                middle = (low + high) // 2
                failed = self._fails(step, args, low, middle)
                if failed is not None:
                    high, alone = middle, failed
                    continue
                failed = self._fails(step, args, middle, high)
                if failed is None:
                    break
                low, alone = middle, failed
            culprit = low
        node = int(step.nodes[culprit])
        whom = f"node {node}" if high - low == 1 else f"a batch of {step.num} nodes, the first of them node {node}"
        made = f", made at {place_text(self.places[node])}" if self.places is not None else ""
        message = str(alone).strip().splitlines()[0] if str(alone).strip() else type(alone).__name__
        raise FoldError(
            f"{kind.describe()} failed for {whom}{made}: {type(alone).__name__}: {message} "
            "(with codling.fold.eager() around the program, each call fails where it stands)"
        ) from error

    def _fails(self, step: Step, args: list[Any], low: int, high: int) -> Exception | None:
        parts = [_rows(slot, arg, low, high) for slot, arg in zip(step.kind.slots, args, strict=True)]
        try:
            batch_signature(step.kind.call(*parts, **step.kind.settings), high - low)
        except Exception as error:
            return error
        return None


# Recursive functions stand outside of methods: a closure that calls itself is a cycle, and would keep a whole program's
# values until the garbage collector comes by.


@dataclass(slots=True)
class _Batched:
    """Arguments of a batch that are left to be handed out, each in order."""

    values: Iterator[Any]
    scalars: Iterator[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]
    constants: Iterator[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]
    ragged: Ragged | None


def _rows(slot: Slot, arg: Any, low: int, high: int) -> Any:
    """Rows of a batch's argument."""
    if isinstance(slot, Setting):
        return arg
    if isinstance(slot, TupleSlot):
        return tuple(_rows(one, item, low, high) for one, item in zip(slot.items, arg, strict=True))
    if isinstance(slot, RaggedSlot):
        picked = (arg.owner >= low) & (arg.owner < high)
        value = _map(arg.value, slot.sig, lambda t: t[picked]) if slot.sig is not None else None
        return Ragged(value, arg.owner[picked] - low, arg.lengths[low:high])
    return _map(arg, slot.sig, lambda t: t[low:high]) if isinstance(slot, NodeSlot) else arg[low:high]


def _map(value: Any, sig: Signature, function: Callable[[Tensor], Tensor]) -> Any:
    return build(sig, iter([function(tensor) for tensor in flatten(value, [])]))


def _random_state() -> list[Tensor]:
    states = [torch.get_rng_state()]
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states.append(torch.cuda.get_rng_state())
    return states


def _repeated(result: Any, num: int) -> Any:
    """An operation without arguments of examples can't know how many there are: its one row is everybody's."""
    if isinstance(result, Tensor):
        return result.expand(num, *result.shape[1:]) if result.dim() and result.shape[0] == 1 else result
    items = [_repeated(item, num) for item in result]
    return type(result)._make(items) if hasattr(result, "_make") else tuple(items)
