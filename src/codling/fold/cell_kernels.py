"""The TreeLSTM cells' forward and backward passes, written out."""

# n rows of a batch, N rows of all batches, m and M children likewise, H hidden, K arity

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .kernel import Kernel, KernelStep
from .kind import NodeSlot, RaggedSlot, Slot
from .product import affine, grad_of_inputs, grad_of_weight
from .signature import Signature

__all__ = ["ChildSumKernel", "NaryKernel"]

# One overload each, which saves choosing one at every call.
_tanh_backward = torch.ops.aten.tanh_backward.default
_tanh_backward_into = torch.ops.aten.tanh_backward.grad_input
_sigmoid_backward_into = torch.ops.aten.sigmoid_backward.grad_input


class NaryKernel(Kernel):
    """``TreeLSTMCell``: gates i, o, f₁ … f_K, u out of the children's hidden states side by side."""

    def __init__(self, module: Any, rows: int, _children: int) -> None:
        self.hidden, self.arity, self.rows = module.hidden, module.arity, rows
        self._weights = [module.weight, module.bias]
        self.weight, self.bias = module.weight.detach(), module.bias.detach()
        self.num_sigmoids = (2 + self.arity) * self.hidden
        self._kept: tuple[Tensor, Tensor, Tensor, Tensor] | None = None
        self._grad_gates: Tensor | None = None

    @staticmethod
    def fits(module: Any, slots: Sequence[Slot]) -> bool:
        width, dtype = module.hidden, module.weight.dtype
        if len(slots) not in (module.arity, module.arity + 1) or not all(isinstance(s, NodeSlot) for s in slots):
            return False
        sigs: list[Signature] = [slot.sig for slot in slots if isinstance(slot, NodeSlot)]
        states, inputs = sigs[: module.arity], sigs[module.arity :]
        return (
            all(sig is states[0] for sig in states)
            and _is_state(states[0], width, dtype)
            and all(sig.leaves == (((len(module.bias),), dtype, module.weight.device),) for sig in inputs)
        )

    @staticmethod
    def split(slots: Sequence[NodeSlot]) -> tuple[Sequence[NodeSlot], Sequence[NodeSlot]]:
        children = [slot for slot in slots if slot.sig.form is not None]
        return children, slots[len(children) :]

    def weights(self) -> list[Tensor]:
        return self._weights

    def _buffers(self, rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        new, hidden, arity = self.weight.new_empty, self.hidden, self.arity
        gates = new(rows, (3 + arity) * hidden)
        return gates, new(rows, arity * hidden), new(rows, arity * hidden), new(rows, hidden)

    def forward(self, step: KernelStep, keep: bool) -> None:
        n, hidden = step.num, self.hidden
        if keep:
            if self._kept is None:
                self._kept = self._buffers(self.rows)
            gates, h_nKH, c_nKH, tanh_c = (kept[step.first : step.first + n] for kept in self._kept)
        else:
            gates, h_nKH, c_nKH, tanh_c = self._buffers(n)
        assert step.children is not None
        step.children.gather_one(0, out=h_nKH.view(-1, hidden))
        step.children.gather_one(1, out=c_nKH.view(-1, hidden))
        own = step.sources[0].gather_one(0) if step.sources else None
        for rows, product in affine(h_nKH, self.weight, self.bias, out=gates):
            if own is not None:
                product.add_(own[rows])
            _activate(product, gates[rows], self.num_sigmoids)
        i, o, *f, u = gates.chunk(3 + self.arity, 1)
        h, c = step.results()
        torch.mul(i, u, out=c)
        for gate, cell in zip(f, c_nKH.chunk(self.arity, 1), strict=True):
            c.addcmul_(gate, cell)
        torch.tanh(c, out=tanh_c)
        torch.mul(o, tanh_c, out=h)

    def backward(self, step: KernelStep, grads: list[Tensor] | None) -> None:
        assert self._kept is not None and step.children is not None
        n, hidden, sigmoids = step.num, self.hidden, self.num_sigmoids
        if self._grad_gates is None:
            self._grad_gates = torch.empty_like(self._kept[0])
        grad = self._grad_gates[step.first : step.first + n]
        if grads is None:
            grad.zero_()
            return
        gates, _, c_nKH, tanh_c = (kept[step.first : step.first + n] for kept in self._kept)
        grad_h, grad_c = grads
        i, o, *_, u = gates.chunk(3 + self.arity, 1)
        # Through h = o · tanh(c) to the cell, on top of what came to the cell itself.
        grad_cell = _tanh_backward(grad_h * o, tanh_c).add_(grad_c)
        torch.mul(grad_cell, u, out=grad[:, :hidden])
        torch.mul(grad_h, tanh_c, out=grad[:, hidden : 2 * hidden])
        by_child = (n, self.arity, hidden)
        forget = gates[:, 2 * hidden : sigmoids].view(by_child)
        torch.mul(grad_cell[:, None], c_nKH.view(by_child), out=grad[:, 2 * hidden : sigmoids].view(by_child))
        torch.mul(grad_cell, i, out=grad[:, sigmoids:])
        _through_gates(grad, gates, sigmoids)
        step.children.add_grad(1, (grad_cell[:, None] * forget).view(-1, hidden))
        step.children.add_grad(0, grad_of_inputs(grad, self.weight).view(-1, hidden))
        if step.sources:
            step.sources[0].add_grad(0, grad)

    def finish(self) -> list[Tensor | None]:
        if self._grad_gates is None or self._kept is None:
            return [None, None]
        grad, self._grad_gates = self._grad_gates, None
        return [grad_of_weight(grad, self._kept[1]), grad.sum(0)]


class ChildSumKernel(Kernel):
    """``ChildSumTreeLSTMCell``: gates i, o, u out of the sum of the children's hidden states, f out of each."""

    def __init__(self, module: Any, rows: int, children: int) -> None:
        self.hidden, self.rows, self.children = module.hidden, rows, children
        self._weights = [module.weight_iou, module.weight_f]
        self.weight_iou, self.weight_f = module.weight_iou.detach(), module.weight_f.detach()
        self._next_child = 0
        self._kept: tuple[Tensor, ...] | None = None
        self._grads: tuple[Tensor, Tensor] | None = None

    @staticmethod
    def fits(module: Any, slots: Sequence[Slot]) -> bool:
        if len(slots) != 2:
            return False
        gates, children = slots
        leaf = ((4 * module.hidden,), module.weight_f.dtype, module.weight_f.device)
        return (
            isinstance(gates, NodeSlot)
            and gates.sig.form is None
            and gates.sig.leaves == (leaf,)
            and isinstance(children, RaggedSlot)
            and (children.sig is None or _is_state(children.sig, module.hidden, module.weight_f.dtype))
        )

    @staticmethod
    def split(slots: Sequence[NodeSlot]) -> tuple[Sequence[NodeSlot], Sequence[NodeSlot]]:
        return (), slots  # its children are a ragged list

    def weights(self) -> list[Tensor]:
        return self._weights

    def _buffers(self, rows: int, children: int) -> tuple[Tensor, ...]:
        """Gates i, o, u [N, 3H]; sums of hidden states [N, H]; tanh(c) [N, H]; of children [M, H]: h, c, f."""
        new, hidden = self.weight_f.new_empty, self.hidden
        sums = new(rows if children else 0, hidden)
        return (new(rows, 3 * hidden), sums, new(rows, hidden), *(new(children, hidden) for _ in range(3)))

    def _of(self, step: KernelStep) -> tuple[Tensor, ...]:
        assert self._kept is not None
        rows = slice(step.first, step.first + step.num)
        num_children = step.children.num if step.children is not None else 0
        children = slice(step.first_child, step.first_child + num_children)
        return (*(kept[rows] for kept in self._kept[:3]), *(kept[children] for kept in self._kept[3:]))

    def forward(self, step: KernelStep, keep: bool) -> None:
        hidden = self.hidden
        if keep:
            if self._kept is None:
                self._kept = self._buffers(self.rows, self.children)
            step.first_child = self._next_child
            self._next_child += step.children.num if step.children is not None else 0
            gates, sums, tanh_c, h_mH, c_mH, f_mH = self._of(step)
        else:
            num_children = step.children.num if step.children is not None else 0
            gates, sums, tanh_c, h_mH, c_mH, f_mH = self._buffers(step.num, num_children)
        own = step.sources[0].gather_one(0)
        own_iou, own_f = own[:, : 3 * hidden], own[:, 3 * hidden :]
        if step.children is None:
            _activate(own_iou, gates, 2 * hidden)
        else:
            assert step.owner is not None
            step.children.gather_one(0, out=h_mH)
            step.children.gather_one(1, out=c_mH)
            sums.zero_().index_add_(0, step.owner, h_mH)
            for rows, product in affine(sums, self.weight_iou, None, out=gates):
                _activate(product.add_(own_iou[rows]), gates[rows], 2 * hidden)
            for rows, product in affine(h_mH, self.weight_f, None, out=f_mH):
                product.add_(own_f.index_select(0, step.owner[rows]))
                torch.sigmoid(product, out=f_mH[rows])
        i, o, u = gates.chunk(3, 1)
        h, c = step.results()
        torch.mul(i, u, out=c)
        if step.children is not None and step.owner is not None:
            c.index_add_(0, step.owner, f_mH * c_mH)
        torch.tanh(c, out=tanh_c)
        torch.mul(o, tanh_c, out=h)

    def backward(self, step: KernelStep, grads: list[Tensor] | None) -> None:
        assert self._kept is not None
        hidden, rows = self.hidden, slice(step.first, step.first + step.num)
        if self._grads is None:
            self._grads = torch.empty_like(self._kept[0]), torch.empty_like(self._kept[5])
        gates, _, tanh_c, _, c_mH, f_mH = self._of(step)
        grad = self._grads[0][rows]
        grad_f = self._grads[1][step.first_child : step.first_child + len(f_mH)]
        if grads is None:
            grad.zero_()
            grad_f.zero_()
            return
        grad_h, grad_c = grads
        i, o, u = gates.chunk(3, 1)
        grad_cell = _tanh_backward(grad_h * o, tanh_c).add_(grad_c)
        torch.mul(grad_cell, u, out=grad[:, :hidden])
        torch.mul(grad_h, tanh_c, out=grad[:, hidden : 2 * hidden])
        torch.mul(grad_cell, i, out=grad[:, 2 * hidden :])
        _through_gates(grad, gates, 2 * hidden)
        own = grad.new_zeros(step.num, 4 * hidden)
        own[:, : 3 * hidden] = grad
        if step.children is not None:
            assert step.owner is not None
            grad_cells = grad_cell.index_select(0, step.owner)
            torch.mul(grad_cells, c_mH, out=grad_f)
            _sigmoid_backward_into(grad_f, f_mH, grad_input=grad_f)
            step.children.add_grad(1, grad_cells.mul_(f_mH))
            grad_children = grad_of_inputs(grad, self.weight_iou).index_select(0, step.owner)
            step.children.add_grad(0, grad_children.add_(grad_of_inputs(grad_f, self.weight_f)))
            own[:, 3 * hidden :].index_add_(0, step.owner, grad_f)
        step.sources[0].add_grad(0, own)

    def finish(self) -> list[Tensor | None]:
        if self._grads is None or self._kept is None or not self.children:
            self._grads = None
            return [None, None]
        (grad, grad_f), self._grads = self._grads, None
        return [grad_of_weight(grad, self._kept[1]), grad_of_weight(grad_f, self._kept[3])]


def _is_state(sig: Signature, hidden: int, dtype: torch.dtype) -> bool:
    """A pair of vectors of the cell's own width."""
    return sig.form is not None and [leaf[:2] for leaf in sig.leaves] == [((hidden,), dtype)] * 2


def _activate(gates: Tensor, out: Tensor, sigmoids: int) -> None:
    torch.sigmoid(gates[:, :sigmoids], out=out[:, :sigmoids])
    torch.tanh(gates[:, sigmoids:], out=out[:, sigmoids:])


def _through_gates(grad: Tensor, gates: Tensor, sigmoids: int) -> None:
    """Gradients of activated gates to those before the activation, in place: σ′ = σ(1 − σ), tanh′ = 1 − tanh²."""
    squashed, grad_squashed = gates[:, :sigmoids], grad[:, :sigmoids]
    _sigmoid_backward_into(grad_squashed, squashed, grad_input=grad_squashed)
    tanhs, grad_tanhs = gates[:, sigmoids:], grad[:, sigmoids:]
    _tanh_backward_into(grad_tanhs, tanhs, grad_input=grad_tanhs)
