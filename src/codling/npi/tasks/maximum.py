"""The greatest of some numbers, on top of bubble sort: the program that Reed & de Freitas 2016 taught a frozen core."""

from __future__ import annotations

from typing import Any, Literal

from codling.npi.environment import Environment, action, feature
from codling.npi.program import program
from codling.npi.task import Problem
from codling.npi.tasks.bubble_sort import NumberRow, bubble, bubble_sort, reset, rewind
from codling.npi.tasks.sorting import SortingTask

__all__ = ["Maximum", "Podium"]


class Podium(NumberRow):
    """A row of numbers on which one also sees the right end."""

    @feature
    def at_right(self) -> bool:
        """The cursor stands on the last number."""
        return self.cursor + 1 >= len(self.numbers)

    @action(changes=["greater", "at_mark", "at_left", "at_right"])
    def move(self, way: Literal["left", "right"]) -> None:
        NumberRow.move.function(self, way)

    @classmethod
    def possible(cls, **seen: bool) -> bool:
        return seen.pop("at_right") <= seen["at_mark"] and NumberRow.possible(**seen)


@program
def maximum(row: Podium) -> None:
    """Sort, then go to the last number."""
    bubble_sort(row)
    right_jump(row)


@program
def right_jump(row: Podium) -> None:
    """To the right end."""
    if row.at_right:
        return
    row.move("right")
    right_jump(row)


class Maximum(SortingTask):
    """The greatest of some numbers, by sorting them."""

    name = "maximum"
    environment = Podium
    programs = (maximum, right_jump, bubble_sort, bubble, reset, rewind)

    def starts(self, **seen: Any) -> bool:
        return bool(seen["at_left"] and seen["at_mark"] == seen["at_right"] == seen["in_order"])

    def result(self, environment: Environment) -> str:
        assert isinstance(environment, Podium)
        return str(environment.numbers[environment.cursor])

    def answer(self, problem: Problem) -> str:
        return str(max(problem[0]))
