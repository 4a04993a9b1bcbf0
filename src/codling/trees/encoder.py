"""Trees into vectors: a child-sum TreeLSTM over labels, batched by ``codling.fold``, and the bag of labels."""

# N trees, M nodes of all trees, H hidden, A heads of attention

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from codling import fold

from .labels import Labels
from .syntax import SyntaxTree

__all__ = ["BagEncoder", "TreeEncoder"]


class TreeEncoder(nn.Module):
    """Reads a tree bottom up; its vector is the root's hidden state beside what attention picks from all nodes' and
    their maximum.

    Tai, Socher & Manning 2015 (child-sum, dependency TreeLSTM). Differs: attention and maximum, since a large tree's
    root has forgotten most of its leaves. Attention as in Lin et al. 2017 ("A structured self-attentive sentence
    embedding") and Alon et al. 2019 (code2vec): a vector per head says which nodes count.
    """

    def __init__(self, labels: Labels, hidden: int, num_heads: int = 4) -> None:
        super().__init__()
        self.labels, self.width = labels, (2 + num_heads) * hidden
        self.gates = nn.Embedding(len(labels), 4 * hidden)
        nn.init.normal_(self.gates.weight, std=0.3)
        with torch.no_grad():
            self.gates.weight[:, 3 * hidden :] += 1.0  # forget gates open at the start
        # A label's share in the gates is a row of a table: the product of embedding and matrix, learnt as one.
        self.gates = fold.batchable(self.gates, name="gates")
        self.cell = fold.ChildSumTreeLSTMCell(hidden)
        self.attention = nn.Linear(hidden, num_heads, bias=False)

    @fold.batchable(ragged=True)
    def pool(self, root: fold.TreeState, states: Any) -> Tensor:
        """[N, (2 + A)H] out of roots and all nodes."""
        h_MH: Tensor = states.value[0]
        scores_MA = self.attention(h_MH)
        largest_NH = _largest(h_MH, states.owner, torch.full_like(root[0], -1.0))
        top_NA = _largest(scores_MA, states.owner, scores_MA.new_full((len(root[0]), scores_MA.shape[1]), -math.inf))
        weights_MA = (scores_MA - top_NA.detach()[states.owner]).exp()
        picked_NAH = states.sum(weights_MA[:, :, None] * h_MH[:, None]) / states.sum(weights_MA)[:, :, None]
        return torch.cat([root[0], picked_NAH.flatten(1), largest_NH], 1)

    def encode(self, tree: SyntaxTree) -> Any:
        """One tree's vector: float [(2 + A)H]; lazy where programs are."""
        states: list[Any] = []
        root = _read(tree, self.labels, self.gates, self.cell, states)
        return self.pool(root, states)

    def forward(self, trees: Sequence[SyntaxTree]) -> Tensor:
        """Vectors of trees: float [N, (2 + A)H]."""
        with fold.batching(places=False):
            roots = [self.encode(tree) for tree in trees]
        vectors: Tensor = fold.stack(roots)
        return vectors


class BagEncoder(nn.Module):
    """The labels of a tree, types and sub-tokens alike, without their order: mean and maximum of their embeddings."""

    def __init__(self, labels: Labels, hidden: int) -> None:
        super().__init__()
        self.labels, self.width = labels, 2 * hidden
        self.mean, self.max = (nn.EmbeddingBag(len(labels), hidden, mode=mode) for mode in ("mean", "max"))
        for bag in (self.mean, self.max):
            nn.init.normal_(bag.weight, std=0.1)  # the largest of many would saturate what follows otherwise

    def forward(self, trees: Sequence[SyntaxTree]) -> Tensor:
        """Vectors of trees: float [N, 2H]."""
        bags = [[self.labels[label] for label in tree.labels()] for tree in trees]
        starts = torch.tensor([0, *map(len, bags[:-1])]).cumsum(0)
        flat = torch.tensor([label for bag in bags for label in bag])
        return torch.cat([self.mean(flat, starts), self.max(flat, starts)], 1)


def _largest(values_MX: Tensor, owner_M: Tensor, least_NX: Tensor) -> Tensor:
    """The largest of each owner's values, column by column."""
    return least_NX.scatter_reduce(0, owner_M[:, None].expand_as(values_MX), values_MX, "amax")


def _read(tree: SyntaxTree, labels: Labels, gates: Any, cell: Any, states: list[Any]) -> Any:
    """A tree's state, and those of all its nodes appended to ``states``. (What doesn't change from node to node comes
    as arguments: a module's attributes are slow to look up, and a closure that calls itself is freed late.)"""
    children = [_read(child, labels, gates, cell, states) for child in tree.children]
    state = cell(gates(labels[tree.label]), children)
    states.append(state)
    return state
