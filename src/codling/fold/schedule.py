"""Schedules: in which batches the pending nodes of a program run.

Two are known. *By depth*: nodes of one kind at one depth are a batch (Looks et al. 2017, TensorFlow Fold; TorchFold).
*By agenda*: of the kinds that have nodes ready, the one whose nodes lie least deep on average runs, with all of its
ready nodes (Neubig, Goldberg & Dyer 2017, DyNet). Which gives fewer batches depends on the program, so both are
counted.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from .kind import Kind

__all__ = ["Schedule", "by_agenda", "by_depth", "depths", "depths_of", "pending_inputs", "shorter"]

Schedule = list[tuple[Kind, Sequence[int]]]
"Batches in order: their kind, and their nodes in the order in which they were made."


def pending_inputs(
    kinds: Sequence[Kind], nodes: Sequence[int], starts: Sequence[int], refs: Sequence[int]
) -> list[list[int]]:
    """Of each pending node, the places in ``nodes`` of those that it needs and that are pending too."""
    local = {node: i for i, node in enumerate(nodes)}
    found: list[list[int]] = []
    for kind, start, stop in zip(kinds, starts[:-1], starts[1:], strict=True):
        needed = [refs[start + slot.column] >> 8 for slot in kind.nodes]
        if kind.ragged is not None:
            needed += [ref >> 8 for ref in refs[start + kind.width : stop]]
        found.append([local[node] for node in needed if node in local])
    return found


def depths(kinds: Sequence[Kind], first: int, starts: Sequence[int], refs: Sequence[int]) -> list[int]:
    """Of each node: one more than its deepest pending input's, or 0.

    Args:
        first: the number of the first node; the others follow without a gap, and all before it have run.
    """
    found: list[int] = []
    for node, kind in enumerate(kinds):
        depth = 0
        if kind.columns:
            start = starts[node]
            for column in kind.columns:
                needed = (refs[start + column] >> 8) - first
                if needed >= 0 and found[needed] >= depth:
                    depth = found[needed] + 1
        if kind.ragged is not None:
            for ref in refs[starts[node] + kind.width : starts[node + 1]]:
                needed = (ref >> 8) - first
                if needed >= 0 and found[needed] >= depth:
                    depth = found[needed] + 1
        found.append(depth)
    return found


def depths_of(inputs: Sequence[Sequence[int]]) -> list[int]:
    """The same from ``pending_inputs``, where there are gaps."""
    found: list[int] = []
    for needed in inputs:
        found.append(1 + max((found[each] for each in needed), default=-1))
    return found


def by_depth(kinds: Sequence[Kind], depth: Sequence[int]) -> Schedule:
    numbers = np.fromiter([kind.number for kind in kinds], np.int64, len(kinds))
    deep = np.asarray(depth, np.int64)
    order = np.lexsort((numbers, deep))
    numbers, deep = numbers[order], deep[order]
    turns = np.flatnonzero((numbers[1:] != numbers[:-1]) | (deep[1:] != deep[:-1])) + 1
    bounds = [0, *turns.tolist(), len(order)]
    return [(kinds[order[start]], order[start:stop]) for start, stop in itertools.pairwise(bounds)]  # type: ignore[misc]


def by_agenda(kinds: Sequence[Kind], inputs: Sequence[Sequence[int]], depth: Sequence[int]) -> Schedule:
    users: list[list[int]] = [[] for _ in kinds]
    missing = [len(needed) for needed in inputs]
    total: defaultdict[Kind, list[int]] = defaultdict(lambda: [0, 0])
    ready: defaultdict[Kind, list[int]] = defaultdict(list)
    for node, (kind, needed) in enumerate(zip(kinds, inputs, strict=True)):
        for each in needed:
            users[each].append(node)
        if not needed:
            ready[kind].append(node)
        sums = total[kind]
        sums[0] += depth[node]
        sums[1] += 1
    mean = {kind: (deep / count, kind.number) for kind, (deep, count) in total.items()}
    found: Schedule = []
    while ready:
        kind = min(ready, key=mean.__getitem__)
        nodes = sorted(ready.pop(kind))
        found.append((kind, nodes))
        for node in nodes:
            for user in users[node]:
                missing[user] -= 1
                if not missing[user]:
                    ready[kinds[user]].append(user)
    return found


def shorter(
    kinds: Sequence[Kind], nodes: Sequence[int], starts: Sequence[int], refs: Sequence[int]
) -> tuple[Schedule, str, int]:
    """The schedule of fewer batches, which one it is, and how many batches the other has.

    Where all kinds but one depend on nothing, depth is as short as can be: each batch of that one kind lies on the
    longest path. Then no agenda is made.
    """
    inputs: list[list[int]] | None = None
    if len(nodes) == nodes[-1] + 1 - nodes[0]:
        depth = depths(kinds, nodes[0], starts, refs)
    else:
        inputs = pending_inputs(kinds, nodes, starts, refs)
        depth = depths_of(inputs)
    levels = by_depth(kinds, depth)
    inner = {kind for kind, members in levels if depth[members[0]]}
    if len(inner) <= 1 and not any(depth[members[0]] == 0 and kind in inner for kind, members in levels):
        return levels, "depth", len(levels)
    agenda = by_agenda(kinds, inputs or pending_inputs(kinds, nodes, starts, refs), depth)
    if len(agenda) < len(levels):
        return agenda, "agenda", len(levels)
    return levels, "depth", len(agenda)
