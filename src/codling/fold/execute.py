"""Executing a plan: for each batch, arguments are assembled and the operation, or its kernel, runs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from .blame import blame
from .errors import FoldError, Place
from .kernel import KernelStep, OpenKernel
from .kind import Kind, NodeSlot, Ragged, RaggedSlot, Scalar, Setting, Slot, TupleSlot
from .plan import Plan, Step
from .results import Results
from .run import Batch, gather, store, version_of
from .schedule import Ints
from .signature import signature

__all__ = ["BatchReport", "Executor", "FlushReport"]


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch, for ``explain``."""

    kind: Kind
    num: int
    nodes: Ints
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


class Executor:
    """Runs the plans of one program.

    Args:
        results: where values come from and go.
        scalars: the program's pool of numbers.
        tensors: its pool of tensors.
        versions: theirs, when they were passed.
        places: where its nodes were made, for errors.
        device: where numbers go as arguments of operations that have no parameters.
    """

    def __init__(
        self,
        results: Results,
        scalars: Sequence[int | float | bool],
        tensors: Sequence[Tensor],
        versions: Sequence[int | None],
        places: Sequence[Place] | None,
        device: torch.device | None,
    ) -> None:
        self.results, self.scalars, self.tensors = results, scalars, tensors
        self.versions, self.places, self.device = versions, places, device
        self.running = False

    def run(self, plan: Plan, report: FlushReport) -> None:
        """Run a plan; after an error, as if it hadn't begun."""
        before, grad = self.results.mark(), torch.is_grad_enabled()
        open_kernels: dict[Kind, OpenKernel] = {}
        self.results.open(plan)
        self.running = True
        try:
            for kind, steps in groupby(plan.steps, lambda step: step.kind):
                torch.set_grad_enabled(kind.grad)
                if kind.has_kernel:
                    if kind not in open_kernels:
                        made = kind.kernel(kind.module, plan.rows[kind], plan.children.get(kind, 0))
                        open_kernels[kind] = OpenKernel(made)
                    self._run_kernel(open_kernels[kind], list(steps), report)
                else:
                    for step in steps:
                        self._run_step(step, report)
        except BaseException:
            self.results.give_up(before)
            raise
        finally:
            torch.set_grad_enabled(grad)
            self.running = False

    def _batch(self, step: Step) -> Batch:
        batch = Batch(self.results.segments[step.segment], step.start, step.start + step.num)
        self.results.batches.append(batch)
        return batch

    def _run_kernel(self, kernel: OpenKernel, steps: Sequence[Step], report: FlushReport) -> None:
        bind, ready = self.results.bind, []
        for step in steps:
            children = bind(step.children) if step.children is not None else None
            sources = [bind(source) for source in step.sources]
            ready.append(KernelStep(self._batch(step), step.first, sources, children, step.owner))
        self.results.token = kernel.run(ready, self.results.token)
        for step, done in zip(steps, ready, strict=True):
            report.batches.append(BatchReport(step.kind, step.num, step.nodes, 0.0, done.compute_s))

    def _run_step(self, step: Step, report: FlushReport) -> None:
        kind, results = step.kind, self.results
        batch = self._batch(step)
        started = time.perf_counter()
        args = self._arguments(step)
        random = _random_state() if kind.result is None and kind.share else None
        gathered = time.perf_counter()
        try:
            result = kind.call(*args, **kind.settings)
            if not kind.width and kind.ragged is None:
                result = _repeated(result, step.num)
            kind.result, results.token = store(result, batch, results.token)
        except Exception as error:
            raise blame(step, error, args, self.places) from error
        if random is not None and not all(map(torch.equal, random, _random_state())):
            kind.share = False  # whatever its owner says: it draws random numbers
        finished = time.perf_counter()
        report.batches.append(BatchReport(kind, step.num, step.nodes, gathered - started, finished - gathered))

    # Arguments

    def _arguments(self, step: Step) -> list[Any]:
        kind, token = step.kind, self.results.token
        sources = [self.results.bind(source) for source in step.sources]
        ragged = None
        if kind.ragged is not None:
            assert step.owner is not None and step.lengths is not None
            children = self.results.bind(step.children) if step.children is not None else None
            values = gather([children, *sources] if children is not None else sources, token)
            ragged = Ragged(next(values) if children is not None else None, step.owner, step.lengths)
        else:
            values = gather(sources, token)
        device = kind.device or self.device or next((s.sig.leaves[0][2] for s in sources), None)
        batched = _Batched(kind.name, values, iter(step.scalars), iter(step.constants), ragged)
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
        return torch.stack(self._constants(next(batched.constants).tolist(), batched.name))

    def _constants(self, places: list[int], name: str) -> list[Tensor]:
        tensors = [self.tensors[i] for i in places]
        for i, tensor in zip(places, tensors, strict=True):
            if version_of(tensor) != self.versions[i]:
                raise FoldError(
                    f"a {signature(tensor)!r} was changed in place after it was passed to {name}, which is lazy and "
                    "would run with what it holds now: pass a clone, or ask for the call's value first"
                )
        return tensors


@dataclass(slots=True)
class _Batched:
    """Arguments of a batch that are left to be handed out, each in order."""

    name: str
    "Of the operation, for errors."
    values: Iterator[Any]
    scalars: Iterator[Ints]
    constants: Iterator[Ints]
    ragged: Ragged | None


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
