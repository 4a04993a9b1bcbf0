"""Random binary trees, for contestants in any interpreter: the standard library only."""

from __future__ import annotations

import random
from typing import Any


class Tree:
    """A leaf with a word, or a pair of trees; ``size`` counts all nodes."""

    __slots__ = ("left", "right", "size", "word")

    def __init__(self, word: int = -1, left: Tree | None = None, right: Tree | None = None) -> None:
        self.word, self.left, self.right = word, left, right
        self.size = 1 if left is None or right is None else 1 + left.size + right.size

    def nested(self) -> Any:
        """As JSON: a number, or a pair."""
        return self.word if self.left is None or self.right is None else [self.left.nested(), self.right.nested()]

    @staticmethod
    def of(nested: Any) -> Tree:
        return Tree(nested) if isinstance(nested, int) else Tree(-1, Tree.of(nested[0]), Tree.of(nested[1]))


def tree(rng: random.Random, leaves: int, words: int) -> Tree:
    """Split anywhere, each half likewise."""
    if leaves == 1:
        return Tree(rng.randrange(words))
    left = rng.randint(1, leaves - 1)
    return Tree(-1, tree(rng, left, words), tree(rng, leaves - left, words))


def forest(rng: random.Random, num: int, words: int) -> list[Tree]:
    """Trees of 10 to 50 leaves, evenly, so that every forest of one size has as many."""
    sizes = [10 + round(40 * (i + 0.5) / num - 0.5) if num > 1 else 30 for i in range(num)]
    rng.shuffle(sizes)
    return [tree(rng, size, words) for size in sizes]
