"""Tapes: the program as it is recorded, node by node, and its values as far as it has run."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import FoldError, Place
from .execute import Executor, FlushReport
from .kind import Kind
from .node import Node
from .plan import Plan, PlanCache, make_plan
from .results import Results
from .run import gather
from .schedule import Pending
from .signature import Signature, build, flatten

__all__ = ["Tape", "plan_cache"]

plan_cache = PlanCache()
_numbers = itertools.count()


class Tape:
    """One program.

    Attributes:
        kinds: of each node.
        starts: where each node's references begin in ``refs``.
        refs: node number · 256 + number of its first tensor; for numbers and tensors, their index in the pool.
        places: where each node was made; None: not noted.
        scalars: the pool of numbers; and of tensors.
        versions: of those tensors, when they were passed: how often they had been changed in place.
        reports: what has run.
    """

    def __init__(self, *, places: bool = True, device: torch.device | None = None) -> None:
        self.number = next(_numbers)
        self.kinds: list[Kind] = []
        self.starts: list[int] = []
        self.refs: list[int] = []
        self.places: list[Place] | None = [] if places else None
        self.scalars: list[int | float | bool] = []
        self.tensors: list[Tensor] = []
        self.versions: list[int | None] = []
        self.reports: list[FlushReport] = []
        self.wait: Callable[[], bool] | None = None
        "Called before running: True, if someone else has run everything meanwhile."
        self._results = Results()
        self._executor = Executor(self._results, self.scalars, self.tensors, self.versions, self.places, device)
        self._shared: dict[Any, int] = {}
        self._base = 0  # all nodes before it have run
        self._early: set[int] = set()  # and these behind it

    # Recording

    def shared_node(self, kind: Kind, refs: tuple[int, ...]) -> Node | None:
        """The node of an equal call; without one, the node about to be recorded is entered for calls to come."""
        if kind.result is None:
            return None
        key: tuple[Any, ...]
        if kind.width == 1 and len(kind.scalars) == 1:
            key = (kind, repr(self.scalars[refs[0]]))
        else:
            key = (
                kind,
                *[refs[column] for column in kind.columns],
                *[repr(self.scalars[refs[slot.column]]) for slot in kind.scalars],  # 0.0 and -0.0 differ
                *[id(self.tensors[refs[slot.column]]) for slot in kind.constants],
                *refs[kind.width :],
            )
        found = self._shared.get(key)
        if found is None:
            self._shared[key] = len(self.kinds)
            return None
        return Node(self, found << 8, kind.result)

    def learn(self, index: int) -> Signature:
        """Run a node whose result's form isn't known yet, with what it needs and nothing else."""
        needed, waiting = {index}, [index]
        while waiting:
            for each in self.inputs(waiting.pop()):
                if self._pending(each) and each not in needed:
                    needed.add(each)
                    waiting.append(each)
        try:
            self._run(sorted(needed))
        except BaseException:
            self._forget(index)
            raise
        self._early |= needed
        result = self.kinds[index].result
        assert result is not None
        return result

    def _forget(self, index: int) -> None:
        """Take back the node that was recorded last: its call has failed, so that the program has no such node."""
        assert index == len(self.kinds) - 1
        del self.refs[self.starts[index] :], self.starts[index], self.kinds[index]
        if self.places is not None:
            del self.places[index]

    def inputs(self, node: int) -> list[int]:
        """The nodes whose values a node needs."""
        kind, start = self.kinds[node], self.starts[node]
        found = [self.refs[start + slot.column] >> 8 for slot in kind.nodes]
        if kind.ragged is not None:
            found += [ref >> 8 for ref in self.refs[start + kind.width : self._stop(node)]]
        return found

    def _stop(self, node: int) -> int:
        """Where a node's references end."""
        return self.starts[node + 1] if node + 1 < len(self.starts) else len(self.refs)

    # Values

    def value(self, node: Node) -> Any:
        """One node's value, without a batch dimension."""
        if self._pending(node.ref >> 8):
            self.flush()
        value = self._values(np.array([node.ref]), node.sig)
        return build(node.sig, iter([tensor[0] for tensor in flatten(value, [])]))

    def stack(self, nodes: Sequence[Node]) -> Any:
        """Values of nodes of one form, one below the other."""
        self.flush()
        return self._values(np.fromiter((node.ref for node in nodes), np.int64, len(nodes)), nodes[0].sig)

    def _values(self, refs: np.ndarray[tuple[int, ...], np.dtype[np.int64]], sig: Signature) -> Any:
        (value,) = gather([self._results.of(refs, sig)], self._results.token)
        return value

    def _pending(self, node: int) -> bool:
        return node >= self._base and node not in self._early

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
        if self._executor.running:
            raise FoldError(
                "a value was asked for inside a batchable operation, or another one called, which runs on whole "
                "batches: do that outside of it, and call plain functions and modules inside"
            )
        before = time.perf_counter()
        plan, cached = self._plan(nodes)
        report = FlushReport(plan.schedule, plan.other_batches, cached, time.perf_counter() - before)
        self.reports.append(report)
        self._executor.run(plan, report)

    def _plan(self, nodes: Sequence[int]) -> tuple[Plan, bool]:
        """A plan for pending nodes, and whether it was known from before."""
        results = self._results
        results.placed.grow(len(self.kinds))
        pending, key = self._part(nodes), None
        if len(nodes) == len(self.kinds) and self.kinds[-1].result is not None:
            key = pending.key()  # a program as a whole: its plan depends on nothing but its structure
            plan = plan_cache.get(key)
            if plan is not None:
                results.placed.enter(plan)
                return plan, True
        plan = make_plan(pending, results.placed, len(results.segments), len(results.batches))
        if key is not None:
            plan_cache.put(key, plan)
        return plan, False

    def _part(self, nodes: Sequence[int]) -> Pending:
        first, last = nodes[0], nodes[-1]
        if len(nodes) == last + 1 - first:
            starts = [*self.starts[first : last + 1], self._stop(last)]
            return Pending(self.kinds[first : last + 1], nodes, starts, self.refs)
        starts, refs = [0], list[int]()
        for node in nodes:
            refs += self.refs[self.starts[node] : self._stop(node)]
            starts.append(len(refs))
        return Pending([self.kinds[node] for node in nodes], nodes, starts, refs)
