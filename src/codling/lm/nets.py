"""Recurrent language models in PyTorch."""

# B batch, T time, V vocabulary, E embedding, N n-gram embedding, O n-gram orders, H hidden, L layers

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from codling.lm.config import ModelConfig

__all__ = ["HASH_MULTIPLIER", "RecurrentLM", "State", "hash_ngrams"]

State = dict[str, Tensor]
"""Recurrent state by name: ``h0``, ``h1`` … (and ``c0``, ``c1`` … of an LSTM), float [1, B, H], and with n-gram
embeddings ``recent``, the last tokens before the window as floats [1, B, max order - 1]."""

HASH_MULTIPLIER = 1_000_003
"""Prime that spreads n-grams over the table. Products stay below 2^63 because each step is reduced modulo the table's
size, so that PyTorch, NumPy and ONNX agree to the bit."""

_CELLS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentLM(nn.Module):
    """Predicts each next token from all before it, by way of a recurrent state.

    Layers are separate one-layer modules, so that a state has one tensor per layer and the ONNX graph mirrors them.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocab_size, config.embedding_size)
        self.ngrams = nn.Embedding(config.ngram_buckets, config.ngram_size) if config.ngram_orders else None
        width = config.embedding_size + config.ngram_size * len(config.ngram_orders)
        sizes = [width] + [config.hidden_size] * (config.num_layers - 1)
        self.layers = nn.ModuleList(_CELLS[config.cell](size, config.hidden_size, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden_size, vocab_size)
        self._initialise()

    def _initialise(self) -> None:
        """Start where learning is quick.

        PyTorch's own scale, 1/√H for every matrix, is so small for a wide cell over few inputs that the upper layers
        see next to nothing: two layers of 768 units stay at the frequencies of the characters for thousands of steps.
        So inputs come in at unit scale and recurrent matrices turn a state without shrinking it.
        """
        nn.init.normal_(self.embedding.weight)
        if self.ngrams is not None:
            nn.init.normal_(self.ngrams.weight, std=0.1)  # rare n-grams keep their start: it must not drown the token
        nn.init.zeros_(self.output.bias)
        hidden = self.config.hidden_size
        for layer in self.layers:
            parameters = dict(layer.named_parameters())
            for gate in range(len(parameters["weight_hh_l0"]) // hidden):
                rows = slice(gate * hidden, (gate + 1) * hidden)
                nn.init.xavier_uniform_(parameters["weight_ih_l0"].data[rows])
                nn.init.orthogonal_(parameters["weight_hh_l0"].data[rows])  # Saxe et al. 2014
            for name in ("bias_ih_l0", "bias_hh_l0"):
                nn.init.zeros_(parameters[name])
            if self.config.cell == "lstm":  # forget bias 1 (Jozefowicz et al. 2015): a new network remembers
                parameters["bias_ih_l0"].data[hidden : 2 * hidden] = 1.0

    @property
    def state_names(self) -> tuple[str, ...]:
        parts = ("h", "c") if self.config.cell == "lstm" else ("h",)
        names = [f"{part}{layer}" for layer in range(self.config.num_layers) for part in parts]
        return (*names, "recent") if self.ngrams is not None else tuple(names)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """The state before a document: zeros, on the given device."""
        sizes = {"recent": max(self.config.ngram_orders, default=1) - 1}
        return {
            name: torch.zeros(1, batch, sizes.get(name, self.config.hidden_size), device=device)
            for name in self.state_names
        }

    def forward(self, tokens_BT: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a window of tokens and predict each next one.

        Args:
            tokens_BT: int64 ids in [0, V).
            state: as the last window returned it; the caller detaches it between windows.

        Returns:
            Logits (unnormalised log-probabilities, nats), float [B, T, V], and the state after the last token.
        """
        after: State = {}
        x_BTE = self.embedding(tokens_BT)
        if self.ngrams is not None:
            hashes_BTO, after["recent"] = hash_ngrams(
                tokens_BT, state["recent"], self.config.ngram_orders, self.config.ngram_buckets
            )
            x_BTE = torch.cat([x_BTE, self.ngrams(hashes_BTO).flatten(2)], dim=-1)
        for index, layer in enumerate(self.layers):
            if self.config.cell == "lstm":
                before = (state[f"h{index}"].to(x_BTE.dtype), state[f"c{index}"].to(x_BTE.dtype))
                x_BTE, (after[f"h{index}"], after[f"c{index}"]) = layer(x_BTE, before)
            else:
                x_BTE, after[f"h{index}"] = layer(x_BTE, state[f"h{index}"].to(x_BTE.dtype))
            x_BTE = self.dropout(x_BTE)
        return self.output(x_BTE), {name: after[name] for name in self.state_names}


def hash_ngrams(tokens_BT: Tensor, recent: Tensor, orders: tuple[int, ...], buckets: int) -> tuple[Tensor, Tensor]:
    """Row of the n-gram table for each position and order: polynomial hash of the last tokens, modulo the table's size.

    Args:
        tokens_BT: int64 ids.
        recent: the max(orders) - 1 tokens before the window, as floats [1, B, max(orders) - 1].

    Returns:
        int64 [B, T, O], in [0, buckets), and the recent tokens for the next window.
    """
    time = tokens_BT.shape[1]
    past = max(orders) - 1
    extended = torch.cat([recent[0].long(), tokens_BT], dim=1)
    rows, hashed = [], torch.zeros_like(tokens_BT)
    for back in range(max(orders)):
        hashed = (hashed * HASH_MULTIPLIER + extended[:, past - back : past - back + time] + 1) % buckets
        if back + 1 in orders:
            # The order goes in too, so that a bigram and the trigram around it do not share their rows by construction.
            rows.append((hashed * HASH_MULTIPLIER + back) % buckets)
    return torch.stack(rows, dim=-1), extended[:, -past:].float()[None]
