"""How a bundle is fine-tuned on one's own code."""

from __future__ import annotations

from dataclasses import dataclass

from codling.errors import ConfigError

__all__ = ["AdaptConfig"]


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """How a bundle is fine-tuned."""

    minutes: float = 8.0
    "Wall-clock time for everything, measuring included; what has been learned by then is kept."
    max_epochs: float = 6.0
    "Passes over the code after which there is no more to learn, however much time is left."
    lr: float = 1e-3
    "Peak learning rate; it falls in a straight line to a twentieth."
    replay: float = 0.2
    "Other code that is mixed in against forgetting, as a share of the tokens."
    held_out: float = 0.1
    "Share of the code that is held out, half of it to say when to stop and half to measure."
    batch_size: int = 16
    "Lanes that are read side by side; fewer where there is little code."
    window: int = 64
    "Tokens per lane and step."
    patience: int = 2
    "Validations without a better loss after which training ends."
    seed: int = 0
    "Of what is held out, and of the order of the data."

    def __post_init__(self) -> None:
        for name in ("minutes", "max_epochs", "lr", "batch_size", "window", "patience"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"adapt.{name} must be above 0, not {getattr(self, name)}")
        if not 0 <= self.replay < 1:
            raise ConfigError(f"adapt.replay must be in [0, 1), not {self.replay}")
        if not 0 < self.held_out <= 0.5:
            raise ConfigError(f"adapt.held_out must be above 0 and at most 0.5, not {self.held_out}")
