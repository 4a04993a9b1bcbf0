"""Subtraction as at school, on the grid of addition: a digit that is too small borrows from the next column."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from codling.npi.program import program
from codling.npi.task import Problem
from codling.npi.tasks.addition import carry1
from codling.npi.tasks.grid import Grid, shift
from codling.npi.tasks.numbers import NumbersTask, decimal

__all__ = ["Subtraction", "subtract"]


@program
def subtract(grid: Grid) -> None:
    """The difference from this column to the left end."""
    if grid.a is None and grid.b is None:
        return
    subtract1(grid)
    shift(grid)
    subtract(grid)


@program
def subtract1(grid: Grid) -> None:
    """One column; what is borrowed goes where addition carries."""
    difference = (grid.a or 0) - (grid.b or 0) - grid.carry
    grid.write("out", difference % 10)
    if difference < 0:
        carry1(grid)


class Subtraction(NumbersTask):
    """The difference of two whole numbers, the larger one first."""

    name = "subtraction"
    environment = Grid
    programs = (subtract, subtract1, carry1, shift)
    usage = "two whole numbers, the second no larger than the first"
    example = ("221", "125")

    def parse(self, words: Sequence[str]) -> Problem:
        a, b = super().parse(words)
        if b > a:
            raise self.refuse(words, "the second is larger, and it knows no negative numbers")
        return a, b

    def sample(self, chance: random.Random, size: int) -> Problem:
        first = chance.randrange(10 ** (size - 1), 10**size)
        second = chance.randrange(10**size)
        return max(first, second), min(first, second)

    def answer(self, problem: Problem) -> str:
        return decimal(problem[0] - problem[1])

    def starts(self, **seen: Any) -> bool:
        return seen["a"] is not None and seen["b"] is not None and not seen["carry"]

    def small(self) -> Iterable[Problem]:
        return ((a, b) for a in range(150) for b in range(a + 1))
