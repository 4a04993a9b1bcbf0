"""The encoder as PyTorch trains it; codling.search.encoder runs it without PyTorch.

# N units or queries, V pieces, D dimensions, F fields, M pieces of all bags together
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.search.encoder import FIELDS

__all__ = ["Bag", "BagEncoder", "frequency_weights"]

_RARE = 1e-3  # a piece as frequent as this among all counts half; Arora et al. 2017
_START_SCALE = 20.0  # cosines are multiplied by it before the softmax; learned from there
_MAX_SCALE = 40.0  # learned: about 24; e to the minus twice of it is still a float32


@dataclass(frozen=True)
class Bag:
    """Bags of pieces, end to end."""

    pieces_M: Tensor
    "int64; for code ``field · V + piece``, for queries the piece."
    counts_M: Tensor
    "float, at least 1."
    offsets_N: Tensor
    "int64: where each bag begins."


def frequency_weights(counts_V: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Smooth inverse frequency (Arora et al. 2017): frequent words count less, in (0, 1]."""
    share_V = counts_V / max(counts_V.sum(), 1)
    weights_V: npt.NDArray[np.float64] = _RARE / (_RARE + share_V)
    return weights_V


class BagEncoder(nn.Module):
    """Two tables of vectors and the weight of every piece in every field, trained together.

    Args:
        start_VD: the vectors that both sides begin with.
        weights_GV: positive weights to begin with, by field and, in the last row, in queries; G is F + 1.
        shared: one table for both sides.
    """

    def __init__(self, start_VD: Tensor, weights_GV: Tensor, *, shared: bool = False) -> None:
        super().__init__()
        assert len(weights_GV) == len(FIELDS) + 1
        self.code_VD = nn.Parameter(start_VD.clone())
        self.query_VD = self.code_VD if shared else nn.Parameter(start_VD.clone())
        self.log_weights_GV = nn.Parameter(weights_GV.log())
        self.log_scale = nn.Parameter(torch.tensor(math.log(_START_SCALE)))

    def tables(self) -> list[nn.Parameter]:
        return [self.code_VD] if self.query_VD is self.code_VD else [self.code_VD, self.query_VD]

    def weights(self) -> list[nn.Parameter]:
        return [self.log_weights_GV, self.log_scale]

    def encode_code(self, bag: Bag) -> Tensor:
        """Vectors of unit length, float [N, D]."""
        ends_N = torch.cat([bag.offsets_N[1:], bag.offsets_N.new_tensor([len(bag.pieces_M)])])
        owners_M = torch.repeat_interleave(torch.arange(len(ends_N)), ends_N - bag.offsets_N)
        fields_M = owners_M * len(FIELDS) + bag.pieces_M // len(self.code_VD)
        damped_M = torch.bincount(fields_M)[fields_M].float().rsqrt()  # codling.search.encoder.damped
        weights_M = self.log_weights_GV.view(-1)[bag.pieces_M].exp() * (1 + bag.counts_M.log()) * damped_M
        return _summed(self.code_VD, bag.pieces_M % len(self.code_VD), weights_M, bag.offsets_N)

    def encode_queries(self, bag: Bag) -> Tensor:
        """Vectors of unit length, float [N, D]."""
        weights_M = self.log_weights_GV[-1][bag.pieces_M].exp() * bag.counts_M
        return _summed(self.query_VD, bag.pieces_M, weights_M, bag.offsets_N)

    def loss(self, queries: Bag, code: Bag) -> tuple[Tensor, Tensor]:
        """How well each query is told apart from the other code of the batch, and each code from the other queries.

        Returns:
            Mean of the two cross-entropies in nats, and the share of queries whose own code is nearest.

        InfoNCE, both ways: van den Oord et al. 2018; Radford et al. 2021.
        """
        loss, accuracy = _Contrast.apply(  # type: ignore[no-untyped-call]
            self.encode_queries(queries), self.encode_code(code), self.log_scale.exp().clamp(max=_MAX_SCALE)
        )
        return loss, accuracy


class _Contrast(torch.autograd.Function):
    """The two cross-entropies of N queries and N pieces of code, and the share of queries that are nearest their own.

    What autograd would do for them by half a dozen passes over N × N numbers takes two: a batch of 4,096 in half the
    time. Cosines have a known bound, so that the exponentials need no search for the largest.
    """

    @staticmethod
    def forward(ctx: Any, queries_ND: Tensor, code_ND: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        cosines_NN = queries_ND @ code_ND.T
        own_N = cosines_NN.diagonal().clone()
        powers_NN = (cosines_NN * scale - scale).exp_()  # at most 1, and never 0: see _MAX_SCALE
        rows_N, columns_N = powers_NN.sum(1), powers_NN.sum(0)
        ctx.save_for_backward(queries_ND, code_ND, scale, cosines_NN, powers_NN, rows_N, columns_N)
        loss = (rows_N.log().mean() + columns_N.log().mean()) / 2 + scale - scale * own_N.mean()
        accuracy = (cosines_NN.amax(1) == own_N).float().mean()
        ctx.mark_non_differentiable(accuracy)
        return loss, accuracy

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, Tensor]:
        queries_ND, code_ND, scale, cosines_NN, powers_NN, rows_N, columns_N = ctx.saved_tensors
        num = len(queries_ND)
        share_NN = powers_NN * (0.5 / num / rows_N)[:, None]
        share_NN += powers_NN.mul_((0.5 / num / columns_N)[None, :])
        share_NN.diagonal().sub_(1 / num)
        of_scale = (share_NN * cosines_NN).sum()
        share_NN *= gradients[0] * scale
        return share_NN @ code_ND, share_NN.T @ queries_ND, gradients[0] * of_scale


def _summed(table_VD: Tensor, pieces_M: Tensor, weights_M: Tensor, offsets_N: Tensor) -> Tensor:
    sums_ND = functional.embedding_bag(pieces_M, table_VD, offsets_N, mode="sum", per_sample_weights=weights_M)
    return functional.normalize(sums_ND, dim=-1)
