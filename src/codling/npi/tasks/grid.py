"""Sums on squared paper: rows of digits with a cursor in each, and the grid that addition and subtraction share.

The grid is the environment of Reed & de Freitas 2016 (their figure 3): two numbers, a row of carries and a row to write
in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from codling.npi.environment import ANY, Environment, action, feature
from codling.npi.program import program
from codling.npi.tasks.numbers import digits_of, show_digits
from codling.npi.view import Row, View

__all__ = ["Cell", "Digit", "Grid", "Paper", "Way", "shift"]

Digit = Annotated[int, range(10)]
Cell = Annotated[int | None, (None, *range(10))]
"A digit, or None where the paper is blank."
RowName = Literal["a", "b", "carry", "out"]
Way = Literal["left", "right"]

_VISIBLE = {"a", "b", "carry"}


class Paper(Environment):
    """Rows of digits; column 0 is the rightmost, so that numbers of any length stand below each other."""

    def __init__(self, rows: Mapping[str, Sequence[int | None]]) -> None:
        self.rows = {name: list(digits) for name, digits in rows.items()}
        self.cursor = dict.fromkeys(rows, 0)

    def at(self, row: str) -> int | None:
        """What stands under a row's cursor; None for blank."""
        cells, cursor = self.rows[row], self.cursor[row]
        return cells[cursor] if 0 <= cursor < len(cells) else None

    def step(self, row: str, way: Way) -> None:
        """A row's cursor goes one column on."""
        self.cursor[row] += 1 if way == "left" else -1

    def put(self, row: str, digit: int) -> None:
        """Write under a row's cursor."""
        cells, cursor = self.rows[row], self.cursor[row]
        if cursor < 0:
            raise IndexError("nothing can be written right of the last column")
        cells += [None] * (cursor + 1 - len(cells))
        cells[cursor] = digit

    def result(self) -> str:
        return show_digits(self.rows["out"])

    def view(self) -> View:
        width = max(1, *map(len, self.rows.values()), *(cursor + 1 for cursor in self.cursor.values()))
        rows = []
        for name, digits in self.rows.items():
            written = ["" if digit is None else str(digit) for digit in reversed(digits)]
            cells = tuple([""] * (width - len(digits)) + written)
            rows.append(Row(name, cells, (("", width - 1 - self.cursor[name]),), align="right"))
        return View(tuple(rows))


class Grid(Paper):
    """Four rows: two numbers, what is carried, what comes out."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__({"a": digits_of(a), "b": digits_of(b), "carry": [], "out": []})

    @feature
    def a(self) -> Cell:
        return self.at("a")

    @feature
    def b(self) -> Cell:
        return self.at("b")

    @feature
    def carry(self) -> bool:
        """A one is carried, or borrowed, in this column."""
        return self.at("carry") == 1

    @action(changes=lambda row, _way: {row: ANY} if row in _VISIBLE else {})
    def move(self, row: RowName, way: Way) -> None:
        self.step(row, way)

    @action(changes=lambda row, digit: {"carry": [digit == 1]} if row == "carry" else {})
    def write(self, row: Literal["carry", "out"], digit: Digit) -> None:
        self.put(row, digit)


@program
def shift(grid: Grid) -> None:
    """Every cursor one column to the left."""
    grid.move("a", "left")
    grid.move("b", "left")
    grid.move("carry", "left")
    grid.move("out", "left")
