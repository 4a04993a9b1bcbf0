"""AdamW and its learning rate, each a function of the configuration."""

from __future__ import annotations

import math

import torch
from torch import nn

from codling.errors import ConfigError
from codling.training.config import OptimConfig

__all__ = ["learning_rate", "make_optimizer"]


def make_optimizer(module: nn.Module, config: OptimConfig) -> torch.optim.AdamW:
    """AdamW over all parameters that want a gradient; only matrices are decayed. Fused into one kernel."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )


def learning_rate(config: OptimConfig, step: int, num_steps: int | None) -> float:
    """The learning rate of a step, counted from 0.

    Args:
        num_steps: length of the run; None when it is not known beforehand.

    Raises:
        ConfigError: the schedule falls towards an end that is not known.
    """
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    if num_steps is None:
        raise ConfigError(f"optim.schedule {config.schedule!r} needs an end: set loop.max_steps or loop.max_epochs")
    progress = min(1.0, (step - config.warmup_steps) / max(1, num_steps - 1 - config.warmup_steps))
    height = 1 - progress if config.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return config.lr * (config.min_lr_ratio + (1 - config.min_lr_ratio) * height)
