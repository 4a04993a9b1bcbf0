"""The loss of a large softmax, computed on the tokens that matter to a window.

A window's own targets are most of what its softmax has to tell apart; a uniform sample stands for all other tokens,
each weighed by how many it stands for, so that the normaliser's expectation is the full one (importance sampling after
Bengio & Senécal 2008; in-batch candidates after Jozefowicz et al. 2016). Forward and backward are computed together,
a block of rows at a time: the logits of a window are never all in memory.
"""

# N predictions, V vocabulary, C candidates, E width

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

__all__ = ["candidates_of", "linear_cross_entropy"]

_ROWS = {"cpu": 512}  # predictions at a time: their logits stay near the cores
_ROWS_ELSEWHERE = 16_384  # a GPU wants large products


def candidates_of(targets_N: Tensor, vocab_size: int, num_others: int) -> tuple[Tensor, Tensor, Tensor]:
    """Choose the tokens whose logits a window's loss looks at.

    Args:
        num_others: tokens that are no target here, drawn uniformly; 0 for all of them.

    Returns:
        Their ids, int64 [C], targets first; the log of how many tokens each stands for, float [C]; and the places of
        the targets among them, int64 [N].
    """
    targets_U, places_N = torch.unique(targets_N, return_inverse=True)
    is_other_V = torch.ones(vocab_size, dtype=torch.bool, device=targets_N.device)
    is_other_V[targets_U] = False
    others = is_other_V.nonzero().flatten()
    if 0 < num_others < len(others):
        weight = math.log(len(others) / num_others)
        others = others[torch.randperm(len(others), device=others.device)[:num_others]]
    else:
        weight = 0.0
    ids_C = torch.cat([targets_U, others])
    log_weights_C = torch.full((len(ids_C),), weight, device=ids_C.device)
    log_weights_C[: len(targets_U)] = 0.0
    return ids_C, log_weights_C, places_N


def linear_cross_entropy(
    x_NE: Tensor,
    weight_CE: Tensor,
    bias_C: Tensor,
    places_N: Tensor,
    dtype: torch.dtype,
    mixed_N2: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of softmax(x · weightᵀ + bias), without keeping the logits.

    Args:
        places_N: the right candidate of each row, in [0, C).
        dtype: of the matrix products.
        mixed_N2: where the softmax is one part of a mixture: the log of its share, and the log-probability that the
            other parts give to the right candidate, share included; None where it is all.

    Returns:
        The mean loss in nats, a scalar to differentiate, and how many rows had the right candidate first, int64.
    """
    loss, num_right = _LinearCrossEntropy.apply(x_NE, weight_CE, bias_C, places_N, dtype, mixed_N2)  # type: ignore[no-untyped-call]
    return loss, num_right


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x_NE: Tensor,
        weight_CE: Tensor,
        bias_C: Tensor,
        places_N: Tensor,
        dtype: torch.dtype,
        mixed_N2: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        num = len(x_NE)
        x, weight, bias = x_NE.to(dtype), weight_CE.to(dtype), bias_C.float()
        grad_x = torch.empty_like(x)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        grad_bias = torch.zeros_like(bias)
        grad_mixed = None if mixed_N2 is None else torch.empty_like(mixed_N2)
        loss = x.new_zeros((), dtype=torch.float32)
        num_right = torch.zeros((), dtype=torch.int64, device=x.device)
        step = _ROWS.get(x.device.type, _ROWS_ELSEWHERE)
        for start in range(0, num, step):
            rows = slice(start, start + step)
            places = places_N[rows, None]
            logits = torch.mm(x[rows], weight.t()).float().add_(bias)
            top = logits.amax(dim=1, keepdim=True)
            right = logits.gather(1, places)
            num_right += (right == top).sum()
            probabilities = logits.sub_(top).exp_()
            sums = probabilities.sum(dim=1, keepdim=True)
            right_nats = right - top - sums.log()
            grad = probabilities.div_(sums)
            grad.scatter_add_(1, places, torch.full_like(right, -1.0))
            if mixed_N2 is None or grad_mixed is None:
                loss -= right_nats.sum()
            else:
                parts = torch.cat([mixed_N2[rows, :1] + right_nats, mixed_N2[rows, 1:]], dim=1)
                loss -= parts.logsumexp(dim=1).sum()
                shares = parts.softmax(
                    dim=1
                )  # what each part has of the target's probability is its share of the blame
                grad_mixed[rows] = -shares
                grad.mul_(shares[:, :1])
            grad_bias += grad.sum(dim=0)
            small = grad.to(dtype)
            torch.mm(small, weight, out=grad_x[rows])
            grad_weight += small.t() @ x[rows]
        ctx.save_for_backward(grad_x, grad_weight, grad_bias, grad_mixed)
        ctx.scale = 1 / num
        ctx.dtypes = x_NE.dtype, weight_CE.dtype, bias_C.dtype
        ctx.mark_non_differentiable(num_right)
        return loss / num, num_right

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_x, grad_weight, grad_bias, grad_mixed = ctx.saved_tensors
        scale = grads[0] * ctx.scale
        scaled = [
            (grad * scale.to(grad.dtype)).to(dtype)
            for grad, dtype in zip((grad_x, grad_weight, grad_bias), ctx.dtypes, strict=True)
        ]
        return *scaled, None, None, None if grad_mixed is None else grad_mixed * scale
