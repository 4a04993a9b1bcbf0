"""Does an environment keep its word? Its declarations, which the proof rests on, held against it at work."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from codling.errors import TaskError
from codling.npi.frames import Frames
from codling.npi.hand import Observation
from codling.npi.record import Move, Teacher, record
from codling.npi.repertoire import Call
from codling.npi.task import Problem, Task, drawn, telling

__all__ = ["Checked", "check_abstraction"]

NUM_LARGER = 50
"Problems of growing size, drawn at random, beside the small ones."


@dataclass(frozen=True)
class Checked:
    """How much was checked."""

    num_problems: int
    num_transitions: int


def check_abstraction(task: Task, frames: Frames, *, problems: Iterable[Problem] | None = None) -> Checked:
    """Run the teacher on problems and hold every action against what it declares to change.

    Also: observations are possible, the first one is among the starts, the teacher's answer is right, and no frame
    occurs that the fixed point did not find.

    Raises:
        TaskError: one of these does not hold; the message names the problem and the action.
    """
    checker = _Checker(task, frames)
    num_problems = 0
    for problem in problems if problems is not None else _problems(task):
        checker.begin(problem)
        record(task, [problem], frames, watch=checker.watch)
        num_problems += 1
    return Checked(num_problems, checker.num_transitions)


class _Checker:
    def __init__(self, task: Task, frames: Frames) -> None:
        self.task, self.frames, self.repertoire = task, frames, task.repertoire
        self.num_known = len(frames)
        self.num_transitions = 0
        self._allowed: dict[Call, dict[int, set[int]]] = {}
        self._possible: set[Observation] = set()
        self._seen: set[tuple[Observation, Call, Observation]] = set()
        self._problem: Problem = ()

    def begin(self, problem: Problem) -> None:
        self._problem = problem
        with telling(self.task, "`start`"):
            observation = self.repertoire.observe(self.task.start(problem))
        self._check_possible(observation)
        if not self.task.starts(**self._named(observation)):
            raise self._broken(f"{self._text(observation)} is seen at the start, which `starts` rules out")

    def watch(self, move: Move, teacher: Teacher) -> None:
        if len(self.frames) > self.num_known:
            raise self._broken(
                f"the programs come to a frame that does not follow from what is declared: "
                f"{self.frames.describe(move.node)}"
            )
        call = move.decided
        if call is None or not self.repertoire.is_action(call.callee):
            return
        self.num_transitions += 1
        transition = (move.observation, call, teacher.observation)
        if transition not in self._seen:
            self._check(*transition)
            self._seen.add(transition)

    def _check(self, before: Observation, call: Call, after: Observation) -> None:
        allowed = self._allowed.get(call)
        if allowed is None:
            features = self.repertoire.features
            action = self.repertoire.actions[call.callee - len(self.repertoire.programs)]
            effect = action.effect(self.repertoire.feature_named, self.repertoire.values(call))
            allowed = self._allowed[call] = {
                index: {each.values.index(value) for value in effect[each.name]}
                for index, each in enumerate(features)
                if each.name in effect
            }
        for index, feature in enumerate(self.repertoire.features):
            if index in allowed:
                if after[index] in allowed[index]:
                    continue
                declared = sorted(str(feature.values[value]) for value in allowed[index])
                what = f"sets {feature.name} to {feature.values[after[index]]!r}; declared is {', '.join(declared)}"
            elif before[index] == after[index]:
                continue
            else:
                what = f"changes {feature.name}, which it does not declare"
            raise self._broken(f"{self.repertoire.text(call)} {what}")
        self._check_possible(after)

    def _check_possible(self, observation: Observation) -> None:
        if observation in self._possible:
            return
        if not self.repertoire.environment.possible(**self._named(observation)):
            raise self._broken(f"{self._text(observation)} is seen, which `possible` rules out")
        self._possible.add(observation)

    def _named(self, observation: Observation) -> dict[str, object]:
        features = self.repertoire.features
        return {each.name: each.values[value] for each, value in zip(features, observation, strict=True)}

    def _text(self, observation: Observation) -> str:
        return " ".join(f"{name}={value}" for name, value in self._named(observation).items())

    def _broken(self, what: str) -> TaskError:
        words = " ".join(self.task.words(self._problem))
        return TaskError(f"{self.task.environment.__name__} breaks its word on {words[:80]!r}: {what}")


def _problems(task: Task) -> Iterable[Problem]:
    with telling(task, "`small`"):
        yield from task.small()
    chance = random.Random(2)
    largest = task.check_size or 10 * task.train_size
    for index in range(NUM_LARGER):
        yield drawn(task, chance, 1 + index * largest // NUM_LARGER)
