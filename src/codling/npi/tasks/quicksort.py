"""Quicksort, by Lomuto's partition: Cai, Shin & Song 2017, table 2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codling.npi.environment import Environment, action, feature
from codling.npi.program import program
from codling.npi.tasks.sorting import SortingTask, show_numbers
from codling.npi.view import Row, View

__all__ = ["Pivots", "Quicksort"]

Side = Literal["left", "right"]


@dataclass(slots=True)
class _Part:
    """Numbers low … high - 1; those before `bound` are less than the pivot, which is the last one; `scan` goes on."""

    low: int
    high: int
    bound: int
    scan: int


class Pivots(Environment):
    """Numbers in a row, and a stack of the parts that are being sorted."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = list(numbers)
        self.parts = [_Part(0, len(self.numbers), 0, 0)]

    @property
    def part(self) -> _Part:
        return self.parts[-1]

    @feature
    def short(self) -> bool:
        """The part has no two numbers."""
        return self.part.high - self.part.low <= 1

    @feature
    def scanned(self) -> bool:
        """Every number of the part has been held against the pivot."""
        return self.part.scan >= self.part.high - 1

    @feature
    def less(self) -> bool:
        """The scanned number is less than the pivot."""
        part = self.part
        return part.scan < part.high - 1 and self.numbers[part.scan] < self.numbers[part.high - 1]

    @action(changes=["less"])
    def swap(self) -> None:
        """The scanned number goes to the bound."""
        self._swap(self.part.bound, self.part.scan)

    @action(changes=[])
    def raise_bound(self) -> None:
        self.part.bound += 1

    @action(changes=["scanned", "less"])
    def advance(self) -> None:
        self.part.scan += 1

    @action(changes=["less"])
    def place(self) -> None:
        """The pivot goes to the bound."""
        self._swap(self.part.bound, self.part.high - 1)

    @action
    def enter(self, side: Side) -> None:
        """The numbers on one side of the pivot become the part."""
        part = self.part
        low, high = (part.low, part.bound) if side == "left" else (part.bound + 1, part.high)
        self.parts.append(_Part(low, high, low, low))

    @action
    def leave(self) -> None:
        self.parts.pop()

    def _swap(self, one: int, other: int) -> None:
        numbers = self.numbers
        numbers[one], numbers[other] = numbers[other], numbers[one]

    @classmethod
    def possible(cls, **seen: bool) -> bool:
        return (seen["scanned"] or not seen["short"]) and not (seen["less"] and seen["scanned"])

    def result(self) -> str:
        return show_numbers(self.numbers)

    def view(self) -> View:
        part = self.part
        cursors = (("low", part.low), ("high", part.high), ("bound", part.bound), ("scan", part.scan))
        return View((Row("numbers", tuple(map(str, self.numbers)), cursors),), {"parts": str(len(self.parts))})


@program
def quicksort(pivots: Pivots) -> None:
    if pivots.short:
        return
    partition(pivots)
    pivots.place()
    sort_side(pivots, "left")
    sort_side(pivots, "right")


@program
def partition(pivots: Pivots) -> None:
    """What is less than the pivot to the left, one number after the other."""
    if pivots.scanned:
        return
    if pivots.less:
        pivots.swap()
        pivots.raise_bound()
    pivots.advance()
    partition(pivots)


@program
def sort_side(pivots: Pivots, side: Side) -> None:
    pivots.enter(side)
    quicksort(pivots)
    pivots.leave()


class Agenda(Pivots):
    """For quicksort without recursion: the stack holds the parts that are still to be sorted."""

    @property
    def part(self) -> _Part:
        return self.parts[-1] if self.parts else _Part(0, 0, 0, 0)

    @feature
    def nothing(self) -> bool:
        """No part is left."""
        return not self.parts

    @action
    def drop(self) -> None:
        """The part is done."""
        self.parts.pop()

    @action
    def split(self) -> None:
        """The two sides of the pivot take the place of the part."""
        part = self.parts.pop()
        self.parts.append(_Part(part.bound + 1, part.high, part.bound + 1, part.bound + 1))
        self.parts.append(_Part(part.low, part.bound, part.low, part.low))


@program(name="partition")
def partition_looping(agenda: Agenda) -> None:
    while not agenda.scanned:
        if agenda.less:
            agenda.swap()
            agenda.raise_bound()
        agenda.advance()


@program(name="quicksort")
def quicksort_looping(agenda: Agenda) -> None:
    while not agenda.nothing:
        if agenda.short:
            agenda.drop()
        else:
            partition_looping(agenda)
            agenda.place()
            agenda.split()


class Quicksort(SortingTask):
    """Numbers into order by dividing them at a pivot."""

    name = "quicksort"
    environment = Pivots
    programs = (quicksort, partition, sort_side)
    variants = {"none": (quicksort_looping, partition_looping)}  # noqa: RUF012 - the base declares it
    variant_environments = {"none": Agenda}  # noqa: RUF012
