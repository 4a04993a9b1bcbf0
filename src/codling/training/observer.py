"""Who watches a run: the live display, a search that may stop it, a test."""

from __future__ import annotations

from dataclasses import dataclass

from codling.training.run import CurveRow, SampleRow

__all__ = ["Observer", "Start", "Status"]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is known before the first step of this process."""

    step: int
    "Steps already taken by the runs that this one resumes."
    num_steps: int | None
    "Length of the whole run; None when only patience ends it."
    steps_per_epoch: int
    num_parameters: int
    num_tokens: int
    "Tokens of training data."
    device: str
    "In words, with the precision."


@dataclass(frozen=True, kw_only=True)
class Status:
    """Where training stands, some times per second."""

    step: int
    epoch: float
    loss_nats: float
    "Mean over the last few steps; the accuracy likewise."
    accuracy: float
    tokens_per_s: float
    "Of the training steps of this process."
    lr: float


class Observer:
    """Sees everything and does nothing; others override what they care for."""

    def started(self, start: Start) -> None:
        """Called once, before the first step."""

    def progressed(self, status: Status) -> None:
        """Called after every step on the CPU, after every few on CUDA."""

    def measured(self, row: CurveRow) -> bool:  # noqa: ARG002
        """Called after each validation, and on resuming for each one that the checkpoint remembers.

        Returns:
            Whether to go on; False ends training here.
        """
        return True

    def sampled(self, sample: SampleRow) -> None:
        """Called for each text that the model wrote."""

    def noted(self, text: str) -> None:
        """Called with what a person may want to know, a line each."""

    def ended(self) -> None:
        """Called once, whatever ended the run."""
