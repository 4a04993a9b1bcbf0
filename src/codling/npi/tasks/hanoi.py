"""The tower of Hanoi: a program that calls itself twice, with the pegs as its arguments."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from codling.npi.environment import Environment, action, feature
from codling.npi.program import program
from codling.npi.task import Problem, Task
from codling.npi.view import Row, View

__all__ = ["Hanoi", "Tower"]

Peg = Literal["a", "b", "c"]
MAX_DISKS = 24  # 17 million moves


class Tower(Environment):
    """Disks on three pegs, and how many of them are to be moved now."""

    def __init__(self, num_disks: int) -> None:
        self.pegs: dict[str, list[int]] = {"a": list(range(num_disks, 0, -1)), "b": [], "c": []}
        self.height = num_disks
        self.moves: list[str] = []

    @feature
    def nothing(self) -> bool:
        """No disk is to be moved."""
        return self.height == 0

    @action(changes=["nothing"])
    def lower(self) -> None:
        self.height -= 1

    @action(changes=lambda: {"nothing": [False]})
    def higher(self) -> None:
        self.height += 1

    @action(changes=[])
    def move(self, source: Peg, target: Peg) -> None:
        """The topmost disk of a peg to another one."""
        disk = self.pegs[source].pop()
        if self.pegs[target] and self.pegs[target][-1] < disk:
            raise ValueError(f"disk {disk} does not go on disk {self.pegs[target][-1]}")
        self.pegs[target].append(disk)
        self.moves.append(f"{source}>{target}")

    def result(self) -> str:
        return " ".join(self.moves)

    def view(self) -> View:
        rows = tuple(Row(name, tuple(map(str, disks))) for name, disks in self.pegs.items())
        return View(rows, {"height": str(self.height), "moves": str(len(self.moves))})


@program
def hanoi(tower: Tower, source: Peg, target: Peg, spare: Peg) -> None:
    """As many disks as the height says, from one peg to another by way of the third."""
    if tower.nothing:
        return
    tower.lower()
    hanoi(tower, source, spare, target)
    tower.move(source, target)
    hanoi(tower, spare, target, source)
    tower.higher()


class Hanoi(Task):
    """The moves that bring a tower from peg a to peg c."""

    name = "hanoi"
    environment = Tower
    programs = (hanoi,)
    arguments = ("a", "c", "b")
    usage = f"a number of disks up to {MAX_DISKS}"
    example = ("3",)
    train_size = 2
    check_size = 8  # each disk doubles the moves

    def parse(self, words: Sequence[str]) -> Problem:
        if len(words) != 1 or not (words[0].isascii() and words[0].isdecimal()) or int(words[0][:9]) > MAX_DISKS:
            raise self.refuse(words)
        return (int(words[0]),)

    def sample(self, chance: random.Random, size: int) -> Problem:  # noqa: ARG002 - there is one of each size
        return (size,)

    def answer(self, problem: Problem) -> str:
        """By the closed form: which disk moves is the number of trailing zeros, and small disks go round one way."""
        (num_disks,) = problem
        return " ".join(_moves(num_disks))

    def small(self) -> Iterable[Problem]:
        return ((size,) for size in range(9))


def _moves(num_disks: int) -> Iterator[str]:
    pegs = "abc" if num_disks % 2 else "acb"
    at = [0] * num_disks
    for number in range(1, 1 << num_disks):
        disk = (number & -number).bit_length() - 1
        way = 2 if disk % 2 == 0 else 1
        # The smallest disk goes a > c > b where the number of disks is odd, the next one the other way round.
        source = at[disk]
        at[disk] = (source + way) % 3
        yield f"{pegs[source]}>{pegs[at[disk]]}"
