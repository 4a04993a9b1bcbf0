"""Bubble sort, told with full recursion, with some (the inner loops loop), and with none: Cai, Shin & Song 2017."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from codling.npi.environment import Environment, action, feature
from codling.npi.program import program
from codling.npi.tasks.sorting import SortingTask, show_numbers
from codling.npi.view import Row, View

__all__ = ["BubbleSort", "NumberRow", "bubble", "bubble_sort", "reset", "rewind"]


class NumberRow(Environment):
    """Numbers in a row, a cursor, and a mark behind which all is in order."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)
        self.cursor = 0
        self.mark = len(self.numbers)

    @feature
    def greater(self) -> bool:
        """The number at the cursor is greater than the next one before the mark."""
        at = self.cursor
        return at + 1 < self.mark and self.numbers[at] > self.numbers[at + 1]

    @feature
    def at_mark(self) -> bool:
        """There is no next number before the mark."""
        return self.cursor + 1 >= self.mark

    @feature
    def at_left(self) -> bool:
        return self.cursor == 0

    @feature
    def in_order(self) -> bool:
        """No two numbers are left before the mark."""
        return self.mark <= 1

    @action(changes=lambda: {"greater": [False]})
    def swap(self) -> None:
        at, numbers = self.cursor, self.numbers
        numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]

    @action(changes=["greater", "at_mark", "at_left"])
    def move(self, way: Literal["left", "right"]) -> None:
        self.cursor += 1 if way == "right" else -1
        if not 0 <= self.cursor < len(self.numbers):
            raise IndexError("the cursor leaves the row")

    @action(changes=["greater", "at_mark", "in_order"])
    def shrink(self) -> None:
        """The mark one to the left."""
        self.mark -= 1

    @classmethod
    def possible(cls, **seen: bool) -> bool:
        return seen["at_mark"] <= (not seen["greater"]) and seen["in_order"] <= seen["at_mark"]

    def result(self) -> str:
        return show_numbers(self.numbers)

    def view(self) -> View:
        cursors = (("cursor", self.cursor), ("mark", self.mark))
        return View((Row("numbers", tuple(map(str, self.numbers)), cursors),))


@program
def bubble_sort(row: NumberRow) -> None:
    if row.in_order:
        return
    bubble(row)
    reset(row)
    bubble_sort(row)


@program
def bubble(row: NumberRow) -> None:
    """Carry the greatest number to the mark."""
    if row.at_mark:
        return
    if row.greater:
        row.swap()
    row.move("right")
    bubble(row)


@program
def reset(row: NumberRow) -> None:
    row.shrink()
    rewind(row)


@program
def rewind(row: NumberRow) -> None:
    """To the left end."""
    if row.at_left:
        return
    row.move("left")
    rewind(row)


@program(name="bubble")
def bubble_looping(row: NumberRow) -> None:
    while not row.at_mark:
        if row.greater:
            row.swap()
        row.move("right")


@program(name="reset")
def reset_looping(row: NumberRow) -> None:
    row.shrink()
    while not row.at_left:
        row.move("left")


@program(name="bubble_sort")
def bubble_sort_partly(row: NumberRow) -> None:
    if row.in_order:
        return
    bubble_looping(row)
    reset_looping(row)
    bubble_sort_partly(row)


@program(name="bubble_sort")
def bubble_sort_looping(row: NumberRow) -> None:
    while not row.in_order:
        bubble_looping(row)
        reset_looping(row)


class BubbleSort(SortingTask):
    """Numbers into order by swapping neighbours."""

    name = "bubble-sort"
    environment = NumberRow
    programs = (bubble_sort, bubble, reset, rewind)
    variants = {  # noqa: RUF012 - the base declares it
        "partial": (bubble_sort_partly, bubble_looping, reset_looping),
        "none": (bubble_sort_looping, bubble_looping, reset_looping),
    }

    def starts(self, **seen: Any) -> bool:
        return bool(seen["at_left"] and seen["at_mark"] == seen["in_order"])
