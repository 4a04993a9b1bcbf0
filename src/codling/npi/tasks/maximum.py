"""The greatest of some numbers, on top of bubble sort: the program that Reed & de Freitas 2016 taught a frozen core."""

from __future__ import annotations

from typing import Any

from codling.npi.environment import Environment
from codling.npi.program import program
from codling.npi.task import Problem
from codling.npi.tasks.bubble_sort import NumberRow, bubble, bubble_sort, reset, rewind, starts_at_left
from codling.npi.tasks.sorting import SortingTask

__all__ = ["Maximum"]


@program
def maximum(row: NumberRow) -> None:
    """Sort, then go to the last number."""
    bubble_sort(row)
    right_jump(row)


@program
def right_jump(row: NumberRow) -> None:
    """To the right end."""
    if row.at_right:
        return
    row.move("right")
    right_jump(row)


class Maximum(SortingTask):
    """The greatest of some numbers, by sorting them."""

    name = "maximum"
    environment = NumberRow
    programs = (maximum, right_jump, bubble_sort, bubble, reset, rewind)

    def starts(self, **seen: Any) -> bool:
        return starts_at_left(seen)

    def result(self, environment: Environment) -> str:
        assert isinstance(environment, NumberRow)
        return str(environment.numbers[environment.cursor])

    def answer(self, problem: Problem) -> str:
        return str(max(problem[0]))
