"""What the sums share: two whole numbers of any length as problems, and their digits."""

from __future__ import annotations

import random
from collections.abc import Sequence

from codling.npi.task import Problem, Task

__all__ = ["NumbersTask", "decimal", "digits_of", "show_digits"]


class NumbersTask(Task):
    """Base of the tasks that reckon with two whole numbers."""

    usage = "two whole numbers"
    example = ("96", "125")

    def parse(self, words: Sequence[str]) -> Problem:
        if len(words) != 2:
            raise self.refuse(words, f"got {len(words)}")
        numbers = []
        for word in map(str, words):
            if not (word.isascii() and word.isdecimal()):
                negative = word.startswith("-")
                why = "negative numbers are not among what it learned" if negative else f"{word[:20]!r} is none"
                raise self.refuse(words, why)
            numbers.append(_number(word))
        return numbers[0], numbers[1]

    def words(self, problem: Problem) -> list[str]:
        return [decimal(number) for number in problem]

    def sample(self, chance: random.Random, size: int) -> Problem:
        return chance.randrange(10 ** (size - 1), 10**size), chance.randrange(10 ** (size - 1), 10**size)


def digits_of(number: int) -> list[int]:
    """Decimal digits, the last one first."""
    return [int(digit) for digit in reversed(decimal(number))]


def show_digits(digits: Sequence[int | None]) -> str:
    """Digits, the last one first, as a number without leading zeros."""
    return "".join(str(digit or 0) for digit in reversed(digits)).lstrip("0") or "0"


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
