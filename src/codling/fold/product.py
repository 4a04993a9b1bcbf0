"""Matrix products of the kernels, by whichever of PyTorch's two libraries is fast.

On x86 PyTorch multiplies float32 matrices by MKL, which on processors that aren't Intel's leaves the wide registers
unused: oneDNN, which comes with PyTorch as well, is more than twice as fast there. It compiles code for each shape that
it meets, so rows are handed to it in pieces whose sizes come back, small enough to stay in the cache until the next
step reads them.
"""

# N rows, I inputs, O outputs

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["affine", "grad_of_inputs", "grad_of_weight"]

_MOST = 512  # rows of a piece
_WORK = 4_000_000  # multiplications; with fewer, MKL is under way before oneDNN has begun
_FEW = 64  # up to here, pieces of any size
_ONEDNN = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def affine(x_NI: Tensor, weight_OI: Tensor, bias_O: Tensor | None, out: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """``x · weightᵀ + bias`` by pieces: rows, and what belongs there, which may lie in ``out`` [N, O] already.

    What comes next, such as an activation, writes it to ``out`` while it is in the cache.
    """
    if not _by_onednn(x_NI, len(weight_OI)):
        weight_IO = weight_OI.t()
        whole = torch.mm(x_NI, weight_IO, out=out) if bias_O is None else torch.addmm(bias_O, x_NI, weight_IO, out=out)
        yield slice(0, len(x_NI)), whole
        return
    for rows in _pieces(len(x_NI)):
        yield rows, _linear(x_NI[rows], weight_OI, bias_O)


def grad_of_inputs(grad_NO: Tensor, weight_OI: Tensor) -> Tensor:
    """``grad · weight``: [N, I]."""
    if not _by_onednn(grad_NO, weight_OI.shape[1]):
        return torch.mm(grad_NO, weight_OI)
    weight_IO = weight_OI.t()
    if len(grad_NO) <= _FEW:
        return _linear(grad_NO, weight_IO, None)
    out = grad_NO.new_empty(len(grad_NO), len(weight_IO))
    for rows in _pieces(len(grad_NO)):
        out[rows] = _linear(grad_NO[rows], weight_IO, None)
    return out


def grad_of_weight(grad_NO: Tensor, x_NI: Tensor) -> Tensor:
    """``gradᵀ · x``: [O, I]."""
    if not _by_onednn(grad_NO, x_NI.shape[1]):
        return torch.mm(grad_NO.t(), x_NI)
    parts = (_linear(grad_NO[rows].t(), x_NI[rows].t(), None) for rows in _pieces(len(grad_NO)))
    total = next(parts)
    for part in parts:
        total += part
    return total


def _by_onednn(rows: Tensor, others: int) -> bool:
    """Whether it is faster for a product of a matrix and one that has so many columns of its own."""
    if not _ONEDNN or rows.dtype != torch.float32 or rows.device.type != "cpu":
        return False
    return rows.numel() * others >= _WORK and bool(torch.backends.mkldnn.enabled)


def _pieces(num: int) -> Iterator[slice]:
    """Slices of all rows, of sizes that are few: their upper four bits."""
    first = 0
    while first < num:
        size = min(num - first, _MOST)
        if size > _FEW:
            size = size >> (size.bit_length() - 4) << (size.bit_length() - 4)
        yield slice(first, first + size)
        first += size


def _linear(x_NI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise.default(x_NI, weight_OI, bias_O, "none", [], "")
    return result
