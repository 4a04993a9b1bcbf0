"""Multiplication as at school: a line for every digit of the second number, each added as it is written.

Programs see only what they need here: with all features in view at once, the frames would go into the millions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from codling.npi.environment import ANY, action, feature
from codling.npi.program import program
from codling.npi.task import Problem
from codling.npi.tasks.grid import Cell, Digit, Paper, Way
from codling.npi.tasks.numbers import NumbersTask, decimal, digits_of
from codling.npi.view import View

__all__ = ["Columns", "Multiplication", "multiply"]


class Columns(Paper):
    """Two numbers, a row to write in, and two single cells: a unit to note and a carry."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__({"a": digits_of(a), "b": digits_of(b), "out": []})
        self.noted = {"unit": 0, "carried": 0}

    @feature
    def a(self) -> Cell:
        return self.at("a")

    @feature
    def b(self) -> Cell:
        return self.at("b")

    @feature
    def out(self) -> Cell:
        return self.at("out")

    @feature
    def unit(self) -> Digit:
        return self.noted["unit"]

    @feature
    def carried(self) -> Digit:
        return self.noted["carried"]

    @feature
    def at_right(self) -> bool:
        """The first number's cursor stands on its last digit."""
        return self.cursor["a"] == 0

    @action(changes=lambda row, _way: {row: ANY, "at_right": ANY} if row == "a" else {row: ANY})
    def move(self, row: Literal["a", "b", "out"], way: Way) -> None:
        self.step(row, way)

    @action(changes=lambda digit: {"out": [digit]})
    def write(self, digit: Digit) -> None:
        self.put("out", digit)

    @action(changes=lambda where, digit: {where: [digit]})
    def note(self, where: Literal["unit", "carried"], digit: Digit) -> None:
        self.noted[where] = digit

    def view(self) -> View:
        return View(super().view().rows, {name: str(digit) for name, digit in self.noted.items()})


@program(sees=["b"])
def multiply(columns: Columns) -> None:
    """The product from this digit of the second number on."""
    if columns.b is None:
        return
    line(columns)
    next_line(columns)
    multiply(columns)


@program(sees=["a", "carried"])
def line(columns: Columns) -> None:
    """The first number times one digit, added to what is written."""
    if columns.a is None:
        columns.write(columns.carried)
        return
    column(columns)
    advance(columns)
    line(columns)


@program(sees=[])
def column(columns: Columns) -> None:
    """One digit times one digit."""
    times(columns)
    plus(columns)


@program(sees=["a", "b", "carried"])
def times(columns: Columns) -> None:
    """The times table, with what is carried on top: at most 9 · 9 + 9."""
    product = (columns.a or 0) * (columns.b or 0) + columns.carried
    columns.note("unit", product % 10)
    columns.note("carried", product // 10)


@program(sees=["unit", "out", "carried"])
def plus(columns: Columns) -> None:
    """The unit onto the digit that stands there."""
    total = columns.unit + (columns.out or 0)
    columns.write(total % 10)
    if total >= 10:
        columns.note("carried", (columns.carried + 1) % 10)


@program(sees=[])
def advance(columns: Columns) -> None:
    """One column to the left."""
    columns.move("a", "left")
    columns.move("out", "left")


@program(sees=[])
def next_line(columns: Columns) -> None:
    """Back to the right end, and one digit further in the second number."""
    columns.note("carried", 0)
    rewind(columns)
    columns.move("out", "left")
    columns.move("b", "left")


@program(sees=["at_right"])
def rewind(columns: Columns) -> None:
    """To the last digit of the first number."""
    if columns.at_right:
        return
    columns.move("a", "right")
    columns.move("out", "right")
    rewind(columns)


class Multiplication(NumbersTask):
    """The product of two whole numbers, by the schoolbook."""

    name = "multiplication"
    environment = Columns
    programs = (multiply, line, column, times, plus, advance, next_line, rewind)

    def answer(self, problem: Problem) -> str:
        return decimal(problem[0] * problem[1])

    def small(self) -> Iterable[Problem]:
        return ((a, b) for a in range(40) for b in range(40))
