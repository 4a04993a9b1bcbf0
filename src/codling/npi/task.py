"""A task: an environment, the programs that solve it, problems to practise on, and the answer to check against."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import inspect
import random
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from codling.errors import CodlingError, InputError, TaskError
from codling.npi.environment import Environment
from codling.npi.program import Program
from codling.npi.repertoire import Call, Repertoire

__all__ = ["Problem", "Task", "drawn", "load_tasks", "telling"]

Problem = tuple[Any, ...]
"What an environment is made from."


class Task:
    """What is to be learned; subclass it and fill in the class attributes and methods."""

    name: ClassVar[str]
    'As on the command line: "bubble-sort".'
    file: ClassVar[Path | None] = None
    "Where `load_tasks` found it: on the command line its file stands for a task that does not ship."
    environment: ClassVar[type[Environment]]
    programs: ClassVar[tuple[Program[Any], ...]]
    "Every program, the one to start with first."
    arguments: ClassVar[tuple[Any, ...]] = ()
    "Of the program to start with."
    variants: ClassVar[dict[str, tuple[Program[Any], ...]]] = {}
    'The same task told without recursion ("none") or with some ("partial"), for comparison.'
    variant_environments: ClassVar[dict[str, type[Environment]]] = {}
    "Where such a variant needs to see or do more: its own environment."
    usage: ClassVar[str] = ""
    'The words of a problem: "A B".'
    example: ClassVar[tuple[str, ...]] = ()
    "Words of one small problem."
    train_size: ClassVar[int] = 3
    "Practice problems are at most so large."
    check_size: ClassVar[int | None] = None
    "The proof's assumptions are checked on problems up to this size; ten times the practice problems' by default."

    def __init__(self, recursion: str = "full") -> None:
        """Choose how it is told.

        Raises:
            TaskError: it is not told in that way.
        """
        self.recursion = recursion
        if recursion != "full":
            if recursion not in self.variants:
                told = ", ".join(["full", *self.variants])
                raise TaskError(f"{self.name} is not told with recursion {recursion!r}, only: {told}")
            self.programs = self.variants[recursion]  # type: ignore[misc]
            self.environment = self.variant_environments.get(recursion, self.environment)  # type: ignore[misc]

    @functools.cached_property
    def repertoire(self) -> Repertoire:
        return Repertoire(self.environment, self.programs)

    @functools.cached_property
    def main(self) -> Call:
        """The call that starts a run."""
        return self.repertoire.call(self.programs[0], self.arguments)

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (inspect.getdoc(type(self)) or "").partition("\n")[0]

    def parse(self, words: Sequence[str]) -> Problem:
        """A problem from words as typed.

        Raises:
            InputError: they are no problem of this task; say what was expected, by `self.refuse`.
        """
        raise NotImplementedError

    def words(self, problem: Problem) -> list[str]:
        """A problem as one would type it; parse reads it back."""
        return [str(part) for part in problem]

    def sample(self, chance: random.Random, size: int) -> Problem:
        """A problem of exactly this size, drawn at random."""
        raise NotImplementedError

    def start(self, problem: Problem) -> Environment:
        """The environment at the beginning."""
        return self.environment(*problem)

    def result(self, environment: Environment) -> str:
        """What the environment shows for an answer when the program has ended."""
        return environment.result()

    def answer(self, problem: Problem) -> str:
        """The right result, found without the programs; what is learned is checked against it."""
        raise NotImplementedError

    def starts(self, **seen: Any) -> bool:  # noqa: ARG002 - for subclasses
        """Whether these values of all features may be what is seen before the first step; by default, all may."""
        return True

    def small(self) -> Iterable[Problem]:
        """Problems on which the proof's assumptions are checked: all small ones where they can be counted out."""
        chance = random.Random(0)
        for size in range(1, self.train_size + 1):
            for _ in range(100):
                yield drawn(self, chance, size)

    def typed(self, words: Sequence[str]) -> str:
        """The task and a problem as one types them in a shell."""
        return shlex.join([str(self.file or self.name), *words])

    def refuse(self, words: Sequence[str], why: str = "") -> InputError:
        """The error for words that are no problem of this task."""
        got = " ".join(map(str, words)) or "nothing"
        example = f"codling npi solve {self.typed(self.example)}"
        shown = got if len(got) <= 60 else f"{got[:57]}…"
        return InputError(
            f"{self.name} takes {self.usage}{f' ({why})' if why else ''}, not {shown!r}; for example: {example}"
        )


@contextlib.contextmanager
def telling(task: Task, what: str) -> Iterator[None]:
    """While a task's own code runs: whatever that raises becomes one line that says where."""
    try:
        yield
    except CodlingError:
        raise
    except Exception as error:
        raise TaskError(f"{what} of task {task.name} fails: {type(error).__name__}: {error}") from error


def drawn(task: Task, chance: random.Random, size: int) -> Problem:
    """A problem of this size.

    Raises:
        TaskError: the task fails to make one.
    """
    with telling(task, "`sample`"):
        return task.sample(chance, size)


def load_tasks(path: Path) -> dict[str, type[Task]]:
    """The tasks in a Python file of the user's own, by name. The file is run, as Python runs any module.

    Raises:
        TaskError: it cannot be read, fails, or has no task.
    """
    if not path.is_file():
        raise TaskError(f"no file {path}")
    name = f"codling_task_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TaskError(f"{path} is no Python file; a task is told in one, see docs/npi-tutorial.md")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except TaskError:
        raise
    except (Exception, SystemExit) as error:
        raise TaskError(f"{path} fails when it is loaded: {type(error).__name__}: {error}") from error
    found = {
        each.name: each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Task) and each.__module__ == name and hasattr(each, "name")
    }
    for wrong in (each for each in found if not (isinstance(each, str) and each.isprintable() and each.strip())):
        raise TaskError(f"{path} has a task whose name is {wrong!r}; it must be a word, as 'bubble-sort'")
    if not found:
        raise TaskError(f"{path} has no task: a subclass of codling.npi.Task with a name")
    for each in found.values():
        each.file = path
    return found
