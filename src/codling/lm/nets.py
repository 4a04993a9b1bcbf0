"""Recurrent language models in PyTorch."""

# B batch, T time, V vocabulary, E embedding, N n-gram embedding, M match embedding, O orders, S slots, H hidden

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.errors import ConfigError
from codling.lm.config import ModelConfig
from codling.lm.cpu_lstm import cpu_lstm
from codling.lm.lookup import DOCUMENT_WEIGHT, KEY_MODULUS, hash_past, match_past
from codling.lm.pointer import Pointer, PointerState, Pointing
from codling.vocab import DOC

__all__ = ["RecurrentLM", "State"]

State = dict[str, Tensor]
"""Recurrent state by name, float [1, B, …]: ``h0``, ``h1`` … of the cells (and ``c0``, ``c1`` … of an LSTM); with
look-ups ``recent``, the last tokens before the window; with matches ``keys``, the hashes at the last token, ``table``,
what followed which hash in this document, and ``document``, which document of a stream this is."""

_CELLS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentLM(nn.Module):
    """Predicts each next token from all before it, by way of a recurrent state.

    Layers are separate one-layer modules, so that a state has one tensor per layer and the ONNX graph mirrors them.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        """Make a network with fresh weights.

        Raises:
            ConfigError: too few slots for matches: an entry, check and token, would not fit a float32 state exactly.
        """
        super().__init__()
        if config.match_orders and config.match_slots < vocab_size:
            raise ConfigError(f"model.match_slots must be at least the vocabulary's size, {vocab_size:,}")
        self.config = config
        self.embedding = nn.Embedding(vocab_size, config.embedding_size)
        self.ngrams = nn.Embedding(config.ngram_buckets, config.ngram_size) if config.ngram_orders else None
        self.matches = nn.ModuleList(self._match_reader(vocab_size) for _ in config.match_orders)
        self.past = max((*config.ngram_orders, *config.match_orders), default=1) - 1
        match_width = config.match_size * len(config.match_orders)
        width = config.embedding_size + config.ngram_size * len(config.ngram_orders) + match_width
        sizes = [width] + [config.hidden_size] * (config.num_layers - 1)
        self.layers = nn.ModuleList(_CELLS[config.cell](size, config.hidden_size, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(config.dropout)
        # Matches go to the softmax by a way of their own too: what they say is nearly the answer.
        if config.tied:
            self.projection = nn.Linear(config.hidden_size, config.embedding_size, bias=False)
            self.gates = nn.Linear(config.hidden_size, len(config.match_orders)) if config.match_orders else None
            self.pointer = (
                Pointer(config.hidden_size, config.pointer_size, config.pointer_window) if config.pointer_size else None
            )
            self.output_bias = nn.Parameter(torch.zeros(vocab_size))
        else:
            self.output = nn.Linear(config.hidden_size + match_width, vocab_size)
        self._initialise()

    def _match_reader(self, vocab_size: int) -> nn.Module:
        """What turns a match into an input: of a token, or of its embedding where that is shared."""
        config = self.config
        if config.tied:
            return nn.Linear(config.embedding_size, config.match_size, bias=False)
        return nn.Embedding(vocab_size, config.match_size)

    def _initialise(self) -> None:
        """Start where learning is quick.

        PyTorch's own scale, 1/√H for every matrix, is so small for a wide cell over few inputs that the upper layers
        see next to nothing: two layers of 768 units stay at the frequencies of the characters for thousands of steps.
        So inputs come in at unit scale and recurrent matrices turn a state without shrinking it.
        """
        nn.init.normal_(self.embedding.weight, std=1 / self.input_scale)
        if self.ngrams is not None:
            nn.init.normal_(self.ngrams.weight, std=0.1)  # rare n-grams keep their start: it must not drown the token
        for table in self.matches:
            nn.init.normal_(table.weight, std=0.5)  # type: ignore[arg-type]
        if not self.config.tied:
            nn.init.zeros_(self.output.bias)
        elif self.gates is not None:
            nn.init.zeros_(self.gates.weight)
            nn.init.constant_(self.gates.bias, 2.0)  # nats, about, that a match is ahead of other tokens at first
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
    def input_scale(self) -> float:
        """What embeddings are multiplied by as inputs: those that the softmax shares are short, inputs are not."""
        return math.sqrt(self.config.embedding_size) if self.config.tied else 1.0

    @property
    def state_sizes(self) -> dict[str, int]:
        """Width of each state, by name, in the order in which they are listed everywhere."""
        config = self.config
        parts = ("h", "c") if config.cell == "lstm" else ("h",)
        sizes = {f"{part}{layer}": config.hidden_size for layer in range(config.num_layers) for part in parts}
        if self.past:
            sizes["recent"] = self.past
        if config.match_orders:
            sizes |= {"keys": len(config.match_orders), "table": len(config.match_orders) * config.match_slots}
            sizes["document"] = 1
        if config.pointer_size:
            sizes["pointer_keys"] = config.pointer_window * config.pointer_size
            sizes["pointer_tokens"] = config.pointer_window
            sizes["pointer_last"] = config.pointer_size
        return sizes

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """The state before a document: zeros, on the given device."""
        return {name: torch.zeros(1, batch, size, device=device) for name, size in self.state_sizes.items()}

    def forward(self, tokens_BT: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a window of tokens and predict each next one.

        Args:
            tokens_BT: int64 ids in [0, V).
            state: as the last window returned it; the caller detaches it between windows.

        Returns:
            Logits (unnormalised log-probabilities, nats), float [B, T, V], and the state after the last token.
        """
        x_BTX, pointing, state = self.read(tokens_BT, state)
        if not self.config.tied:
            return self.output(x_BTX), state
        logits_BTV = functional.linear(x_BTX, self.embedding.weight, self.output_bias)
        if pointing is None:
            return logits_BTV, state
        return pointing.mixed(logits_BTV.float().log_softmax(-1)), state

    def read(self, tokens_BT: Tensor, state: State) -> tuple[Tensor, Pointing | None, State]:
        """As forward, but give what the softmax multiplies, [B, T, E] where it is tied, else [B, T, H + O·M], and what
        its probabilities are mixed with."""
        after: State = {}
        inputs = [self.embedding(tokens_BT) * self.input_scale]
        matched: list[Tensor] = []
        if self.past:
            extended = torch.cat([state["recent"][0].long(), tokens_BT], dim=1)
            after["recent"] = extended[:, -self.past :].float()[None]
            inputs += self._ngrams(extended)
            matched = self._matches(extended, tokens_BT, state, after)
            if self.config.tied:
                inputs += [reader(m * self.input_scale) for reader, m in zip(self.matches, matched, strict=True)]
            else:
                inputs += matched
        x_BTE = torch.cat([x.to(inputs[-1].dtype) for x in inputs], dim=-1)
        for index, layer in enumerate(self.layers):
            if self.config.cell == "lstm":
                before = (state[f"h{index}"], state[f"c{index}"])
                x_BTE, (after[f"h{index}"], after[f"c{index}"]) = _run_lstm(layer, x_BTE, before)
            else:
                x_BTE, after[f"h{index}"] = layer(x_BTE, state[f"h{index}"].to(x_BTE.dtype))
            x_BTE = self.dropout(x_BTE)
        pointing = self._point(x_BTE, tokens_BT, state, after)
        state = {name: after[name] for name in self.state_sizes}
        if self.config.tied:
            out_BTE = self.projection(x_BTE)
            if self.gates is not None:
                gates_BTO = self.gates(x_BTE)
                for order, vector in enumerate(matched):
                    out_BTE = out_BTE + gates_BTO[..., order, None] * vector
            return out_BTE, pointing, state
        if matched:
            x_BTE = torch.cat([x_BTE, *(vector.to(x_BTE.dtype) for vector in matched)], dim=-1)
        return x_BTE, None, state

    def _point(self, x_BTH: Tensor, tokens_BT: Tensor, state: State, after: State) -> Pointing | None:
        if not self.config.tied or self.pointer is None:
            return None
        before = PointerState(*(state[f"pointer_{name}"][0] for name in PointerState._fields))
        pointing: Pointing
        pointing, rest = self.pointer(x_BTH, tokens_BT, before)
        after |= {f"pointer_{name}": tensor[None] for name, tensor in rest._asdict().items()}
        return pointing

    def _ngrams(self, extended: Tensor) -> list[Tensor]:
        """Vectors of the n-grams that end at each token, one list item in all or none, [B, T, O × N]."""
        if self.ngrams is None:
            return []
        orders = self.config.ngram_orders
        offset = torch.tensor(orders, device=extended.device)  # so that orders do not share their rows by construction
        rows_BTO = hash_past(extended, orders, self.past, self.config.ngram_buckets, offset)
        return [self.ngrams(rows_BTO).flatten(2)]

    def _matches(self, extended: Tensor, tokens_BT: Tensor, state: State, after: State) -> list[Tensor]:
        """Vectors of what followed each context the last time, one list item per order: [B, T, M], or [B, T, E] and
        zero where nothing did, if embeddings are tied."""
        if not self.matches:
            return []
        orders, slots = self.config.match_orders, self.config.match_slots
        # A stream has many documents, and a match must not reach across: the document's number goes into the hash.
        document_BT = state["document"][0].long() + (tokens_BT == DOC).cumsum(1)
        keys_BTO = hash_past(extended, orders, self.past, KEY_MODULUS, (document_BT * DOCUMENT_WEIGHT)[..., None])
        table_BOS = state["table"][0].long().view(-1, len(orders), slots)
        followed_BTO, table_BOS = match_past(
            keys_BTO, tokens_BT, state["keys"][0].long(), table_BOS, self.embedding.num_embeddings
        )
        after["keys"] = keys_BTO[:, -1].float()[None]
        after["table"] = table_BOS.flatten(1).float()[None]
        after["document"] = (document_BT[:, -1:] % KEY_MODULUS).float()[None]
        if self.training and self.config.match_dropout:
            kept_B = torch.rand(len(tokens_BT), device=tokens_BT.device) >= self.config.match_dropout
            followed_BTO = followed_BTO * kept_B[:, None, None]
        if self.config.tied:
            vectors_BTOE = self.embedding(followed_BTO) * (followed_BTO != DOC)[..., None]
            return list(vectors_BTOE.unbind(2))
        return [table(followed_BTO[..., i]) for i, table in enumerate(self.matches)]


def _run_lstm(layer: nn.Module, x_BTE: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """One layer over a window; state [1, B, H] each."""
    if x_BTE.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
        weight_ih, weight_hh, bias_ih, bias_hh = layer.parameters()
        dtype = torch.get_autocast_dtype("cpu")
        y_BTH, h_BH, c_BH = cpu_lstm(x_BTE, state[0][0], state[1][0], weight_ih, weight_hh, bias_ih + bias_hh, dtype)
        return y_BTH, (h_BH[None], c_BH[None])
    y_BTH, after = layer(x_BTE, (state[0].to(x_BTE.dtype), state[1].to(x_BTE.dtype)))
    return y_BTH, after
