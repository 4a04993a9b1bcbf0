"""The tasks that ship with codling."""

from __future__ import annotations

from codling.errors import TaskError, nearest
from codling.npi.task import Task
from codling.npi.tasks.addition import Addition
from codling.npi.tasks.bubble_sort import BubbleSort
from codling.npi.tasks.hanoi import Hanoi
from codling.npi.tasks.maximum import Maximum
from codling.npi.tasks.merge_sort import MergeSort
from codling.npi.tasks.multiplication import Multiplication
from codling.npi.tasks.quicksort import Quicksort
from codling.npi.tasks.subtraction import Subtraction
from codling.npi.tasks.topological_sort import TopologicalSort

__all__ = ["TASKS", "find_task"]

_ALL: tuple[type[Task], ...] = (
    Addition,
    Subtraction,
    Multiplication,
    BubbleSort,
    MergeSort,
    Quicksort,
    TopologicalSort,
    Hanoi,
    Maximum,
)
TASKS: dict[str, type[Task]] = {task.name: task for task in _ALL}
"All of them by name."


def find_task(name: str) -> type[Task]:
    """One of them.

    Raises:
        TaskError: there is none of that name.
    """
    task = TASKS.get(name.replace("_", "-").lower())
    if task is None:
        raise TaskError(f"no task {name!r}{nearest(name, TASKS) or '; see `codling npi list`'}")
    return task
