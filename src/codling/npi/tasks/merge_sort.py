"""Merge sort, from the top down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codling.npi.environment import ANY, Environment, action, feature
from codling.npi.program import program
from codling.npi.tasks.sorting import SortingTask, show_numbers
from codling.npi.view import Row, View

__all__ = ["Halves", "MergeSort"]

Side = Literal["left", "right"]


@dataclass(slots=True)
class _Part:
    """Numbers low … high - 1, in two halves, and how far each has been taken."""

    low: int
    middle: int
    high: int
    left: int
    right: int


class Halves(Environment):
    """Numbers in a row, a stack of the parts that are being sorted, and a shelf to merge upon."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)
        self.shelf: list[int] = []
        self.parts: list[_Part] = []
        self._push(0, len(self.numbers))

    @property
    def part(self) -> _Part:
        return self.parts[-1]

    @feature
    def short(self) -> bool:
        """The part has no two numbers."""
        return self.part.high - self.part.low <= 1

    @feature
    def left_empty(self) -> bool:
        """All of the left half has been taken."""
        return self.part.left >= self.part.middle

    @feature
    def right_empty(self) -> bool:
        return self.part.right >= self.part.high

    @feature
    def right_less(self) -> bool:
        """The right half's next number is less than the left half's."""
        part = self.part
        both = part.left < part.middle and part.right < part.high
        return both and self.numbers[part.right] < self.numbers[part.left]

    @feature
    def shelf_empty(self) -> bool:
        return not self.shelf

    @action
    def enter(self, side: Side) -> None:
        """One half becomes the part."""
        part = self.part
        self._push(*((part.low, part.middle) if side == "left" else (part.middle, part.high)))

    @action
    def leave(self) -> None:
        self.parts.pop()

    @action(changes=lambda side: {f"{side}_empty": ANY, "right_less": ANY, "shelf_empty": [False]})
    def take(self, side: Side) -> None:
        """The next number of a half onto the shelf."""
        part = self.part
        if side == "left":
            self.shelf.append(self.numbers[part.left])
            part.left += 1
        else:
            self.shelf.append(self.numbers[part.right])
            part.right += 1

    @action(changes=["shelf_empty"])
    def put_back(self) -> None:
        """The last number of the shelf to the last free place of the part."""
        number = self.shelf.pop()
        self.numbers[self.part.low + len(self.shelf)] = number

    def _push(self, low: int, high: int) -> None:
        middle = (low + high) // 2
        self.parts.append(_Part(low, middle, high, low, middle))

    @classmethod
    def possible(cls, **seen: bool) -> bool:
        return not (seen["right_less"] and (seen["left_empty"] or seen["right_empty"]))

    def result(self) -> str:
        return show_numbers(self.numbers)

    def view(self) -> View:
        part = self.part
        cursors = (("low", part.low), ("high", part.high), ("left", part.left), ("right", part.right))
        rows = (Row("numbers", tuple(map(str, self.numbers)), cursors), Row("shelf", tuple(map(str, self.shelf))))
        return View(rows, {"parts": str(len(self.parts))})


@program
def merge_sort(halves: Halves) -> None:
    if halves.short:
        return
    sort_half(halves, "left")
    sort_half(halves, "right")
    merge(halves)
    clear_shelf(halves)


@program
def sort_half(halves: Halves, side: Side) -> None:
    halves.enter(side)
    merge_sort(halves)
    halves.leave()


@program
def merge(halves: Halves) -> None:
    """The lesser of the two next numbers onto the shelf, until there is none."""
    if halves.left_empty and halves.right_empty:
        return
    if halves.left_empty or halves.right_less:
        halves.take("right")
    else:
        halves.take("left")
    merge(halves)


@program
def clear_shelf(halves: Halves) -> None:
    if halves.shelf_empty:
        return
    halves.put_back()
    clear_shelf(halves)


class MergeSort(SortingTask):
    """Numbers into order by merging halves that are."""

    name = "merge-sort"
    environment = Halves
    programs = (merge_sort, sort_half, merge, clear_shelf)
