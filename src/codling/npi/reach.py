"""All frames that a task can come to, by a fixed point over abstract transitions.

The analysis runs the teacher's programs on *sets* of environments. What it knows of an environment is what can be seen
of it (and its ghosts). An action leaves those features alone that it does not declare to change, and sets the others to
any of the values declared; a called program is entered once for every distinct observation, and what may be seen when
it returns is collected until nothing new comes (Sharir & Pnueli 1981, the functional approach). Every branch is
followed, so the frames found include all that occur on any input of any size; they may include some that never occur,
and there the teacher's programs say what to do as everywhere else.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from codling.errors import TaskError
from codling.npi.frames import Frames
from codling.npi.hand import Observation
from codling.npi.repertoire import Call, Repertoire
from codling.npi.task import Task

__all__ = ["MAX_FRAME_CALLS", "MAX_NODES", "UnboundedError", "reach"]

MAX_NODES = 3_000_000
"Decisions; about a gigabyte."

MAX_FRAME_CALLS = 64
"Of one program without recursion; a loop that may go on for ever passes any bound."


class UnboundedError(TaskError):
    """There are infinitely many frames, or too many to look at each."""


@dataclass(slots=True)
class _Entry:
    """A program with arguments, entered with a certain observation: what may be seen when it returns, and who waits."""

    call: Call
    exits: list[Observation] = field(default_factory=list)
    known: set[Observation] = field(default_factory=set)
    waiting: list[Callable[[Observation], None]] = field(default_factory=list)


def reach(task: Task, *, max_nodes: int = MAX_NODES, max_frame_calls: int = MAX_FRAME_CALLS) -> Frames:
    """Find every frame of a task, for inputs of all sizes.

    Raises:
        UnboundedError: a program has a loop in it, or the frames are too many.
        TaskError: a program fails, or calls what it must not.
    """
    if task.recursion != "full":
        raise UnboundedError(
            f"told with recursion {task.recursion!r} it has frames without end: a program that loops keeps its "
            f"state for as long as the input is, so no finite number of frames speaks for all sizes; use 'full'"
        )
    touched: dict[int, frozenset[int]] = {}
    while True:
        search = _Search(task, touched, max_nodes, max_frame_calls)
        search.run()
        found = search.touched()
        if found == touched or search.sees_all:
            return search.frames
        touched = found


class _Search:
    """One run of the fixed point, given which features each program may change by way of those that it calls."""

    def __init__(self, task: Task, touched: dict[int, frozenset[int]], max_nodes: int, max_frame_calls: int) -> None:
        self.task = task
        self.repertoire: Repertoire = task.repertoire
        self.frames = Frames(self.repertoire)
        self.max_nodes, self.max_frame_calls = max_nodes, max_frame_calls
        features = self.repertoire.features
        self.sizes = [len(feature.values) for feature in features]
        # A program's analysis keeps account of what the program sees, and of ghosts.
        self.tracked = [
            tuple(index for index, each in enumerate(features) if seen[index] or each.ghost)
            for seen in self.repertoire.seen
        ]
        self.sees_all = all(len(tracked) == len(features) for tracked in self.tracked)
        self.known_touched = touched
        self.called: dict[int, set[Call]] = defaultdict(set)
        self._entries: dict[tuple[Call, Observation], _Entry] = {}
        self._effects: dict[Call, tuple[tuple[int, tuple[int, ...]], ...]] = {}
        self._todo: list[tuple[_Entry, int, Observation]] = []
        self._configurations: set[tuple[int, int, Observation]] = set()
        self._possible: dict[Observation, bool] = {}

    def run(self) -> None:
        main = self.task.main
        for observation in self._starts(main.callee):
            self._enter(main, observation)
        while self._todo:
            self._step(*self._todo.pop())

    def touched(self) -> dict[int, frozenset[int]]:
        """Which features each program may change, by way of all that it was found to call."""
        found: dict[int, frozenset[int]] = {}
        direct = {
            program: frozenset(
                index for call in calls if self.repertoire.is_action(call.callee) for index, _ in self._effect(call)
            )
            for program, calls in self.called.items()
        }
        for program in self.called:
            reached, waiting = set(), [program]
            while waiting:
                each = waiting.pop()
                if each not in reached:
                    reached.add(each)
                    callees = {call.callee for call in self.called.get(each, ())}
                    waiting += [callee for callee in callees if not self.repertoire.is_action(callee)]
            found[program] = frozenset().union(*(direct.get(each, frozenset()) for each in reached))
        return found

    def _starts(self, program: int) -> Iterator[Observation]:
        """What the first program may see first, features that it does not see left out."""
        if len(self.tracked[program]) < len(self.sizes):  # the task's own restriction speaks of all features
            yield from self._fill(
                [-1] * len(self.sizes), {index: range(self.sizes[index]) for index in self.tracked[program]}
            )
            return
        names = [feature.name for feature in self.repertoire.features]
        values = [feature.values for feature in self.repertoire.features]
        for observation in self._fill([-1] * len(self.sizes), dict(enumerate(map(range, self.sizes)))):
            seen = {name: value[index] for name, value, index in zip(names, values, observation, strict=True)}
            if self.task.starts(**seen):
                yield observation

    def _step(self, entry: _Entry, parent: int, state: Observation) -> None:
        """A program that was entered so, and did what led to parent, sees this now: what does it do?"""
        frames, program = self.frames, entry.call.callee
        node = frames.child(parent, self.repertoire.mask(program, state))
        mark = (id(entry), node, state)
        if mark in self._configurations:
            return
        self._configurations.add(mark)
        if len(frames) > self.max_nodes:
            raise UnboundedError(
                f"{self.task.name} has more than {self.max_nodes:,} decisions; let programs see fewer features, or cut "
                f"them into smaller ones"
            )
        decided = frames.decisions[frames.decision[node]]
        if decided is None:
            self._leave(entry, state)
            return
        if frames.depth[node] >= self.max_frame_calls:
            raise UnboundedError(
                f"program {self.repertoire.callees[program].name} may make more than {self.max_frame_calls} calls in "
                f"one frame; where it loops, let it call itself instead"
            )
        self.called[program].add(decided)
        if self.repertoire.is_action(decided.callee):
            changes = {index: values for index, values in self._effect(decided) if state[index] >= 0}
            for after in self._fill(list(state), changes):
                self._todo.append((entry, node, after))
            return
        for before in self._entered_with(decided.callee, state):
            callee = self._enter(decided, before)

            def go_on(left: Observation, program: int = program, callee: int = decided.callee) -> None:
                for after in self._returned(program, callee, state, left):
                    self._todo.append((entry, node, after))

            callee.waiting.append(go_on)
            for left in list(callee.exits):
                go_on(left)

    def _enter(self, call: Call, state: Observation) -> _Entry:
        entry = self._entries.get((call, state))
        if entry is None:
            entry = self._entries[call, state] = _Entry(call)
            self._todo.append((entry, self.frames.call(call), state))
        return entry

    def _leave(self, entry: _Entry, state: Observation) -> None:
        if state not in entry.known:
            entry.known.add(state)
            entry.exits.append(state)
            for go_on in entry.waiting:
                go_on(state)

    def _entered_with(self, callee: int, state: Observation) -> Iterable[Observation]:
        """What a called program may see first, given what its caller knows: unknown features may be anything."""
        kept = [-1] * len(self.sizes)
        unknown: dict[int, Iterable[int]] = {}
        for index in self.tracked[callee]:
            if state[index] >= 0:
                kept[index] = state[index]
            else:
                unknown[index] = range(self.sizes[index])
        return self._fill(kept, unknown)

    def _returned(self, program: int, callee: int, before: Observation, left: Observation) -> Iterable[Observation]:
        """What a program may see after a call: what the callee knows at its end, else what it cannot have changed."""
        kept = [-1] * len(self.sizes)
        unknown: dict[int, Iterable[int]] = {}
        touched = self.known_touched.get(callee, frozenset())
        for index in self.tracked[program]:
            if left[index] >= 0:
                kept[index] = left[index]
            elif index in touched:
                unknown[index] = range(self.sizes[index])
            else:
                kept[index] = before[index]
        return self._fill(kept, unknown)

    def _fill(self, kept: list[int], choices: Mapping[int, Iterable[int]]) -> Iterator[Observation]:
        """All observations with the choices filled in that the environment does not rule out."""
        if not choices:
            if self._is_possible(tuple(kept)):
                yield tuple(kept)
            return
        indices = list(choices)
        for chosen in itertools.product(*choices.values()):
            for index, value in zip(indices, chosen, strict=True):
                kept[index] = value
            observation = tuple(kept)
            if self._is_possible(observation):
                yield observation

    def _is_possible(self, observation: Observation) -> bool:
        known = self._possible.get(observation)
        if known is None:
            features = self.repertoire.features
            known = -1 in observation or self.repertoire.environment.possible(
                **{each.name: each.values[value] for each, value in zip(features, observation, strict=True)}
            )
            self._possible[observation] = known
        return known

    def _effect(self, call: Call) -> tuple[tuple[int, tuple[int, ...]], ...]:
        found = self._effects.get(call)
        if found is None:
            features = self.repertoire.features
            action = self.repertoire.actions[call.callee - len(self.repertoire.programs)]
            effect = action.effect(self.repertoire.feature_named, self.repertoire.values(call))
            found = self._effects[call] = tuple(
                (index, tuple(each.values.index(value) for value in effect[each.name]))
                for index, each in enumerate(features)
                if each.name in effect
            )
        return found
