"""Addition as at school, on the grid: column by column from the right, with carries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from codling.npi.program import program
from codling.npi.task import Problem
from codling.npi.tasks.grid import Grid, shift
from codling.npi.tasks.numbers import NumbersTask, decimal

__all__ = ["Addition", "add"]


@program
def add(grid: Grid) -> None:
    """The sum from this column to the left end."""
    if grid.a is None and grid.b is None and not grid.carry:
        return
    add1(grid)
    shift(grid)
    add(grid)


@program
def add1(grid: Grid) -> None:
    """One column."""
    total = (grid.a or 0) + (grid.b or 0) + grid.carry
    grid.write("out", total % 10)
    if total >= 10:
        carry1(grid)


@program
def carry1(grid: Grid) -> None:
    """A one for the next column."""
    grid.move("carry", "left")
    grid.write("carry", 1)
    grid.move("carry", "right")


@program(name="add")
def add_looping(grid: Grid) -> None:
    """The same without recursion: all columns within one frame."""
    while grid.a is not None or grid.b is not None or grid.carry:
        add1(grid)
        shift(grid)


class Addition(NumbersTask):
    """The sum of two whole numbers."""

    name = "addition"
    environment = Grid
    programs = (add, add1, carry1, shift)
    variants = {"none": (add_looping, add1, carry1, shift)}  # noqa: RUF012 - the base declares it

    def answer(self, problem: Problem) -> str:
        return decimal(problem[0] + problem[1])

    def starts(self, **seen: Any) -> bool:
        return seen["a"] is not None and seen["b"] is not None and not seen["carry"]

    def small(self) -> Iterable[Problem]:
        return ((a, b) for a in range(100) for b in range(100))
