"""The tasks that ship with codling."""

from __future__ import annotations

from codling.errors import TaskError, nearest
from codling.npi.task import Task
from codling.npi.tasks.addition import Addition

__all__ = ["TASKS", "find_task"]

TASKS: dict[str, type[Task]] = {task.name: task for task in (Addition,)}
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
