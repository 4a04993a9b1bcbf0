"""Schedules: in which batches the pending nodes of a program run.

Two are known. *By depth*: nodes of one kind at one depth are a batch (Looks et al. 2017, TensorFlow Fold; TorchFold).
*By agenda*: of the kinds that have nodes ready, the one whose nodes lie least deep on average runs, with all of its
ready nodes (Neubig, Goldberg & Dyer 2017, DyNet). Which gives fewer batches depends on the program, so both are
counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from .kind import Kind

__all__ = ["Schedule", "by_agenda", "by_depth", "depths", "shorter"]

Schedule = list[tuple[Kind, list[int]]]
"Batches in order: their kind, and their nodes in the order in which they were made."


def depths(inputs: Sequence[Sequence[int]]) -> list[int]:
    """Of each node: one more than its deepest input's, or 0.

    Args:
        inputs: the numbers, all smaller than the node's own, of the pending nodes that it needs.
    """
    found: list[int] = []
    for needed in inputs:
        depth = 0
        for each in needed:
            if found[each] >= depth:
                depth = found[each] + 1
        found.append(depth)
    return found


def by_depth(kinds: Sequence[Kind], depth: Sequence[int]) -> Schedule:
    groups: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for node, key in enumerate(zip(depth, [kind.number for kind in kinds], strict=True)):
        groups[key].append(node)
    return [(kinds[nodes[0]], nodes) for _, nodes in sorted(groups.items())]


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


def shorter(kinds: Sequence[Kind], inputs: Sequence[Sequence[int]]) -> tuple[Schedule, str, int]:
    """The schedule of fewer batches, which one it is, and how many batches the other has.

    Where all kinds but one depend on nothing, depth is as short as can be: each batch of that one kind lies on the
    longest path. Then no agenda is made.
    """
    depth = depths(inputs)
    levels = by_depth(kinds, depth)
    inner = {kind for (kind, _), first in ((batch, depth[batch[1][0]]) for batch in levels) if first}
    if len(inner) <= 1 and not any(depth[nodes[0]] == 0 and kind in inner for kind, nodes in levels):
        return levels, "depth", len(levels)
    agenda = by_agenda(kinds, inputs, depth)
    if len(agenda) < len(levels):
        return agenda, "agenda", len(levels)
    return levels, "depth", len(agenda)
