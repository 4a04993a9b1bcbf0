"""What decides how a writer comes out, and the named runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from codling.errors import ConfigError, nearest
from codling.training.config import OptimConfig
from codling.trees.writing.network import WriterConfig

__all__ = ["WriterRun", "list_writer_presets", "writer_preset"]


@dataclass(frozen=True, kw_only=True)
class WriterRun:
    """Everything but the pairs."""

    name: str
    "Name of the run, and of the bundle that it makes."
    description: str = ""
    "One line for the bundle's card."
    model: WriterConfig = field(default_factory=WriterConfig)
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(
            lr=2e-3, schedule="cosine", warmup_steps=200, min_lr_ratio=0.02, beta2=0.99, clip_norm=5.0
        )
    )
    epochs: int = 30
    "Passes over the pairs; the best epoch on the development pairs is kept."
    patience: int = 8
    "Passes without a better one after which training ends."
    batch_steps: int = 1_024
    "Steps of the decoder in a batch, padding included."
    renamed: float = 0.3
    "Share of pairs whose names are exchanged for others, drawn anew in each epoch."
    average: float = 0.998
    "Weights that are kept are a running mean with this decay per step (Polyak & Juditsky 1992); 0 keeps the last."
    num_pieces: int = 1_500
    "Size of the vocabulary of pieces."
    min_count: int = 2
    "Programs that a text must occur in to be written in one step."
    reconstruct: int = 0
    """Passes over the pairs, each read once, in which a second network learns to say descriptions back from programs,
    so that candidates can be ranked by it; 0 trains none."""
    grow: int = 0
    """Pairs that a text, word or production must occur in to be added to the lexicon of the run that this one starts
    from; 0 adds none."""
    seed: int = 0
    "Of weights, order, dropout and renaming."

    def __post_init__(self) -> None:
        for name in ("epochs", "patience", "batch_steps", "min_count"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.reconstruct < 0:
            raise ConfigError(f"reconstruct must be at least 0, not {self.reconstruct}")
        for name in ("renamed", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} must be in [0, 1), not {getattr(self, name)}")


_PRESETS: dict[str, Callable[[], WriterRun]] = {}


def writer_preset(name: str) -> WriterRun:
    """The configuration of a named run.

    Raises:
        ConfigError: no such preset; names the nearest.
    """
    if name not in _PRESETS:
        raise ConfigError(f"no preset {name!r}{nearest(name, _PRESETS)}")
    return _PRESETS[name]()


def list_writer_presets() -> dict[str, str]:
    """What each preset is for, by name."""
    return {name: (make.__doc__ or "").strip() for name, make in _PRESETS.items()}


def _named(make: Callable[[], WriterRun]) -> Callable[[], WriterRun]:
    _PRESETS[make.__name__.replace("_", "-")] = make
    return make


@_named
def write() -> WriterRun:
    """The writer that ships: lines, snippets and classes of Python from descriptions, all in one model."""
    return WriterRun(
        name="write",
        description="Python from descriptions, as trees",
        model=WriterConfig(embedding=128, encoder=128, hidden=256, dropout=0.25),
        optim=OptimConfig(lr=1.5e-3, schedule="cosine", warmup_steps=300, beta2=0.99, clip_norm=5.0),
        epochs=20,
        patience=20,
        renamed=0.4,
        average=0.9985,
        reconstruct=10,
        grow=2,
    )


@_named
def write_mined() -> WriterRun:
    """The pass over mined pairs that comes before ``write``, which then starts from it (--init)."""
    return WriterRun(
        name="write-mined",
        description="Python from descriptions as projects have them",
        model=WriterConfig(embedding=128, encoder=128, hidden=256, dropout=0.2),
        optim=OptimConfig(lr=1.2e-3, schedule="cosine", warmup_steps=300, min_lr_ratio=0.15, beta2=0.99, clip_norm=5.0),
        epochs=2,
        renamed=0.4,
        average=0.9985,
        reconstruct=1,
        min_count=25,
        grow=25,
    )


@_named
def write_tiny() -> WriterRun:
    """A small writer for tests and first looks: minutes on a few hundred pairs."""
    return WriterRun(
        name="write-tiny",
        description="A small writer",
        model=WriterConfig(embedding=48, encoder=48, hidden=96, field=16, dropout=0.1, word_dropout=0.05),
        optim=OptimConfig(lr=4e-3, schedule="cosine", warmup_steps=20, min_lr_ratio=0.02, clip_norm=5.0),
        epochs=20,
        batch_steps=256,
        renamed=0.2,
        average=0.95,
        reconstruct=4,
        num_pieces=400,
    )
