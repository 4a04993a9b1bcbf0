"""How training goes, epoch by epoch, for those who watch it. Without PyTorch, so that a command can show it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Epoch", "Score", "Watcher"]


@dataclass(frozen=True, slots=True)
class Score:
    """On examples of one kind, each step after the right ones before it."""

    nats: float
    "Mean per step."
    right: float
    """Of a writer, the share of examples of which every step is the likeliest: what greedy writing gets right. Of what
    says descriptions back, the share of words that are the likeliest."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """How one pass went."""

    number: int
    "From 1."
    nats: float
    "Mean per step in training, with dropout."
    scores: dict[str, Score]
    "On each set of development pairs, with the mean weights."
    examples_per_s: float
    train_s: float
    "Seconds in training so far."


class Watcher:
    """Is told how training goes; this one does nothing."""

    def begins(self, what: str, num_epochs: int, num_batches: int) -> None:
        """A network begins to learn, or goes on: what it is, its epochs, and the batches of each."""

    def batch(self, epoch: int, done: int) -> None:
        """So many batches of an epoch, from 1, are done."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done, and its checkpoint is written."""
