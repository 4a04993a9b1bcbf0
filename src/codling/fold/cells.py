"""TreeLSTM cells: batchable modules, fast where they run batched, and plain PyTorch everywhere else.

Tai, Socher & Manning 2015, *Improved semantic representations from tree-structured long short-term memory networks*.
"""

# N examples, H hidden, K arity, M children of all examples

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .cell_kernels import ChildSumKernel, NaryKernel
from .kind import Ragged
from .operation import batchable

__all__ = ["ChildSumTreeLSTM", "ChildSumTreeLSTMCell", "TreeLSTM", "TreeLSTMCell", "TreeState"]


class TreeState(NamedTuple):
    """Of a node of a tree: hidden and cell, float [H] for an example, [N, H] for a batch."""

    h: Tensor
    c: Tensor


@batchable
class TreeLSTMCell(nn.Module):
    """The N-ary cell: a state out of those of K children, each with weights and a forget gate of its own.

    Called as ``cell(left, right)`` (as many states as the arity), or ``cell(left, right, gates)`` with the share of the
    node's own input in the gates, float [(3 + K) · H]. Gates stand in the order i, o, f₁ … f_K, u.
    """

    fold_kernel = NaryKernel
    fold_inner = False

    def __init__(self, hidden: int, arity: int = 2) -> None:
        super().__init__()
        self.hidden, self.arity = hidden, arity
        self.weight = nn.Parameter(torch.empty((3 + arity) * hidden, arity * hidden))
        self.bias = nn.Parameter(torch.empty((3 + arity) * hidden))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in ±1/√H, as PyTorch's LSTM; forget biases 1 (Jozefowicz et al. 2015)."""
        bound = 1 / math.sqrt(self.hidden)
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.bias[2 * self.hidden : (2 + self.arity) * self.hidden] = 1.0

    def forward(self, *args: Any) -> TreeState:
        """Compute the states of a batch: float [N, H] each."""
        states: tuple[TreeState, ...] = args[: self.arity]
        rest: tuple[Tensor, ...] = args[self.arity :]
        h_NKH = torch.cat([state[0] for state in states], 1)
        gates = torch.addmm(self.bias, h_NKH, self.weight.t())
        if rest:
            gates = gates + rest[0]
        i, o, *f, u = gates.chunk(3 + self.arity, 1)
        c = i.sigmoid() * u.tanh()
        for gate, state in zip(f, states, strict=True):
            c = c + gate.sigmoid() * state[1]
        return TreeState(o.sigmoid() * c.tanh(), c)

    def extra_repr(self) -> str:
        return f"hidden={self.hidden}, arity={self.arity}"


@batchable(ragged=True)
class ChildSumTreeLSTMCell(nn.Module):
    """The child-sum cell: a state out of those of any number of children, whose order doesn't matter.

    Called as ``cell(gates, children)`` with the input's share in the gates, float [4H], bias included, in the order
    i, o, u, f, and a list of states, which may be empty.
    """

    fold_kernel = ChildSumKernel
    fold_inner = False

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.weight_iou = nn.Parameter(torch.empty(3 * hidden, hidden))
        self.weight_f = nn.Parameter(torch.empty(hidden, hidden))
        bound = 1 / math.sqrt(hidden)
        nn.init.uniform_(self.weight_iou, -bound, bound)
        nn.init.uniform_(self.weight_f, -bound, bound)

    def forward(self, gates_N4H: Tensor, children: Ragged) -> TreeState:
        """Compute the states of a batch: float [N, H] each."""
        own_iou, own_f = gates_N4H[:, : 3 * self.hidden], gates_N4H[:, 3 * self.hidden :]
        if children.value is None:
            i, o, u = own_iou.chunk(3, 1)
            c = i.sigmoid() * u.tanh()
            return TreeState(o.sigmoid() * c.tanh(), c)
        h_MH, c_MH = children.value
        i, o, u = (own_iou + children.sum(h_MH) @ self.weight_iou.t()).chunk(3, 1)
        f_MH = (own_f[children.owner] + h_MH @ self.weight_f.t()).sigmoid()
        c = i.sigmoid() * u.tanh() + children.sum(f_MH * c_MH)
        return TreeState(o.sigmoid() * c.tanh(), c)

    def extra_repr(self) -> str:
        return f"hidden={self.hidden}"


class TreeLSTM(nn.Module):
    """The N-ary TreeLSTM with inputs at the leaves, as for constituency trees.

    ``tree_lstm.leaf(x)`` gives a leaf's state, ``tree_lstm(left, right)`` a parent's.
    """

    def __init__(self, inputs: int, hidden: int, arity: int = 2) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, 3 * hidden)
        self.cell = TreeLSTMCell(hidden, arity)
        self.cell.fold_inner = True

    @batchable
    def leaf(self, x_NE: Tensor) -> TreeState:
        """States of leaves, which forget nothing."""
        i, o, u = self.inputs(x_NE).chunk(3, 1)
        c = i.sigmoid() * u.tanh()
        return TreeState(o.sigmoid() * c.tanh(), c)

    def forward(self, *children: TreeState) -> TreeState:
        state: TreeState = self.cell(*children)
        return state


class ChildSumTreeLSTM(nn.Module):
    """The child-sum TreeLSTM with an input at every node, as for dependency trees and the syntax trees of programs.

    ``tree_lstm(x, [child, …])`` gives a node's state. The inputs of all nodes are ready at once, so their share in the
    gates is one matrix product for the whole batch of trees.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inputs = nn.Linear(inputs, 4 * hidden)
        with torch.no_grad():
            self.inputs.bias[3 * hidden :] = 1.0  # forget gates open at the start (Jozefowicz et al. 2015)
        self.inputs = batchable(self.inputs, name="inputs")
        self.cell = ChildSumTreeLSTMCell(hidden)
        self.inputs.__dict__["fold_inner"] = self.cell.fold_inner = True

    def forward(self, x: Tensor, children: list[TreeState]) -> TreeState:
        state: TreeState = self.cell(self.inputs(x), children)
        return state
