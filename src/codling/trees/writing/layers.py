"""What the networks of a writer share."""

# B batch, N words, T steps, S rows, U texts, P pieces, E embedding, H hidden, M memory (both directions)

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

__all__ = ["attend", "both_ways", "drop", "embed_texts", "rows"]


class _Config(Protocol):
    @property
    def word_dropout(self) -> float: ...


class _Tables(Protocol):
    """A network with vectors of words and pieces."""

    words: nn.Embedding
    pieces: nn.Embedding
    training: bool

    @property
    def config(self) -> _Config: ...


def embed_texts(net: _Tables, words_U: Tensor, pieces_UP: Tensor) -> Tensor:
    """Vectors of texts, float [U, E]: their own and the mean of their pieces'; zeros for the first, which is none."""
    if net.training and net.config.word_dropout:
        words_U = words_U * (torch.rand(words_U.shape) >= net.config.word_dropout)
    count_U1 = (pieces_UP != 0).sum(1, keepdim=True).clamp(min=1)
    vectors_UE: Tensor = net.words(words_U) + net.pieces(pieces_UP).sum(1) / count_U1
    return vectors_UE.index_fill(0, torch.tensor([0]), 0.0)


def both_ways(forwards: nn.LSTM, backwards: nn.LSTM, x_BNE: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """A bidirectional LSTM: what it gives for each element, float [B, N, M], and the last states of both, [B, M].

    Two LSTMs over padded sequences, the second over each one turned round: much faster than packed ones.
    """
    turned_BN = (lengths_B[:, None] - 1 - torch.arange(x_BNE.shape[1])).clamp(min=0)
    forwards_BNH, _ = forwards(x_BNE)
    backwards_BNH, _ = backwards(rows(x_BNE, turned_BN))
    backwards_BNH = rows(backwards_BNH, turned_BN)
    ends_BH = rows(forwards_BNH, lengths_B[:, None] - 1)[:, 0]
    return torch.cat([forwards_BNH, backwards_BNH], 2), torch.cat([ends_BH, backwards_BNH[:, 0]], 1)


def rows(x_BTE: Tensor, index_BS: Tensor) -> Tensor:
    """Rows of each sequence by their numbers, float [B, S, E]."""
    return x_BTE.gather(1, index_BS.unsqueeze(2).expand(-1, -1, x_BTE.shape[2]))


def drop(x_BTE: Tensor, share: float) -> Tensor:
    """Dropout of the same numbers in all steps of a sequence (Gal & Ghahramani 2016)."""
    if not share:
        return x_BTE
    kept = torch.rand(x_BTE.shape[0], 1, x_BTE.shape[2]) >= share
    return x_BTE * (kept / (1 - share))


def attend(query_BTM: Tensor, memory_BNM: Tensor, lean_BTN: Tensor) -> Tensor:
    """What each step sees of a memory, float [B, T, M]; ``lean`` is added to how well each word fits."""
    weights_BTN = torch.softmax(query_BTM @ memory_BNM.transpose(1, 2) + lean_BTN, 2)
    return weights_BTN @ memory_BNM
