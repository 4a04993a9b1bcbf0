"""The grid of sums: rows of digits, a cursor in each row, and the moves that addition and subtraction share.

This is the environment of Reed & de Freitas 2016 (their figure 3): two numbers, a row of carries and a row to write in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from codling.npi.environment import ANY, Environment, action, feature
from codling.npi.program import program
from codling.npi.task import Task
from codling.npi.view import Row, View

__all__ = ["Cell", "Digit", "Grid", "decimal", "digits_of", "read_numbers", "shift", "show_digits"]

Digit = Annotated[int, range(10)]
Cell = Annotated[int | None, (None, *range(10))]
"A digit, or None where the grid is blank."
RowName = Literal["a", "b", "carry", "out"]
Way = Literal["left", "right"]

_VISIBLE = {"a", "b", "carry"}


class Grid(Environment):
    """Four rows; column 0 is the rightmost, so that numbers of any length stand below each other."""

    def __init__(self, a: int, b: int) -> None:
        self.rows: dict[str, list[int | None]] = {"a": [*digits_of(a)], "b": [*digits_of(b)], "carry": [], "out": []}
        self.cursor = {"a": 0, "b": 0, "carry": 0, "out": 0}

    def at(self, row: str) -> int | None:
        """What stands under a row's cursor; None for blank."""
        cells, cursor = self.rows[row], self.cursor[row]
        return cells[cursor] if 0 <= cursor < len(cells) else None

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
        self.cursor[row] += 1 if way == "left" else -1

    @action(changes=lambda row, digit: {"carry": [digit == 1]} if row == "carry" else {})
    def write(self, row: Literal["carry", "out"], digit: Digit) -> None:
        cells, cursor = self.rows[row], self.cursor[row]
        if cursor < 0:
            raise IndexError("nothing can be written right of the last column")
        cells += [None] * (cursor + 1 - len(cells))
        cells[cursor] = digit

    def result(self) -> str:
        return show_digits(self.rows["out"])

    def view(self) -> View:
        width = max(len(cells) for cells in self.rows.values())
        width = max(width, 1, *(cursor + 1 for cursor in self.cursor.values()))
        rows = []
        for name, digits in self.rows.items():
            written = ["" if digit is None else str(digit) for digit in reversed(digits)]
            cells = tuple([""] * (width - len(digits)) + written)
            rows.append(Row(name, cells, (("", width - 1 - self.cursor[name]),), align="right"))
        return View(tuple(rows))


@program
def shift(grid: Grid) -> None:
    """Every cursor one column to the left."""
    grid.move("a", "left")
    grid.move("b", "left")
    grid.move("carry", "left")
    grid.move("out", "left")


def digits_of(number: int) -> list[int]:
    """Decimal digits, the last one first."""
    return [int(digit) for digit in reversed(decimal(number))]


def show_digits(digits: Sequence[int | None]) -> str:
    """Digits, the last one first, as a number without leading zeros."""
    return "".join(str(digit or 0) for digit in reversed(digits)).lstrip("0") or "0"


def read_numbers(task: Task, words: Sequence[Any]) -> tuple[int, int]:
    """Two whole numbers of any length, as typed.

    Raises:
        InputError: they are something else.
    """
    if len(words) != 2:
        raise task.refuse(words, f"got {len(words)}")
    numbers = []
    for word in map(str, words):
        if not (word.isascii() and word.isdecimal()):
            why = "negative numbers are not among what it learned" if word.startswith("-") else f"{word[:20]!r} is none"
            raise task.refuse(words, why)
        numbers.append(_number(word))
    return numbers[0], numbers[1]


def decimal(number: int) -> str:
    """str() without Python's limit of 4,300 digits, which guards servers against huge inputs."""
    if number < 10**4000:
        return str(number)
    head, tail = divmod(number, 10 ** (half := int(number.bit_length() * 0.30103) // 2))
    return decimal(head) + decimal(tail).zfill(half)


def _number(word: str) -> int:
    """int() without Python's limit."""
    if len(word) <= 4000:
        return int(word)
    half = len(word) // 2
    return _number(word[:-half]) * int(10**half) + _number(word[-half:])
