"""Frames as batches: what is learned, and which of it comes next."""

# B batch, T time, K observed values, A arguments, N nodes, P rows of programs

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from codling.npi.frames import Frames
from codling.npi.library import Ints, Shelf

__all__ = ["Batch", "Lessons"]


class Batch(NamedTuple):
    """Frames side by side, filled up behind their end."""

    program_B: Tensor
    arguments_BA: Tensor
    observations_BTK: Tensor
    real_BT: Tensor
    "Whether there is a decision here."
    stop_BT: Tensor
    callee_BT: Tensor
    "Row of the program to call; 0 where there is none."
    allowed_BP: Tensor
    "Programs that the frame's task has."
    values_BTA: Tensor
    given_BTA: Tensor
    "Whether there is such an argument."


class Lessons:
    """The frames of one task, ready to be put into batches by the number of their last node."""

    def __init__(self, shelf: Shelf, frames: Frames) -> None:
        self.shelf, self.frames = shelf, frames
        self.refresh()

    def refresh(self) -> None:
        """Read the tree of frames again, after it has grown."""
        frames, shelf = self.frames, self.shelf
        self.observations = shelf.observations_of(frames)
        self.programs, self.arguments = shelf.calls_of(frames)
        self.callees, self.values = shelf.decisions_of(frames)
        arity = np.where(self.callees < 0, 0, shelf.num_arguments_C[self.callees])
        self.given = np.arange(self.values.shape[1]) < arity[:, None]
        self.parent, self.seen = np.array(frames.parent, np.int64), np.array(frames.seen, np.int64)
        self.root, self.decision = np.array(frames.root, np.int64), np.array(frames.decision, np.int64)
        self.depth = np.array(frames.depth, np.int64)
        self.first_child = np.full(len(frames), -1, np.int64)
        inner = np.flatnonzero(self.parent >= 0)[::-1]
        self.first_child[self.parent[inner]] = inner

    def leaves(self, nodes: Ints) -> Ints:
        """A frame through each node: the number of its last node."""
        nodes = np.asarray(nodes, np.int64).copy()
        while True:
            below = self.first_child[nodes]
            if (below < 0).all():
                return np.unique(nodes)
            nodes = np.where(below < 0, nodes, below)

    def batch(self, leaves: Ints) -> Batch:
        """The frames that end at these nodes."""
        depth = self.depth[leaves]
        path = np.full((len(leaves), int(depth.max()) + 1), -1, np.int64)
        node, rows = leaves.copy(), np.arange(len(leaves))
        while len(rows):
            path[rows, self.depth[node]] = node
            node = self.parent[node]
            rows, node = rows[node >= 0], node[node >= 0]
        real = path >= 0
        path[~real] = 0
        decision = self.decision[path]
        callee = self.callees[decision]
        stop = callee < 0
        observations = self.observations[self.seen[path]]
        observations[~real] = 0
        root = self.root[leaves]
        arrays = (
            self.programs[root],
            self.arguments[root],
            observations,
            real,
            stop,
            np.where(stop, 0, self.shelf.rows_C[callee]),
            np.broadcast_to(self.shelf.allowed_P, (len(leaves), len(self.shelf.allowed_P))).copy(),
            self.values[decision],
            self.given[decision],
        )
        return Batch(*map(torch.from_numpy, arrays))


def merge(batches: Sequence[Batch]) -> Batch:
    """Batches of several tasks as one."""
    if len(batches) == 1:
        return batches[0]
    time = max(batch.real_BT.shape[1] for batch in batches)

    def fill(tensor: Tensor) -> Tensor:
        missing = time - tensor.shape[1]
        return (
            torch.cat([tensor, tensor.new_zeros(tensor.shape[0], missing, *tensor.shape[2:])], 1) if missing else tensor
        )

    columns = []
    for name, tensors in zip(Batch._fields, zip(*batches, strict=True), strict=True):
        columns.append(torch.cat([fill(each) if "T" in name.rpartition("_")[2] else each for each in tensors]))
    return Batch(*columns)
