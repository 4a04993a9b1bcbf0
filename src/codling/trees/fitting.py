"""The training loop of models over syntax trees: Adam, shuffled batches, a rate that rises and falls to zero."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

__all__ = ["FitConfig", "fit"]

T = TypeVar("T")


class FitConfig(Protocol):
    """The settings that the loop needs; read-only."""

    @property
    def batch(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup(self) -> float: ...
    @property
    def clip(self) -> float: ...
    @property
    def seed(self) -> int: ...


def fit(
    model: nn.Module,
    examples: Sequence[T],
    loss_of: Callable[[list[T]], Tensor],
    config: FitConfig,
    report: Callable[[int, float, float], None] | None = None,
) -> None:
    """Train in place, on whole batches only.

    Args:
        loss_of: the loss of a batch, a scalar.
        report: gets, after each epoch, its number from 1, the mean loss, and examples per second.
    """
    rng = random.Random(config.seed)
    optimizer = torch.optim.Adam(model.parameters(), config.learning_rate)
    per_epoch = len(examples) // config.batch
    steps = config.epochs * per_epoch
    rising = max(1, round(config.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, max(0.0, (steps - step) / max(1, steps - rising)))
    )
    for epoch in range(1, config.epochs + 1):
        model.train()
        order = rng.sample(range(len(examples)), len(examples))
        started, total = time.perf_counter(), 0.0
        for step in range(per_epoch):
            loss = loss_of([examples[i] for i in order[step * config.batch : (step + 1) * config.batch]])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            schedule.step()
            total += loss.item()
        if report is not None:
            report(epoch, total / max(1, per_epoch), per_epoch * config.batch / (time.perf_counter() - started))
