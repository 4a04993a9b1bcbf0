"""What a language-model run is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from codling.errors import ConfigError
from codling.training.config import LoopConfig, OptimConfig

__all__ = ["ModelConfig", "RunConfig", "SampleConfig"]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A recurrent language model: embedding, stacked cells, softmax over the vocabulary."""

    cell: Literal["rnn", "lstm", "gru"] = "lstm"
    "Recurrent cell: vanilla tanh RNN (Elman 1990), LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014)."
    num_layers: int = 2
    "Stacked recurrent layers; each reads the one below."
    hidden_size: int = 256
    "Units per layer."
    embedding_size: int = 64
    "Width of a token's vector."
    ngram_orders: tuple[int, ...] = ()
    """Orders of the hashed n-gram embeddings that are added to the input: (2, 4) gives the network the last two and the
    last four tokens by table lookup, at no arithmetic. Empty for none."""
    ngram_buckets: int = 32_768
    "Rows of the table that all n-grams share; two that fall into one row share its vector."
    ngram_size: int = 32
    "Width of an n-gram's vector; those of all orders stand side by side behind the token's."
    match_orders: tuple[int, ...] = ()
    """Lengths of the contexts whose last successor in the document is an input: (6, 12) tells the network what followed
    the last 6 tokens, and the last 12, when they stood there before. Empty for none."""
    match_slots: int = 8_192
    "Contexts that a document remembers per order, at least as many as the vocabulary has tokens; the newest stay."
    match_size: int = 32
    "Width of the vector of a match; those of all orders stand side by side."
    match_dropout: float = 0.0
    "Probability that a lane sees no matches for a window, while training: what it knows must not all come from there."
    tied: bool = False
    """Whether the softmax uses the embeddings again, through a projection (Press & Wolf 2017; Inan et al. 2017).
    Matches then come in the same vectors, so that one gate per order is enough to copy them."""
    pointer_size: int = 0
    "Width of the keys by which the network finds tokens of the recent past again, see codling.lm.pointer; 0 for none."
    pointer_window: int = 256
    "Tokens that it looks back."
    sampled: int = 0
    "Tokens that stand for all others in the loss, beside a window's own targets; 0 for the full softmax. Needs tied."
    dropout: float = 0.0
    "Probability of dropping a unit between layers and before the softmax, while training."

    def __post_init__(self) -> None:
        for name in (
            "num_layers",
            "hidden_size",
            "embedding_size",
            "ngram_buckets",
            "ngram_size",
            "match_slots",
            "match_size",
            "pointer_window",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"model.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("dropout", "match_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"model.{name} must be in [0, 1), not {getattr(self, name)}")
        if self.pointer_size < 0:
            raise ConfigError(f"model.pointer_size must be 0, for none, or more, not {self.pointer_size}")
        if self.sampled < 0 or (self.sampled and not self.tied):
            raise ConfigError(f"model.sampled must be 0, or at least 1 where model.tied is on, not {self.sampled}")
        for name in ("ngram_orders", "match_orders"):
            orders = getattr(self, name)
            if any(order < 2 or order > 16 for order in orders):
                raise ConfigError(f"model.{name} must be between 2 and 16, not {list(orders)}")


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """The samples that are taken along the way, as in the paper's section V.B."""

    prompts: tuple[str, ...] = ("import os\ndef ",)
    "Texts that the model goes on from; each gives one sample."
    num_chars: int = 300
    temperature: float = 0.7
    "Below 1 the model prefers what it finds likely; 0 always takes the likeliest."


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides how a language model comes out, its corpus aside."""

    name: str
    "Name of the run, and of the bundle that it makes."
    description: str = ""
    "One line for the bundle's card."
    model: ModelConfig = field(default_factory=ModelConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
