"""What is left to say when a run has ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from codling.training.run import CurveRow

__all__ = ["Outcome"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. The task's module then holds the best weights."""

    ended: Literal["length", "patience", "interrupted", "stopped"]
    """Why: the configured length is reached, validation stopped improving, Ctrl-C, or the observer said so. Only the
    first two are the end of a run; the others go on from the checkpoint when train is called again."""
    step: int
    steps_per_epoch: int
    best: CurveRow | None
    "The row whose weights are kept; None when training ended before the first validation."
    rows: tuple[CurveRow, ...]
    tokens: int
    tokens_per_epoch: int
    train_s: float
    "Seconds in training steps, over all processes that worked on the run."
    tokens_per_s: float
    "Speed of the training steps, each process's first step left out."
    device: str

    @property
    def s_per_epoch(self) -> float:
        """Seconds of training per pass over the data."""
        return self.tokens_per_epoch / self.tokens_per_s if self.tokens_per_s else math.nan
