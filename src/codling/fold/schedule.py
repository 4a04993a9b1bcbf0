"""Schedules: in which batches the pending nodes of a program run.

Two are known. *By depth*: nodes of one kind at one depth are a batch (Looks et al. 2017, TensorFlow Fold; TorchFold).
*By agenda*: of the kinds that have nodes ready, the one whose nodes lie least deep on average runs, with all of its
ready nodes (Neubig, Goldberg & Dyer 2017, DyNet). Which gives fewer batches depends on the program, so both are
counted.
"""

from __future__ import annotations

import itertools
from array import array
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from .kind import Kind

__all__ = ["Ints", "Pending", "Schedule", "by_agenda", "by_depth", "ranges", "shorter"]

Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

Schedule = list[tuple[Kind, Ints]]
"Batches in order: their kind, and their nodes' places among the pending ones, ascending."


class Pending:
    """Nodes that are to run, in the order in which they were made.

    Attributes:
        kinds: of each.
        nodes: their numbers in the program.
        starts: of each, where its references begin in ``refs``, and where the last's end.
        refs: node number · 256 + number of the first tensor, for nodes; an index into a pool, for other arguments.
        numbers: of the kinds, as an array; likewise the others.
    """

    def __init__(self, kinds: list[Kind], nodes: Sequence[int], starts: list[int], refs: list[int]) -> None:
        self.kinds, self.nodes, self.starts, self.refs = kinds, nodes, starts, refs
        self.numbers = _array([kind.number for kind in kinds])
        self.nodes_array, self.starts_array, self.refs_array = _array(nodes), _array(starts), _array(refs)

    def key(self) -> bytes:
        """What tells programs of different structure apart."""
        parts = (self.numbers, self.nodes_array, self.starts_array, self.refs_array)
        return b"".join(part.tobytes() for part in parts)

    def depths(self) -> list[int]:
        """Of each: one more than that of its deepest pending input, or 0."""
        found: dict[int, int] = {}
        deep, refs = found.get, self.refs
        for kind, node, (start, stop) in zip(self.kinds, self.nodes, itertools.pairwise(self.starts), strict=True):
            depth = -1
            for column in kind.columns:
                depth = max(depth, deep(refs[start + column] >> 8, -1))
            if kind.ragged is not None:
                for ref in refs[start + kind.width : stop]:
                    depth = max(depth, deep(ref >> 8, -1))
            found[node] = depth + 1
        return list(found.values())

    def edges(self) -> tuple[Ints, Ints]:
        """Who needs whom: places of inputs that are pending too, and of the nodes that need them."""
        needed, users = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for kind in dict.fromkeys(self.kinds):
            members = np.flatnonzero(self.numbers == kind.number)
            begin = self.starts_array[members]
            for column in kind.columns:
                needed.append(self.refs_array[begin + column])
                users.append(members)
            if kind.ragged is not None:
                at, owner = ranges(begin + kind.width, self.starts_array[members + 1])
                needed.append(self.refs_array[at])
                users.append(members[owner])
        inputs, all_users = np.concatenate(needed) >> 8, np.concatenate(users)
        places = np.searchsorted(self.nodes_array, inputs)
        pending = self.nodes_array.take(places, mode="clip") == inputs
        return places[pending], all_users[pending]


def _array(numbers: Sequence[int]) -> Ints:
    return np.frombuffer(array("q", numbers), np.int64)  # three times as fast as asking numpy


def ranges(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """The numbers from each start to its stop, one range behind the other, and which range each belongs to."""
    lengths = stops - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    return np.arange(len(owner)) + (starts - (np.cumsum(lengths) - lengths))[owner], owner


def by_depth(kinds: Sequence[Kind], depths: Sequence[int]) -> Schedule:
    numbers, deep = _array([kind.number for kind in kinds]), _array(depths)
    order = np.lexsort((numbers, deep))
    numbers, deep = numbers[order], deep[order]
    turns = np.flatnonzero((numbers[1:] != numbers[:-1]) | (deep[1:] != deep[:-1])) + 1
    bounds = [0, *turns.tolist(), len(order)]
    return [(kinds[order[start]], order[start:stop]) for start, stop in itertools.pairwise(bounds)]


def by_agenda(kinds: Sequence[Kind], needed: Ints, users: Ints, depths: Sequence[int]) -> Schedule:
    """The schedule by agenda; ``needed`` and ``users`` as ``Pending.edges`` gives them."""
    by_number = {kind.number: kind for kind in kinds}
    known, kind_of = np.unique(_array([kind.number for kind in kinds]), return_inverse=True)
    mean = np.bincount(kind_of, _array(depths)) / np.bincount(kind_of)
    rank = np.argsort(np.argsort(mean, kind="stable")).tolist()
    missing = np.bincount(users, minlength=len(kinds))
    users = users[np.argsort(needed, kind="stable")]
    stops = np.cumsum(np.bincount(needed, minlength=len(kinds)))  # of each node's users
    starts = np.concatenate([[0], stops[:-1]])

    ready: defaultdict[int, list[Ints]] = defaultdict(list)

    def enter(nodes: Ints) -> None:
        theirs = kind_of[nodes]
        for kind in set(theirs.tolist()):
            ready[kind].append(nodes[theirs == kind])

    enter(np.flatnonzero(missing == 0))
    found: Schedule = []
    while ready:
        kind = min(ready, key=rank.__getitem__)
        nodes = np.sort(np.concatenate(ready.pop(kind)))
        found.append((by_number[int(known[kind])], nodes))
        at, _ = ranges(starts[nodes], stops[nodes])
        satisfied = users[at]
        np.subtract.at(missing, satisfied, 1)
        enter(np.unique(satisfied[missing[satisfied] == 0]))
    return found


def shorter(pending: Pending) -> tuple[Schedule, str, int]:
    """The schedule of fewer batches, which one it is, and how many batches the other has.

    Where all kinds but one depend on nothing, depth is as short as can be: each batch of that one kind lies on the
    longest path. Then no agenda is made.
    """
    depths = pending.depths()
    levels = by_depth(pending.kinds, depths)
    inner = {kind for kind, members in levels if depths[members[0]]}
    if len(inner) <= 1 and not any(depths[members[0]] == 0 and kind in inner for kind, members in levels):
        return levels, "depth", len(levels)
    agenda = by_agenda(pending.kinds, *pending.edges(), depths)
    if len(agenda) < len(levels):
        return agenda, "agenda", len(levels)
    return levels, "depth", len(agenda)
