"""Frames: all that can happen within one call of a program, as a tree of observations with a decision at each.

With recursion, the network's state starts anew at every call. What it does then depends only on the program, its
arguments, and what it has seen since it was called; so the behaviour of a task is a finite tree: below the call stands
what may be seen first, below that what may be seen after the call decided there, and so on until the program returns. A
node is a decision; a path from a call to a return is a frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from codling.npi.hand import Observation
from codling.npi.repertoire import Call, Repertoire

__all__ = ["RETURN", "Frames"]

RETURN = 0
"The decision to return; all others are calls."


class Frames:
    """A tree of decisions, grown node by node; nodes are numbered as they come, so parents come before children."""

    def __init__(self, repertoire: Repertoire) -> None:
        self.repertoire = repertoire
        self.calls: list[Call] = []
        "What was called: the programs with their arguments."
        self.observations: list[Observation] = []
        "As the program sees them."
        self.decisions: list[Call | None] = [None]
        self.parent: list[int] = []
        "The node before; -1 - c for the first node of call c."
        self.seen: list[int] = []
        "What is seen at a node, as an index into observations."
        self.decision: list[int] = []
        "What the teacher does there, as an index into decisions."
        self.root: list[int] = []
        "The call that a node belongs to."
        self.depth: list[int] = []
        "The number of calls that were made before."
        self._call_index: dict[Call, int] = {}
        self._observation_index: dict[Observation, int] = {}
        self._decision_index: dict[Call | None, int] = {None: RETURN}
        self._children: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.parent)

    @property
    def num_frames(self) -> int:
        """The number of paths from a call to a return."""
        return self.decision.count(RETURN)

    @property
    def longest(self) -> int:
        """The largest number of calls in a frame."""
        return max(self.depth, default=0)

    def call(self, call: Call) -> int:
        """The number that a call goes by as a parent: -1 - c."""
        index = self._call_index.get(call)
        if index is None:
            index = self._call_index[call] = len(self.calls)
            self.calls.append(call)
        return -1 - index

    def find(self, parent: int, observation: Observation) -> int | None:
        """The node after parent at which this is seen, if it is known."""
        seen = self._observation_index.get(observation)
        return None if seen is None else self._children.get((parent, seen))

    def child(self, parent: int, observation: Observation) -> int:
        """The node after parent at which this is seen; a new one is decided by the teacher.

        Raises:
            TaskError: the teacher's program fails there.
        """
        seen = self._observation_index.get(observation)
        if seen is None:
            seen = self._observation_index[observation] = len(self.observations)
            self.observations.append(observation)
        node = self._children.get((parent, seen))
        if node is not None:
            return node
        root = -1 - parent if parent < 0 else self.root[parent]
        call = self.calls[root]
        path = self.path(parent)
        history = [*(self.observations[self.seen[each]] for each in path), observation]
        before = [self.decisions[self.decision[each]] for each in path]
        decided = self.repertoire.decide(call.callee, call.arguments, history, before)
        decision = self._decision_index.get(decided)
        if decision is None:
            decision = self._decision_index[decided] = len(self.decisions)
            self.decisions.append(decided)
        node = len(self.parent)
        self._children[parent, seen] = node
        self.parent.append(parent)
        self.seen.append(seen)
        self.decision.append(decision)
        self.root.append(root)
        self.depth.append(0 if parent < 0 else self.depth[parent] + 1)
        return node

    def path(self, node: int) -> list[int]:
        """The nodes from the call to this one."""
        nodes = []
        while node >= 0:
            nodes.append(node)
            node = self.parent[node]
        return nodes[::-1]

    def history(self, node: int) -> list[Observation]:
        """What was seen since the call, up to this node."""
        return [self.observations[self.seen[each]] for each in self.path(node)]

    def returns(self) -> Iterable[int]:
        """The nodes at which a program returns; one for each frame."""
        return (node for node, decision in enumerate(self.decision) if decision == RETURN)

    def digest(self) -> str:
        """SHA-256 over all frames and decisions, in whatever order they were found: a sum of their hashes."""
        calls = [repr(tuple(call)).encode() for call in self.calls]
        observations = [repr(each).encode() for each in self.observations]
        decisions = [repr(None if each is None else tuple(each)).encode() for each in self.decisions]
        hashes: list[bytes] = []
        total = 0
        for parent, seen, decision in zip(self.parent, self.seen, self.decision, strict=True):
            before = calls[-1 - parent] if parent < 0 else hashes[parent]
            found = hashlib.sha256(b"|".join((before, observations[seen], decisions[decision]))).digest()
            hashes.append(found)
            total += int.from_bytes(found, "big")
        return f"{total % (1 << 256):064x}"

    def describe(self, node: int) -> str:
        """A node in words: the call, and what was seen and done up to there."""
        words = [self.repertoire.text(self.calls[self.root[node]])]
        for each in self.path(node):
            words.append(self.text_of(self.observations[self.seen[each]]))
            decided = self.decisions[self.decision[each]]
            if each != node:
                words.append(self.repertoire.text(decided) if decided else "return")
        return " → ".join(words)

    def text_of(self, observation: Observation) -> str:
        """An observation in words: ``a=9 b=None carry=1``."""
        shown = [
            f"{feature.name}={feature.values[value]}"
            for feature, value in zip(self.repertoire.features, observation, strict=True)
            if value >= 0
        ]
        return " ".join(shown) or "nothing"
