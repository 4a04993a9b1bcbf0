"""Traces of the teacher: its programs at work on a real environment, without using Python's own stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codling.errors import TaskError
from codling.npi.environment import Environment
from codling.npi.frames import Frames
from codling.npi.hand import Observation
from codling.npi.repertoire import Call
from codling.npi.task import Problem, Task, telling

__all__ = ["MAX_TEACHER_STEPS", "Teacher", "record"]

MAX_TEACHER_STEPS = 2_000_000
"A teacher that takes more has an endless loop, most likely: practice and checks are on small problems."


@dataclass(frozen=True, slots=True)
class Move:
    """One step of the teacher: the node of its frame, what it decided, what there was to see."""

    node: int
    decided: Call | None
    observation: Observation


class Teacher:
    """Runs the task's own programs, one decision at a time, and grows a tree of frames on the way."""

    def __init__(self, frames: Frames, environment: Environment, main: Call) -> None:
        self.frames = frames
        self.repertoire = frames.repertoire
        self.environment = environment
        self.observation = self.repertoire.observe(environment)
        self._stack: list[int] = [frames.call(main)]
        self._programs: list[int] = [main.callee]

    @property
    def done(self) -> bool:
        return not self._stack

    def step(self) -> Move:
        """Take one decision and carry it out."""
        frames, repertoire = self.frames, self.repertoire
        program = self._programs[-1]
        node = frames.child(self._stack[-1], repertoire.mask(program, self.observation))
        decided = frames.decisions[frames.decision[node]]
        move = Move(node, decided, self.observation)
        self._stack[-1] = node
        if decided is None:
            self._stack.pop()
            self._programs.pop()
        elif repertoire.is_action(decided.callee):
            try:
                repertoire.act(self.environment, decided)
            except Exception as error:
                raise TaskError(
                    f"action {repertoire.text(decided)} fails when its teacher calls it ({type(error).__name__}: "
                    f"{error}); in {frames.describe(node)}"
                ) from error
            self.observation = repertoire.observe(self.environment)
        else:
            self._stack.append(frames.call(decided))
            self._programs.append(decided.callee)
        return move


def record(
    task: Task,
    problems: Sequence[Problem],
    frames: Frames,
    *,
    max_steps: int = MAX_TEACHER_STEPS,
    watch: Callable[[Move, Teacher], None] | None = None,
) -> list[list[int]]:
    """Let the teacher solve problems; every frame on the way joins the tree.

    Args:
        watch: called after every step.

    Returns:
        For each problem the nodes at which a program returned: one for each frame, in the order of their ends.

    Raises:
        TaskError: the teacher fails, does not end, or comes to another answer than the task's own.
    """
    traces = []
    for problem in problems:
        with telling(task, "`start`"):
            environment = task.start(problem)
        teacher = Teacher(frames, environment, task.main)
        ends: list[int] = []
        for _ in range(max_steps):
            if teacher.done:
                break
            move = teacher.step()
            if move.decided is None:
                ends.append(move.node)
            if watch is not None:
                watch(move, teacher)
        if not teacher.done:
            raise TaskError(
                f"the programs of {task.name} are not done after {max_steps:,} steps on {_show(task, problem)}"
            )
        with telling(task, "`result`"):
            result = task.result(environment)
        with telling(task, "`answer`"):
            answer = task.answer(problem)
        if not (isinstance(result, str) and isinstance(answer, str)):
            raise TaskError(f"`result` and `answer` of task {task.name} must be texts, not {result!r} and {answer!r}")
        if result != answer:
            raise TaskError(
                f"the programs of {task.name} are wrong: on {_show(task, problem)} they come to {result[:60]!r}, "
                f"the task's answer is {answer[:60]!r}"
            )
        traces.append(ends)
    return traces


def _show(task: Task, problem: Problem) -> str:
    text = " ".join(task.words(problem))
    return text if len(text) <= 80 else f"{text[:77]}…"
