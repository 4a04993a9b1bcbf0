"""A TreeLSTM batched by hand, level by level: what fold has to beat."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trees import Tree


def encode_by_hand(
    leaves: Callable[..., tuple[Tensor, Tensor]], merge: Callable[..., tuple[Tensor, Tensor]], trees: list[Tree]
) -> Tensor:
    """Hidden states of the roots. Nodes get rows level by level; a level's children are looked up among all above."""
    levels: list[list[tuple[int, Tree]]] = [[]]
    words: list[int] = []
    place: dict[int, tuple[int, int]] = {}

    def visit(tree: Tree) -> int:
        if tree.left is None or tree.right is None:
            place[id(tree)] = (0, len(words))
            words.append(tree.word)
            return 0
        level = 1 + max(visit(tree.left), visit(tree.right))
        while len(levels) <= level:
            levels.append([])
        place[id(tree)] = (level, len(levels[level]))
        levels[level].append((level, tree))
        return level

    for tree in trees:
        visit(tree)
    first = [0]
    for level in range(len(levels)):
        first.append(first[-1] + (len(levels[level]) if level else len(words)))

    def rows(nodes: list[Tree]) -> Tensor:
        return torch.tensor([first[place[id(node)][0]] + place[id(node)][1] for node in nodes])

    h, c = leaves(torch.tensor(words))
    for level in levels[1:]:
        left, right = rows([tree.left for _, tree in level]), rows([tree.right for _, tree in level])  # type: ignore[misc]
        new_h, new_c = merge(h[left], c[left], h[right], c[right])
        h, c = torch.cat([h, new_h]), torch.cat([c, new_c])
    return h[rows(trees)]
