"""What decides how a model is trained, the model itself aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from codling.errors import ConfigError

__all__ = ["LoopConfig", "OptimConfig"]


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """AdamW (Loshchilov & Hutter 2019) and its learning rate over time."""

    lr: float = 1e-3
    "Peak learning rate, per step."
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    "What the learning rate does after the warm-up: stays, or falls to min_lr_ratio of its peak by the last step."
    warmup_steps: int = 0
    "Steps over which the learning rate rises from 0 to its peak."
    min_lr_ratio: float = 0.0
    "Where a falling schedule ends, as a share of the peak, in [0, 1]."
    weight_decay: float = 0.0
    "Decoupled decay of matrices, per unit of learning rate; biases and other vectors are not decayed."
    beta1: float = 0.9
    "Decay of Adam's mean of gradients."
    beta2: float = 0.999
    "Decay of Adam's mean of squared gradients."
    eps: float = 1e-8
    "Added to the root of the mean square."
    clip_norm: float | None = 1.0
    "Gradients are scaled down to this total L2 norm (Pascanu et al. 2013); none does not clip."

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise ConfigError(f"optim.lr must be above 0, not {self.lr}")
        if self.warmup_steps < 0:
            raise ConfigError(f"optim.warmup_steps must be at least 0, not {self.warmup_steps}")
        if not 0 <= self.min_lr_ratio <= 1:
            raise ConfigError(f"optim.min_lr_ratio must be in [0, 1], not {self.min_lr_ratio}")
        if self.weight_decay < 0:
            raise ConfigError(f"optim.weight_decay must be at least 0, not {self.weight_decay}")
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"optim.{name} must be in [0, 1), not {getattr(self, name)}")
        if not self.eps > 0:
            raise ConfigError(f"optim.eps must be above 0, not {self.eps}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ConfigError(f"optim.clip_norm must be above 0, or none, not {self.clip_norm}")


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Batches, length, validation, and how often things are saved."""

    batch_size: int = 64
    "Lanes that are read side by side."
    window: int = 128
    "Tokens per lane and step; gradients reach back this far (truncated back-propagation), the state further."
    max_steps: int | None = None
    "Steps after which training ends; none for no limit."
    max_epochs: float | None = None
    "Passes over the training data after which training ends, for example 0.5; none for no limit."
    eval_every: int | None = None
    "Steps between validations; none for once per epoch. The last step is always followed by one."
    eval_tokens: int | None = 2_000_000
    "A validation reads at most this many tokens, spread evenly over the validation data; none for all."
    patience: int | None = None
    "Validations without a better loss after which training ends; none never ends early."
    sample_every: int | None = None
    "Steps between samples; none for at each validation. There is always one before the first step."
    checkpoint_every: int | None = None
    "Steps between checkpoints; none for every checkpoint_s seconds."
    checkpoint_s: float = 60.0
    "Seconds between checkpoints, where checkpoint_every is none."
    seed: int = 0
    "Decides the initial weights, the order of the data, and dropout."
    device: Literal["auto", "cpu", "cuda"] = "auto"
    "Where to train; auto is CUDA where there is one."
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    "Of matrix products; weights stay float32. auto is bfloat16 where the device has instructions for it, else float32."
    num_threads: int | None = None
    "Cores for PyTorch's operators on the CPU; none leaves PyTorch's own choice."
    compile: bool = False
    "Whether torch.compile works on the loss first: minutes at the start, for models that gain from it."

    def __post_init__(self) -> None:
        for name in ("batch_size", "window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"loop.{name} must be at least 1, not {getattr(self, name)}")
        positive = (
            "max_steps",
            "max_epochs",
            "eval_every",
            "eval_tokens",
            "patience",
            "sample_every",
            "checkpoint_every",
            "checkpoint_s",
            "num_threads",
        )
        for name in positive:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"loop.{name} must be above 0, or none, not {value}")

    def num_steps(self, steps_per_epoch: int) -> int | None:
        """Steps until max_steps or max_epochs is reached, whichever comes first; None when only patience ends training.

        Raises:
            ConfigError: nothing would ever end it.
        """
        ends = [] if self.max_steps is None else [self.max_steps]
        if self.max_epochs is not None:
            ends.append(max(1, round(self.max_epochs * steps_per_epoch)))
        if not ends and self.patience is None:
            raise ConfigError("training would never end: set loop.max_steps, loop.max_epochs or loop.patience")
        return min(ends, default=None)
