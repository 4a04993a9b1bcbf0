"""What the sorting tasks share: numbers as problems."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

from codling.npi.task import Problem, Task

__all__ = ["SortingTask", "show_numbers"]


def show_numbers(numbers: Iterable[int]) -> str:
    """Numbers with blanks between them."""
    return " ".join(map(str, numbers))


class SortingTask(Task):
    """Base of the tasks that bring numbers into order; programs only ever see comparisons, so any integers will do."""

    usage = "whole numbers, negative ones too"
    example = ("3", "1", "2")
    train_size = 5

    def parse(self, words: Sequence[str]) -> Problem:
        numbers = []
        for word in words:
            digits = word.removeprefix("-")
            if not (digits.isascii() and digits.isdecimal() and len(digits) <= 4000):
                raise self.refuse(words, f"{word[:20]!r} is none")
            numbers.append(int(word))
        if not numbers:
            raise self.refuse(words)
        return (tuple(numbers),)

    def words(self, problem: Problem) -> list[str]:
        return [str(number) for number in problem[0]]

    def sample(self, chance: random.Random, size: int) -> Problem:
        return (tuple(chance.randrange(-size, 2 * size) for _ in range(size)),)

    def answer(self, problem: Problem) -> str:
        return show_numbers(sorted(problem[0]))

    def small(self) -> Iterable[Problem]:
        """Every order of up to five numbers, equal ones included."""
        return ((numbers,) for size in range(1, 6) for numbers in itertools.product(range(size), repeat=size))
