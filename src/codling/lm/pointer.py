"""A pointer to the recent past: attention over the tokens before, whose weights are probabilities of seeing them again.

Most of what a plain LSTM misses are names that stand a few lines above. At each position the network compares what it
expects with what it expected at the last W positions, and takes the tokens that came there, in proportion (a pointer
mixture: Li et al. 2018; keys from the states before the tokens: the continuous cache of Grave et al. 2017, here with
learned projections). A gate says how much of the probability comes from there.
"""

# B batch, T time, W window, D key width, H hidden

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.vocab import DOC

__all__ = ["LEAST", "NEVER", "Pointer", "PointerState", "Pointing"]

LEAST = 1e-30
"Probabilities of a mixture are at least that, so that their logarithm is finite."

NEVER = -1e4
"Score of what must not be looked at; finite, so that a row of nothing has no NaN."

_FIRST_GATE = -2.0  # logit: at first an eighth of the probability comes from the past


class PointerState(NamedTuple):
    """What a pointer remembers of the tokens before a window; float [B, …], zeros before a document."""

    keys: Tensor
    "Of the last W positions, oldest first, [B, W · D]."
    tokens: Tensor
    "That came at those positions, [B, W]; 0 (DOC) where there was none."
    last: Tensor
    "Key of the position whose token the next window brings, [B, D]."


class Pointing(NamedTuple):
    """Where a window's positions point."""

    weights_BTS: Tensor
    "Attention over the S = W + T past positions, sums to 1; all zero where there is no past."
    tokens_BS: Tensor
    "The tokens of those, int64."
    log_gate_BT: Tensor
    "Log-probability that the next token comes from the past, float32; -inf-like where there is no past."
    log_rest_BT: Tensor
    "Log-probability that it does not, float32."

    def log_prob_of(self, targets_BT: Tensor) -> Tensor:
        """Log of gate × probability that the pointer gives a token, float32 [B, T]."""
        same_BTS = self.tokens_BS[:, None] == targets_BT[..., None]
        return self.log_gate_BT + (self.weights_BTS.float() * same_BTS).sum(-1).clamp(min=LEAST).log()

    def mixed(self, log_probs_BTV: Tensor) -> Tensor:
        """Log-probabilities of the mixture of a softmax and this pointer, float32 [B, T, V]."""
        copied_BTV = torch.zeros_like(log_probs_BTV, dtype=torch.float32)
        index = self.tokens_BS[:, None].expand(self.weights_BTS.shape)
        copied_BTV.scatter_add_(2, index, self.weights_BTS.float())
        own = log_probs_BTV.float().exp() * self.log_rest_BT.exp()[..., None]
        return (own + copied_BTV * self.log_gate_BT.exp()[..., None]).clamp(min=LEAST).log()


class Pointer(nn.Module):
    """Attention over the last W positions of a document."""

    def __init__(self, hidden_size: int, size: int, window: int) -> None:
        super().__init__()
        self.size, self.window = size, window
        self.heads = nn.Linear(hidden_size, 2 * size + 1)
        nn.init.normal_(self.heads.weight, std=1 / math.sqrt(hidden_size))
        nn.init.zeros_(self.heads.bias)
        nn.init.constant_(self.heads.bias[2 * size :], _FIRST_GATE)

    def forward(self, x_BTH: Tensor, tokens_BT: Tensor, state: PointerState) -> tuple[Pointing, PointerState]:
        """Point back from each position.

        Args:
            x_BTH: what the network knows after each token.
            tokens_BT: those tokens; a DOC hides all before it.
        """
        batch, time = tokens_BT.shape
        query_BTD, key_BTD, gate_BT1 = self.heads(x_BTH).split([self.size, self.size, 1], dim=-1)
        # A token belongs to the key of the position before it, where it was not known yet.
        arrived_BTD = torch.cat([state.last[:, None].to(key_BTD.dtype), key_BTD[:, :-1]], dim=1)
        keys_BSD = torch.cat([state.keys.view(batch, self.window, self.size).to(key_BTD.dtype), arrived_BTD], dim=1)
        tokens_BS = torch.cat([state.tokens.long(), tokens_BT], dim=1)
        scores_BTS = (query_BTD @ keys_BSD.transpose(1, 2)).float() / math.sqrt(self.size)
        seen_BTS = self._seen(tokens_BS, time)
        weights_BTS = functional.softmax(scores_BTS.masked_fill(~seen_BTS, NEVER), dim=-1) * seen_BTS
        gate_BT = gate_BT1[..., 0].float().masked_fill(~seen_BTS.any(-1), NEVER)
        after = PointerState(
            keys=keys_BSD[:, -self.window :].flatten(1).float(),
            tokens=self._kept(tokens_BS)[:, -self.window :].float(),
            last=key_BTD[:, -1].float(),
        )
        return Pointing(weights_BTS, tokens_BS, functional.logsigmoid(gate_BT), functional.logsigmoid(-gate_BT)), after

    def _seen(self, tokens_BS: Tensor, time: int) -> Tensor:
        """Which past positions a position sees: the last W of its own document, bool [B, T, S]."""
        total = tokens_BS.shape[1]
        place_T = torch.arange(total - time, total, device=tokens_BS.device)[:, None]
        place_S = torch.arange(total, device=tokens_BS.device)
        near_TS = (place_S <= place_T) & (place_S > place_T - self.window)
        document_BS = (tokens_BS == DOC).cumsum(1)
        same_BTS = document_BS[:, -time:, None] == document_BS[:, None]
        return near_TS & same_BTS & (tokens_BS != DOC)[:, None]

    @staticmethod
    def _kept(tokens_BS: Tensor) -> Tensor:
        """The tokens of the last document, zero before it."""
        document_BS = (tokens_BS == DOC).cumsum(1)
        return tokens_BS * (document_BS == document_BS[:, -1:])
