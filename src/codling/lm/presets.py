"""Named runs: each is a function that returns its whole configuration."""

from __future__ import annotations

from collections.abc import Callable

from codling.errors import ConfigError, nearest
from codling.lm.config import ModelConfig, RunConfig, SampleConfig
from codling.training.config import LoopConfig, OptimConfig

__all__ = ["list_presets", "preset"]

_PRESETS: dict[str, Callable[[], RunConfig]] = {}

_PROMPTS = (
    "import os\ndef ",  # the paper's own
    "import numpy as np\nimport pandas as pd\n\n",
    "from sklearn.model_selection import train_test_split\n\n\ndef evaluate(model, X, y):\n    ",
)


def preset(name: str) -> RunConfig:
    """The configuration of a named run.

    Raises:
        ConfigError: no such preset; names the nearest.
    """
    if name not in _PRESETS:
        raise ConfigError(f"no preset {name!r}{nearest(name, _PRESETS)}")
    return _PRESETS[name]()


def list_presets() -> dict[str, str]:
    """What each preset is for, by name."""
    return {name: (make.__doc__ or "").strip() for name, make in _PRESETS.items()}


def _named(make: Callable[[], RunConfig]) -> Callable[[], RunConfig]:
    _PRESETS[make.__name__.replace("_", "-")] = make
    return make


def _paper(cell: str, description: str) -> RunConfig:
    """The paper's network and its best setting (its Table I): 2 layers, 256 units, learning rate 0.001, batch 256.

    The paper does not give its window; 100 characters is about three lines.
    """
    return RunConfig(
        name=f"paper-{cell}",
        description=description,
        model=ModelConfig(cell=cell, num_layers=2, hidden_size=256, embedding_size=64),  # type: ignore[arg-type]
        optim=OptimConfig(lr=1e-3, schedule="constant", clip_norm=1.0),
        loop=LoopConfig(batch_size=256, window=100, max_epochs=30, patience=3, seed=0),
        sample=SampleConfig(prompts=_PROMPTS[:1]),
    )


@_named
def paper_rnn() -> RunConfig:
    """The paper's first model: a vanilla RNN of 2 layers of 256 units over characters."""
    return _paper("rnn", "The paper's vanilla RNN over characters")


@_named
def paper_lstm() -> RunConfig:
    """The paper's model: an LSTM of 2 layers of 256 units over characters, with its best setting."""
    return _paper("lstm", "The paper's LSTM over characters")


@_named
def paper_gru() -> RunConfig:
    """The paper's network with GRU cells."""
    return _paper("gru", "The paper's network with GRU cells")


@_named
def char_small() -> RunConfig:
    """A character LSTM that two CPU cores train on a repository of one's own in an hour or so."""
    return RunConfig(
        name="char-small",
        description="A small character LSTM",
        model=ModelConfig(num_layers=2, hidden_size=256, ngram_orders=(2, 4, 6), ngram_buckets=16_381),
        optim=OptimConfig(lr=4e-3, schedule="cosine", warmup_steps=200, clip_norm=1.0),
        loop=LoopConfig(batch_size=32, window=128, max_steps=10_000, seed=0),
        sample=SampleConfig(prompts=_PROMPTS),
    )


@_named
def python_char() -> RunConfig:
    """The character model that ships: one wide LSTM with n-gram and match look-ups; for a GPU."""
    return RunConfig(
        name="python-char",
        description="Character LSTM for data-science Python",
        model=ModelConfig(
            num_layers=1,  # at equal time one layer of 1,024 units beat two of 768, and it runs in half the time
            hidden_size=1_024,
            ngram_orders=(2, 3, 4, 6, 8),
            ngram_buckets=65_521,
            match_orders=(5, 8, 14),
        ),
        optim=OptimConfig(lr=2.5e-3, schedule="cosine", warmup_steps=500, min_lr_ratio=0.02, beta2=0.99),
        loop=LoopConfig(batch_size=512, window=128, max_steps=32_000, eval_every=2_000, sample_every=6_000, seed=0),
        sample=SampleConfig(prompts=_PROMPTS),
    )


def _small(name: str, description: str, prompts: tuple[str, ...]) -> RunConfig:
    """A sub-word model that two CPU cores train in an hour or two, once they multiply bfloat16."""
    return RunConfig(
        name=name,
        description=description,
        model=ModelConfig(
            num_layers=1,
            hidden_size=640,
            embedding_size=320,
            ngram_orders=(2, 3, 4),
            ngram_buckets=131_071,
            ngram_size=32,
            match_orders=(2, 3, 5),
            match_size=32,
            match_dropout=0.1,
            pointer_size=48,
            tied=True,
            sampled=512,
        ),
        optim=OptimConfig(lr=2e-3, schedule="cosine", warmup_steps=500, beta2=0.99, weight_decay=0.0, clip_norm=1.0),
        loop=LoopConfig(
            batch_size=64, window=64, max_steps=24_000, eval_every=2_000, eval_tokens=400_000, seed=0, precision="auto"
        ),
        sample=SampleConfig(prompts=prompts, num_chars=100),
    )


@_named
def python_small() -> RunConfig:
    """The sub-word model for Python."""
    return _small("python-small", "Sub-word LSTM for data-science Python", _PROMPTS)


@_named
def java_small() -> RunConfig:
    """The sub-word model for Java."""
    prompts = ("import java.util.*;\n\npublic class ", "public static void main(")
    return _small("java-small", "Sub-word LSTM for Java", prompts)
