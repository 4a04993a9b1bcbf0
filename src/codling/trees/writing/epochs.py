"""Training in epochs: a running mean of the weights, the best epoch kept, exact resume."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from codling.config import first_difference, to_mapping
from codling.errors import TrainingError
from codling.training.checkpoint import load_weights, read_tensors, write_tensors
from codling.training.device import Device
from codling.training.interrupt import Interrupt
from codling.training.optimizer import learning_rate, make_optimizer
from codling.trees.writing.batches import in_batches
from codling.trees.writing.config import WriterRun
from codling.trees.writing.watching import Epoch, Score, Watcher

__all__ = ["SCORE_STEPS", "Epochs", "Lesson", "best_weights"]

E = TypeVar("E")

SCORE_STEPS = 4_096
"Of a batch that is only scored: without gradients, larger ones fit."


class Lesson(Protocol[E]):
    """What is learnt: a network, its examples, and its losses."""

    what: str
    "In words, for people."
    unrelated: str
    "Setting of a run that changes nothing about it: a checkpoint may be gone on from whatever that says."

    @property
    def net(self) -> nn.Module: ...
    @property
    def examples(self) -> Sequence[E]: ...
    def drawn(self, i: int, rng: random.Random) -> E | None:
        """An example with some of what it has exchanged; None to take it as it is."""

    def length(self, example: E) -> int:
        """In steps, by which batches are made."""

    def loss(self, batch: list[E]) -> tuple[Tensor, int]:
        """Nats, summed, and of how many steps."""

    def scores(self) -> dict[str, Score]:
        """Of the network as it is, on each set of development pairs."""


class Epochs(Generic[E]):
    """Goes through the examples of a lesson until the epochs are done or development stops improving."""

    def __init__(
        self,
        lesson: Lesson[E],
        run: WriterRun,
        num_epochs: int,
        checkpoint: Path,
        device: Device,
        begins_with: Mapping[str, Tensor] | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        """Args:
        checkpoint: written after each epoch; what is there is gone on from.
        begins_with: weights to begin with; by default the network's.

        Raises:
            TrainingError: the checkpoint is damaged, or of another configuration.
        """
        if begins_with is not None:
            load_weights(lesson.net, dict(begins_with), str(checkpoint))
        self.lesson, self.run, self.num_epochs, self.checkpoint = lesson, run, num_epochs, checkpoint
        self.device, self.watcher = device, watcher or Watcher()
        self.mean = {name: tensor.clone() for name, tensor in self._weights().items()}
        self.best_weights = self.mean
        self.optimizer = make_optimizer(lesson.net, run.optim)
        self.num_batches = len(list(in_batches(lesson.examples, run.batch_steps, random.Random(0), lesson.length)))
        self.num_steps = num_epochs * self.num_batches
        self.epochs: list[Epoch] = []
        self.step = self.best = 0
        self._resume()

    def train(self) -> bool:
        """Train, and leave the network with the best epoch's weights; False if it was interrupted."""
        self.watcher.begins(self.lesson.what, self.num_epochs, self.num_batches)
        with Interrupt() as interrupt:
            while len(self.epochs) < self.num_epochs and len(self.epochs) - self.best < self.run.patience:
                epoch = self._epoch(interrupt)
                if epoch is None:
                    break
                self.epochs.append(epoch)
                if self.best == 0 or _merit(epoch) > _merit(self.epochs[self.best - 1]):
                    self.best = epoch.number
                    self.best_weights = {name: tensor.clone() for name, tensor in self.mean.items()}
                self._save()
                self.watcher.epoch(epoch)
        load_weights(self.lesson.net, self.best_weights)
        self.lesson.net.eval()
        return not interrupt.asked

    def _epoch(self, interrupt: Interrupt) -> Epoch | None:
        number = len(self.epochs) + 1
        rng = random.Random(f"{self.run.seed} {number}")  # so that an epoch is the same after a restart
        torch.manual_seed(rng.randrange(1 << 62))
        started, nats, steps = time.perf_counter(), 0.0, 0
        self.lesson.net.train()
        batches = in_batches(self._drawn(rng), self.run.batch_steps, rng, self.lesson.length)
        for done, batch in enumerate(batches):
            if interrupt.asked:
                return None
            self.watcher.batch(number, done)
            with self.device.autocast():
                loss, num_steps = self.lesson.loss(batch)
            nats, steps = nats + float(loss.detach()), steps + num_steps
            self._update(loss / num_steps)
        if not nats < float("inf"):
            raise TrainingError("the loss is not finite; train again with a lower optim.lr")
        train_s = time.perf_counter() - started
        before = self.epochs[-1].train_s if self.epochs else 0.0
        rate = len(self.lesson.examples) / train_s
        return Epoch(number, nats / steps, self._scores(), rate, before + train_s)

    def _update(self, loss: Tensor) -> None:
        run = self.run
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(run.optim, min(self.step, self.num_steps - 1), self.num_steps)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if run.optim.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.lesson.net.parameters(), run.optim.clip_norm)
        self.optimizer.step()
        self.step += 1
        decay = min(run.average, self.step / (self.step + 9))  # a mean of few steps forgets where it began
        weights = self._weights()
        torch._foreach_lerp_([self.mean[name] for name in weights], list(weights.values()), 1 - decay)

    def _drawn(self, rng: random.Random) -> list[E]:
        examples = list(self.lesson.examples)
        for i in range(len(examples)):
            if rng.random() < self.run.renamed and (drawn := self.lesson.drawn(i, rng)) is not None:
                examples[i] = drawn
        return examples

    def _scores(self) -> dict[str, Score]:
        last = {name: tensor.clone() for name, tensor in self._weights().items()}
        load_weights(self.lesson.net, self.mean)
        self.lesson.net.eval()
        scores = self.lesson.scores()
        load_weights(self.lesson.net, last)
        return scores

    def _weights(self) -> dict[str, Tensor]:
        return {name: parameter.detach() for name, parameter in self.lesson.net.named_parameters()}

    def _save(self) -> None:
        tensors = {f"net.{name}": tensor for name, tensor in self._weights().items()}
        tensors |= {f"mean.{name}": tensor for name, tensor in self.mean.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_weights.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optim.{index}.{name}": tensor for name, tensor in state.items()}
        about = {
            "run": to_mapping(self.run),
            "pairs": len(self.lesson.examples),
            "step": self.step,
            "best": self.best,
            "epochs": [to_mapping(epoch) for epoch in self.epochs],
        }
        write_tensors(self.checkpoint, tensors, about)

    def _resume(self) -> None:
        """Take up the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        tensors, about = read_tensors(self.checkpoint)
        runs = [about.get("run", {}), to_mapping(self.run)]
        different = first_difference(*({k: v for k, v in run.items() if k != self.lesson.unrelated} for run in runs))
        if different is not None or about.get("pairs") != len(self.lesson.examples):
            what = "the number of pairs" if different is None else different[0]
            raise TrainingError(f"{self.checkpoint} is of another run ({what}); train with --fresh to start over")
        load_weights(self.lesson.net, _part(tensors, "net."), str(self.checkpoint))
        self.mean, self.best_weights = _part(tensors, "mean."), _part(tensors, "best.")
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optim.").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state})
        self.step, self.best = about["step"], about["best"]
        self.epochs = [_epoch_of(row) for row in about["epochs"]]


def best_weights(checkpoint: Path) -> dict[str, Tensor]:
    """The weights that a run kept.

    Raises:
        TrainingError: the checkpoint is missing or damaged.
    """
    tensors, _ = read_tensors(checkpoint)
    return _part(tensors, "best.")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}


def _epoch_of(row: dict[str, Any]) -> Epoch:
    return Epoch(**{**row, "scores": {name: Score(**each) for name, each in row["scores"].items()}})


def _merit(epoch: Epoch) -> tuple[float, float]:
    """The share right, then the nats: these soon rise again, while a writer that grows too sure is still more often
    right."""
    scores = epoch.scores.values()
    return sum(each.right for each in scores) / len(scores), -sum(each.nats for each in scores) / len(scores)
