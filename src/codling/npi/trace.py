"""A run as data, step by step, for whoever draws it: docs/npi-trace.md describes the format.

The stack is told by its changes (a call pushes, a return pops), and so is the environment, because either may be as
deep or as wide as the input is long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from codling.errors import TaskError
from codling.npi.decider import Evaluate
from codling.npi.environment import Environment
from codling.npi.frames import Frames
from codling.npi.interpreter import Outcome, Tick, interpret
from codling.npi.library import Shelf
from codling.npi.model import Interpreter
from codling.npi.network import Scores
from codling.npi.record import Teacher
from codling.npi.repertoire import Call
from codling.npi.task import Problem, Task
from codling.npi.view import View, changes_between

__all__ = ["FORMAT", "MAX_TRACE_STEPS", "Divergence", "Step", "Trace", "trace"]

FORMAT = 1
"Version of the format."

MAX_TRACE_STEPS = 20_000
"A trace of more would be read by nobody; one of so many has about 8 MB."

_NUM_LIKELY = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One decision of the network."""

    depth: int
    "Calls on the stack; the last of them decides."
    running: str
    'The call that decides: "add1()".'
    seen: dict[str, str]
    "What it sees, by feature, in words."
    stop: float
    "Probability of returning."
    does: str
    '"call" pushes onto the stack, "act" changes the environment, "return" pops.'
    text: str
    'What it does in words: "write(out, 1)", "return".'
    name: str | None
    arguments: tuple[Any, ...]
    probability: float
    "Of the whole decision."
    likely: tuple[tuple[str, float], ...]
    "The likeliest programs and actions, and how likely each is if it does not return."
    argument_probabilities: tuple[float, ...]
    teacher: str | None
    "What the teacher does here; None behind the first divergence."
    changes: list[list[Any]]
    "What this step changes in the view."

    def to_json(self) -> dict[str, Any]:
        return {
            "depth": self.depth,
            "running": self.running,
            "seen": self.seen,
            "stop": _round(self.stop),
            "does": self.does,
            "text": self.text,
            "name": self.name,
            "arguments": list(self.arguments),
            "probability": _round(self.probability),
            "likely": [[name, _round(value)] for name, value in self.likely],
            "argument_probabilities": [_round(value) for value in self.argument_probabilities],
            "teacher": self.teacher,
            "changes": self.changes,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Divergence:
    """Where the network first did otherwise than its teacher."""

    step: int
    "Index into the steps."
    expected: str
    chosen: str


@dataclass(kw_only=True)
class Trace:
    """A whole run."""

    task: Task
    problem: Problem
    model: str
    verified: bool
    start: View
    "The environment before the first step."
    steps: list[Step] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    "The environment after each step."
    divergence: Divergence | None = None
    outcome: Outcome | None = None
    answer: str | None = None
    "The right result; None where the run has none to hold against it."

    @property
    def correct(self) -> bool:
        return self.outcome is not None and self.outcome.result is not None and self.outcome.result == self.answer

    def to_json(self) -> dict[str, Any]:
        """The format that docs/npi-trace.md describes."""
        assert self.outcome is not None
        signature = self.task.repertoire.signature()
        divergence = self.divergence
        return {
            "format": FORMAT,
            "task": self.task.name,
            "summary": self.task.summary,
            "words": self.task.words(self.problem),
            "recursion": self.task.recursion,
            "model": self.model,
            "verified": self.verified,
            "features": [
                {"name": each["name"], "values": [str(value) for value in each["values"]]}
                for each in signature["features"]
                if not each["ghost"]
            ],
            "programs": [
                {"name": each["name"], "action": each["action"], "arguments": each["arguments"]}
                for each in signature["programs"]
            ],
            "main": self.task.repertoire.text(self.task.main),
            "start": self.start.to_json(),
            "steps": [step.to_json() for step in self.steps],
            "result": self.outcome.result,
            "answer": self.answer,
            "correct": self.correct,
            "failure": self.outcome.failure,
            "stopped": self.outcome.stopped,
            "num_steps": self.outcome.num_steps,
            "divergence": None
            if divergence is None
            else {"step": divergence.step, "expected": divergence.expected, "chosen": divergence.chosen},
        }


def trace(
    interpreter: Interpreter,
    task: Task,
    problem: Problem,
    *,
    max_steps: int = MAX_TRACE_STEPS,
    teacher: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Run a task on a problem and note every step.

    Args:
        teacher: let the task's own programs run along, to see where the network does otherwise.
        progress: called from time to time; what it raises ends the run.

    Raises:
        TaskError: the bundle does not know the task, or its environment cannot be drawn.
    """
    verified = interpreter.is_verified(task)
    shelf = Shelf(interpreter.network.library, task)
    decider = Evaluate(interpreter.network, shelf)
    recorder = _Recorder(interpreter, task, problem, decider, verified, teacher)
    (outcome,) = interpret(
        interpreter.network,
        task,
        [problem],
        max_steps=max_steps,
        decider=decider,
        watch=recorder.watch,
        progress=progress,
    )
    return recorder.end(outcome)


class _Recorder:
    def __init__(
        self,
        interpreter: Interpreter,
        task: Task,
        problem: Problem,
        decider: Evaluate,
        verified: bool,
        teacher: bool,
    ) -> None:
        start = task.start(problem)
        self.task, self.repertoire, self.decider = task, task.repertoire, decider
        self.trace = Trace(
            task=task,
            problem=problem,
            model=interpreter.name,
            verified=verified,
            start=_draw(task, start, "before the first step"),
        )
        self._teacher = Teacher(Frames(task.repertoire), start, task.main) if teacher else None
        self._view = self.trace.start
        self._environment: Environment | None = None
        self._pending: dict[str, Any] | None = None

    def watch(self, tick: Tick) -> None:
        self._environment = tick.environment
        self._flush()
        call = tick.stack[-1]
        assert self.decider.scores is not None
        chances = _Chances(self.decider.scores, tick.row, self.decider.shelf, tick.decided)
        self._pending = {
            "depth": len(tick.stack),
            "running": self.repertoire.text(call),
            "seen": dict(self._seen(tick.environment, call)),
            "stop": chances.stop,
            "does": self._kind(tick.decided),
            "text": self._text(tick.decided),
            "name": None if tick.decided is None else self.repertoire.callees[tick.decided.callee].name,
            "arguments": () if tick.decided is None else self.repertoire.values(tick.decided),
            "probability": chances.whole,
            "likely": chances.likely,
            "argument_probabilities": chances.arguments,
            "teacher": self._compare(tick.decided),
        }

    def end(self, outcome: Outcome) -> Trace:
        self._flush(torn=outcome.failure is not None and not outcome.stopped)
        self.trace.outcome = outcome
        if outcome.result is not None:  # of a problem that is too long to be run, the answer may be too
            self.trace.answer = self.task.answer(self.trace.problem)
        return self.trace

    def _flush(self, *, torn: bool = False) -> None:
        """Note the step before, now that it can be seen what it changed.

        Args:
            torn: it was an action that failed half way, so that there may be nothing left that can be drawn.
        """
        if self._pending is None:
            return
        assert self._environment is not None
        view = self._view
        if self._pending["does"] == "act":
            try:
                view = _draw(self.task, self._environment, f"after {self._pending['text']}")
            except TaskError:
                if not torn:
                    raise
        self.trace.steps.append(Step(**self._pending, changes=changes_between(self._view, view)))
        self.trace.views.append(view)
        self._view, self._pending = view, None

    def _seen(self, environment: Environment, call: Call) -> Iterator[tuple[str, str]]:
        observation = self.repertoire.mask(call.callee, self.repertoire.observe(environment))
        for feature, value in zip(self.repertoire.features, observation, strict=True):
            if value >= 0:
                yield feature.name, str(feature.values[value])

    def _compare(self, decided: Call | None) -> str | None:
        if self._teacher is None or self.trace.divergence is not None or self._teacher.done:
            return None
        wanted = self._teacher.step().decided
        if wanted != decided:
            self.trace.divergence = Divergence(
                step=len(self.trace.steps), expected=self._text(wanted), chosen=self._text(decided)
            )
        return self._text(wanted)

    def _kind(self, decided: Call | None) -> str:
        if decided is None:
            return "return"
        return "act" if self.repertoire.is_action(decided.callee) else "call"

    def _text(self, decided: Call | None) -> str:
        return "return" if decided is None else self.repertoire.text(decided)


def _draw(task: Task, environment: Environment, when: str) -> View:
    try:
        return environment.view()
    except Exception as error:
        kind = type(environment).__name__
        raise TaskError(
            f"{kind}.view, by which {task.name} is drawn, fails {when} ({type(error).__name__}: {error})"
        ) from error


class _Chances:
    """Probabilities out of one row of scores."""

    def __init__(self, scores: Scores, row: int, shelf: Shelf, decided: Call | None) -> None:
        self.stop = float(scores.stop_B[row])
        chance_C = _softmax(scores.programs_BP[row, shelf.rows_C])
        best = np.argsort(-chance_C, kind="stable")[:_NUM_LIKELY]
        names = [callee.name for callee in shelf.repertoire.callees]
        self.likely = tuple((names[index], float(chance_C[index])) for index in best)
        self.arguments: tuple[float, ...] = ()
        if decided is None:
            self.whole = self.stop
            return
        masked_AV = scores.arguments_BAV[row] + shelf.value_mask_CAV[decided.callee]
        self.arguments = tuple(
            float(_softmax(masked_AV[index])[value]) for index, value in enumerate(decided.arguments)
        )
        self.whole = (1 - self.stop) * float(chance_C[decided.callee]) * float(np.prod(self.arguments))


def _softmax(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    exponents = np.exp(scores.astype(np.float64) - scores.max())
    shares: np.ndarray[Any, Any] = exponents / exponents.sum()
    return shares


def _round(value: float) -> float:
    return round(value, 6)
