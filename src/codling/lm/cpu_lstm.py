"""One LSTM layer for training on a CPU in bfloat16.

PyTorch hands a bfloat16 LSTM on a CPU to a kernel that leaves much of what the matrix units of newer processors can do:
the same arithmetic as plain matrix products, step by step, with the backward pass written out, trains about twice as
fast (``benchmarks/training.py``). Gates and products are bfloat16; cells and their gradients are float32, since a cell
adds up small changes over hundreds of steps.
"""

# B batch, T time, E input width, H hidden

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["cpu_lstm"]


def cpu_lstm(
    x_BTE: Tensor, h_BH: Tensor, c_BH: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """Run one layer over a window.

    Args:
        weight_ih: float [4H, E], gates in PyTorch's order i, f, g, o; weight_hh, [4H, H], and bias, [4H], likewise.
        dtype: of the matrix products.

    Returns:
        Outputs [B, T, H] of that dtype, and the hidden and cell state after the window, float32 [B, H].
    """
    order = _sigmoids_first(weight_hh.shape[1], weight_hh.device)
    x_TBE = x_BTE.transpose(0, 1).to(dtype)
    inputs = functional.linear(x_TBE, weight_ih[order].to(dtype), bias[order].to(dtype))
    y_TBH, h_BH, c_BH = _Steps.apply(inputs, weight_hh[order].to(dtype), h_BH.to(dtype), c_BH.float())  # type: ignore[no-untyped-call]
    return y_TBH.transpose(0, 1), h_BH.float(), c_BH


def _sigmoids_first(hidden: int, device: torch.device) -> Tensor:
    """Rows in the order i, f, o, g: the three gates that take a sigmoid lie side by side."""
    rows = torch.arange(4 * hidden, device=device).view(4, hidden)
    return rows[[0, 1, 3, 2]].flatten()


class _Steps(torch.autograd.Function):
    """The recurrent part, from the inputs' share of the gates on."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, h_BH: Tensor, c_BH: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        time, batch, width = inputs.shape
        hidden = width // 4
        gates = torch.empty_like(inputs)
        cells = inputs.new_empty(time + 1, batch, hidden, dtype=torch.float32)
        tanhs = inputs.new_empty(time, batch, hidden)
        outputs = inputs.new_empty(time + 1, batch, hidden)
        cells[0], outputs[0] = c_BH, h_BH
        transposed = weight.t()
        for t in range(time):
            gate = gates[t]
            torch.addmm(inputs[t], outputs[t], transposed, out=gate)
            gate[:, : 3 * hidden].sigmoid_()
            gate[:, 3 * hidden :].tanh_()
            i, f, o, g = torch.split(gate, hidden, dim=1)
            torch.mul(cells[t], f, out=cells[t + 1])
            cells[t + 1].add_(i * g)
            torch.tanh(cells[t + 1].to(tanhs.dtype), out=tanhs[t])
            torch.mul(tanhs[t], o, out=outputs[t + 1])
        ctx.save_for_backward(gates, cells, tanhs, outputs, weight)
        return outputs[1:], outputs[-1].clone(), cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        grad_outputs, grad_h, grad_c = grads
        gates, cells, tanhs, outputs, weight = ctx.saved_tensors
        time, _, width = gates.shape
        hidden = width // 4
        grad_gates = torch.empty_like(gates)
        dh = grad_h.clone()
        dc = grad_c.clone()
        for t in range(time - 1, -1, -1):
            dh.add_(grad_outputs[t])
            gate, grad = gates[t], grad_gates[t]
            i, f, o, g = torch.split(gate, hidden, dim=1)
            di, df, do, dg = torch.split(grad, hidden, dim=1)
            torch.mul(dh, tanhs[t], out=do)
            dc.add_(torch.ops.aten.tanh_backward(dh.mul_(o), tanhs[t]))
            small = dc.to(gate.dtype)
            torch.mul(small, g, out=di)
            torch.mul(small, cells[t].to(gate.dtype), out=df)
            torch.mul(small, i, out=dg)
            # Through the gates' own squashing: σ' = σ(1 − σ), tanh' = 1 − tanh².
            grad[:, : 3 * hidden] = torch.ops.aten.sigmoid_backward(grad[:, : 3 * hidden], gate[:, : 3 * hidden])
            grad[:, 3 * hidden :] = torch.ops.aten.tanh_backward(dg, g)
            dc.mul_(f)
            torch.mm(grad, weight, out=dh)
        flat = grad_gates.flatten(0, 1)
        grad_weight = flat.t() @ outputs[:-1].flatten(0, 1)
        return grad_gates, grad_weight, dh, dc
