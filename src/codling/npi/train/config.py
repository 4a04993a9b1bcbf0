"""The settings of a core and of its training."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["PRESETS", "CoreConfig", "NPIConfig", "TrainConfig", "preset"]


@dataclass(frozen=True, kw_only=True)
class CoreConfig:
    """Sizes of the network."""

    hidden_size: int = 64
    "H: units of each LSTM layer."
    num_layers: int = 1
    "L: LSTM layers; the paper has two of 256."
    encoder_size: int = 128
    "E: units of the observation encoder's first layer."
    state_size: int = 64
    "S: what the encoder hands to the LSTM."
    program_size: int = 32
    "Numbers that stand for a program when it runs, and as many for its arguments."
    key_size: int = 32
    "Numbers by which a program is found in memory."


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How it is trained."""

    seed: int = 0
    batch_size: int = 256
    "Frames per step."
    lr: float = 1e-2
    "Learning rate of Adam at first; it falls as fewer frames are wrong, unless it is kept."
    keep_lr: bool = False
    "Keep the learning rate, as is done where only the rows of new programs are learned."
    num_problems: int = 100
    "Practice problems whose traces are learned first."
    steps_per_round: int = 200
    "At most so many steps of training between two proofs."
    steps_per_check: int = 25
    "After so many it is seen whether all lessons are right, which ends a round."
    max_rounds: int = 400
    "Rounds after which it gives up."
    max_new_frames: int = 4096
    "At most so many counterexamples join the lessons after each proof."
    margin: float = 0.05
    "Each decision must beat the next best by so much, in nats, so that no rounding can turn it."
    clip_norm: float = 1.0
    "Largest norm of the gradient."


@dataclass(frozen=True, kw_only=True)
class NPIConfig:
    """A whole configuration."""

    core: CoreConfig = field(default_factory=CoreConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


PRESETS = {
    "small": NPIConfig(),
    "large": NPIConfig(
        core=CoreConfig(hidden_size=128, encoder_size=256, state_size=128),
        train=TrainConfig(lr=5e-3, batch_size=384, steps_per_round=300),
    ),
    "paper": NPIConfig(core=CoreConfig(hidden_size=256, num_layers=2), train=TrainConfig(lr=1e-3)),
}
"By name: small for one task, large for all of them, paper for the size of Reed & de Freitas."


def preset(name: str) -> NPIConfig:
    """A configuration by name.

    Raises:
        ConfigError: there is none of that name.
    """
    from codling.errors import ConfigError, nearest

    if name not in PRESETS:
        raise ConfigError(f"no preset {name!r}{nearest(name, PRESETS)}")
    return PRESETS[name]
