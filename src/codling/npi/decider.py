"""Where the interpreter's decisions come from: the network evaluated for each, or remembered from when it was.

A decision depends on the program, its arguments and what was seen since it was called, and on nothing else. `Remember`
makes use of that: the network is evaluated once for every such history, and looked up afterwards. What comes out is the
same; only `Evaluate` is what one measures when one asks how fast the network runs.
"""

# B problems that are not done, K observed values, A arguments, H hidden

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from codling.npi.hand import Observation
from codling.npi.library import Shelf
from codling.npi.network import Floats, Network, Scores, choose
from codling.npi.repertoire import Call

__all__ = ["Decider", "Evaluate", "Remember"]


_Key = tuple[int, Call | None, tuple[int, ...]]
"The node before, the call where that is the first one's, and what is seen, in rows of the network's tables."


class Decider(Protocol):
    """Decides for problems by number, each with a stack of its own that push and pop keep."""

    def start(self, num_problems: int, main: Call) -> None:
        """Begin anew: every problem has entered main."""

    def decide(
        self, problems: Sequence[int], calls: Sequence[Call], observations: Sequence[Observation]
    ) -> list[Call | None]:
        """What each problem's running program does next, None to return."""

    def push(self, problems: Sequence[int], calls: Sequence[Call]) -> None:
        """These problems entered these programs."""

    def pop(self, problems: Sequence[int]) -> None:
        """The running programs of these problems returned."""


class _Common:
    """What both ways share: encoding calls and observations, reading choices."""

    def __init__(self, network: Network, shelf: Shelf) -> None:
        self.network, self.shelf = network, shelf
        self.scores: Scores | None = None
        "Of the last evaluation, a row for each problem that was evaluated."
        self._arguments: dict[Call, list[int]] = {}
        self._seen: dict[tuple[int, Observation], tuple[int, ...]] = {}
        self._calls: dict[tuple[int, ...], Call] = {}
        self._arity = [len(each) for each in shelf.repertoire.arguments]

    def _evaluate(
        self, calls: Sequence[Call], observations: Sequence[Observation], state: Floats
    ) -> tuple[list[Call | None], Floats]:
        known, rows = self._arguments, self.shelf.rows_C
        arguments = [known.get(call) or self._encode(call) for call in calls]
        seen = [
            self._seen.get((call.callee, each)) or self._see(call.callee, each)
            for call, each in zip(calls, observations, strict=True)
        ]
        program_B = rows[[call.callee for call in calls]]
        shape = (len(calls), self.shelf.library.num_arguments)
        arguments_BA = np.array(arguments, np.int64).reshape(shape)
        self.scores, state = self.network.step(program_B, arguments_BA, np.array(seen, np.int64), state)
        choice = choose(self.scores, self.shelf)
        chosen = np.column_stack([choice.callee_B, choice.values_BA])
        made = self._calls
        decisions = [
            None if stop else made.get(key) or self._make(key)
            for stop, key in zip(choice.stop_B.tolist(), map(tuple, chosen.tolist()), strict=True)
        ]
        return decisions, state

    def _encode(self, call: Call) -> list[int]:
        found = self._arguments[call] = self.shelf.arguments(call)
        return found

    def _see(self, program: int, observation: Observation) -> tuple[int, ...]:
        masked = self.shelf.repertoire.mask(program, observation)
        found = self._seen[program, observation] = self.shelf.observation(masked)
        return found

    def _make(self, key: tuple[int, ...]) -> Call:
        found = self._calls[key] = Call(key[0], key[1 : 1 + self._arity[key[0]]])
        return found


class Evaluate(_Common):
    """Evaluates the network for every decision; states of waiting programs are rows of one growing array."""

    def start(self, num_problems: int, main: Call) -> None:  # noqa: ARG002 - every program starts from zeros
        parts, hidden = self.network.state_shape
        self._states: Floats = np.zeros((parts, max(16, 2 * num_problems), hidden), np.float32)
        self._free: list[int] = list(range(num_problems, self._states.shape[1]))
        self._slots: list[list[int]] = [[problem] for problem in range(num_problems)]

    def decide(
        self, problems: Sequence[int], calls: Sequence[Call], observations: Sequence[Observation]
    ) -> list[Call | None]:
        slots = np.array([self._slots[problem][-1] for problem in problems], np.int64)
        decisions, after = self._evaluate(calls, observations, self._states[:, slots])
        self._states[:, slots] = after
        return decisions

    def push(self, problems: Sequence[int], calls: Sequence[Call]) -> None:  # noqa: ARG002
        while len(self._free) < len(problems):
            size = self._states.shape[1]
            self._states = np.concatenate([self._states, np.zeros_like(self._states)], 1)
            self._free += range(size, 2 * size)
        slots = [self._free.pop() for _ in problems]
        self._states[:, slots] = 0
        for problem, slot in zip(problems, slots, strict=True):
            self._slots[problem].append(slot)

    def pop(self, problems: Sequence[int]) -> None:
        self._free += [self._slots[problem].pop() for problem in problems]


class Remember(_Common):
    """Evaluates the network once for every history of a call, and remembers what it said."""

    def __init__(self, network: Network, shelf: Shelf) -> None:
        super().__init__(network, shelf)
        parts, hidden = network.state_shape
        self._states: Floats = np.zeros((parts, 1024, hidden), np.float32)  # row 0: before the first observation
        self._decisions: list[Call | None] = [None]
        self._after: dict[_Key, int] = {}
        self._nodes: list[list[int]] = []
        self.num_evaluated = 0
        "Decisions for which the network was evaluated."

    def start(self, num_problems: int, main: Call) -> None:  # noqa: ARG002
        self._nodes = [[0] for _ in range(num_problems)]

    def decide(
        self, problems: Sequence[int], calls: Sequence[Call], observations: Sequence[Observation]
    ) -> list[Call | None]:
        after, nodes, encoded = self._after, self._nodes, self._seen
        found: list[int] = []
        keys: list[_Key] = []
        missing: dict[_Key, int] = {}
        for row, (problem, call, observation) in enumerate(zip(problems, calls, observations, strict=True)):
            before = nodes[problem][-1]
            seen = encoded.get((call.callee, observation)) or self._see(call.callee, observation)
            key: _Key = (before, None if before else call, seen)
            node = after.get(key, -1)
            if node < 0:
                missing.setdefault(key, row)
            found.append(node)
            keys.append(key)
        if missing:
            self._learn(missing, calls, observations)
            found = [after[key] for key in keys]
        for problem, node in zip(problems, found, strict=True):
            nodes[problem][-1] = node
        decisions = self._decisions
        return [decisions[node] for node in found]

    def _learn(self, missing: dict[_Key, int], calls: Sequence[Call], observations: Sequence[Observation]) -> None:
        """Evaluate histories that were not met before."""
        rows = list(missing.values())
        before = np.array([key[0] for key in missing], np.int64)
        decisions, states = self._evaluate(
            [calls[row] for row in rows], [observations[row] for row in rows], self._states[:, before]
        )
        first = len(self._decisions)
        while first + len(rows) > self._states.shape[1]:
            self._states = np.concatenate([self._states, np.zeros_like(self._states)], 1)
        self._states[:, first : first + len(rows)] = states
        self._decisions += decisions
        self.num_evaluated += len(rows)
        for offset, key in enumerate(missing):
            self._after[key] = first + offset

    def push(self, problems: Sequence[int], calls: Sequence[Call]) -> None:  # noqa: ARG002
        for problem in problems:
            self._nodes[problem].append(0)

    def pop(self, problems: Sequence[int]) -> None:
        for problem in problems:
            self._nodes[problem].pop()
