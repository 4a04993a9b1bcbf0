"""Training a writer: epochs over pairs, a running mean of the weights, the best epoch kept, exact resume."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codling.config import first_difference, to_mapping
from codling.errors import InputError, TrainingError
from codling.files import write_text_atomically
from codling.training.checkpoint import load_weights, read_tensors, write_tensors
from codling.training.device import Device, pick_device
from codling.training.interrupt import Interrupt
from codling.training.optimizer import learning_rate, make_optimizer
from codling.trees.grammar.tree import Tree
from codling.trees.writing.batches import Collator, in_batches
from codling.trees.writing.config import WriterRun
from codling.trees.writing.growing import grow_lexicon, grow_weights
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.network import WriterNet
from codling.trees.writing.pairs import Pair
from codling.trees.writing.renaming import Renaming
from codling.trees.writing.steps import Example, example_of
from codling.trees.writing.words import Word, words_of

__all__ = ["Epoch", "Score", "Trained", "score", "train_writer"]

_LEXICON = "lexicon.json"
_CHECKPOINT = "checkpoint.safetensors"
_SCORE_STEPS = 4_096  # of a batch that is only scored: without gradients, larger ones fit


@dataclass(frozen=True, slots=True)
class Score:
    """On examples of one kind, each step after the right ones before it."""

    nats: float
    "Mean per step."
    right: float
    "Share of examples of which every step is the likeliest: what greedy writing gets right."


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


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained writer: the network has the best epoch's weights."""

    lexicon: Lexicon
    net: WriterNet
    run: WriterRun
    epochs: tuple[Epoch, ...]
    best: int
    "Number of the epoch that is kept."
    interrupted: bool
    device: str


def train_writer(
    pairs: Sequence[Pair],
    development: Mapping[str, Sequence[Pair]],
    run: WriterRun,
    folder: Path,
    *,
    times: Sequence[int] | None = None,
    init: Path | None = None,
    fresh: bool = False,
    device: str = "auto",
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train until the epochs are done or development stops improving; goes on from the folder's checkpoint.

    Args:
        development: pairs by the name of their set; the best epoch has the best mean over sets of the greedy share
            right, then of the nats per step. Programs that need a production the training pairs lack count as wrong.
        folder: where the checkpoint is kept; made if need be.
        times: how often each pair is read in an epoch, so that a small set counts as much as a large one; by default
            once.
        init: folder of another run, to start from the weights that it kept, with its lexicon, which ``run.grow`` may
            let grow.
        fresh: start over, whatever the folder holds.

    Raises:
        TrainingError: no pairs, none to choose an epoch by, no run to start from, or a checkpoint that is damaged or of
            another configuration.
    """
    if not pairs or not any(development.values()):
        raise TrainingError("there are no pairs to train on, or none to choose the best epoch by")
    times = times or [1] * len(pairs)
    trainer = _Trainer(pairs, times, development, run, folder, pick_device(device, "auto"), on_epoch, init)
    if init is not None:
        trainer.start_from(init)
    if not fresh:
        trainer.resume()
    return trainer.train()


class _Trainer:
    def __init__(
        self,
        pairs: Sequence[Pair],
        times: Sequence[int],
        development: Mapping[str, Sequence[Pair]],
        run: WriterRun,
        folder: Path,
        device: Device,
        on_epoch: Callable[[Epoch], None] | None,
        init: Path | None = None,
    ) -> None:
        if device.torch.type != "cpu":
            raise TrainingError("writers train on the CPU; leave the device out")
        self.run, self.device, self.on_epoch = run, device, on_epoch
        self.checkpoint = folder / _CHECKPOINT
        read = [(words_of(pair.text), pair.tree) for pair in pairs]
        if init is None:
            self.lexicon = Lexicon.of(read, num_pieces=run.num_pieces, min_count=run.min_count)
        else:
            self.lexicon = _lexicon_of(init)
            if run.grow:
                self.lexicon = grow_lexicon(self.lexicon, read, run.grow)
        write_text_atomically(folder / _LEXICON, json.dumps(self.lexicon.to_json(), ensure_ascii=False))
        often, self.examples = _teachable(read, times, self.lexicon)
        if not often:
            raise TrainingError("the lexicon that is started from lacks what every pair needs; are they of one kind?")
        self.renaming = Renaming(often, self.lexicon)
        self.development = {name: _examples(each, self.lexicon) for name, each in development.items()}
        if not any(self.development.values()):
            raise TrainingError("the training pairs lack what every development program needs; are they of one kind?")
        self.sizes = {name: len(each) for name, each in development.items()}
        torch.manual_seed(run.seed)
        self.net = WriterNet(self.lexicon, run.model)
        self.mean = {name: tensor.clone() for name, tensor in self._weights().items()}
        self.best_weights = self.mean
        self.optimizer = make_optimizer(self.net, run.optim)
        self.collate = Collator(self.lexicon)
        self.num_steps = run.epochs * len(list(in_batches(self.examples, run.batch_steps, random.Random(0))))
        self.epochs: list[Epoch] = []
        self.step = self.best = 0

    def train(self) -> Trained:
        interrupted = False
        with Interrupt() as interrupt:
            while len(self.epochs) < self.run.epochs and len(self.epochs) - self.best < self.run.patience:
                epoch = self._epoch(interrupt)
                if epoch is None:
                    interrupted = True
                    break
                self.epochs.append(epoch)
                if self.best == 0 or _merit(epoch) > _merit(self.epochs[self.best - 1]):
                    self.best = epoch.number
                    self.best_weights = {name: tensor.clone() for name, tensor in self.mean.items()}
                self._save()
                if self.on_epoch is not None:
                    self.on_epoch(epoch)
        load_weights(self.net, self.best_weights)
        self.net.eval()
        return Trained(self.lexicon, self.net, self.run, tuple(self.epochs), self.best, interrupted, self.device.name)

    def _epoch(self, interrupt: Interrupt) -> Epoch | None:
        number = len(self.epochs) + 1
        rng = random.Random(f"{self.run.seed} {number}")  # so that an epoch is the same after a restart
        torch.manual_seed(rng.randrange(1 << 62))
        started, nats, steps = time.perf_counter(), 0.0, 0
        self.net.train()
        for batch in in_batches(self._renamed(rng), self.run.batch_steps, rng):
            if interrupt.asked:
                return None
            with self.device.autocast():
                losses = self.net.loss(self.collate(batch))
            nats, steps = nats + float(losses.nats.detach()), steps + losses.steps
            self._update(losses.nats / losses.steps)
        if not nats < float("inf"):
            raise TrainingError("the loss is not finite; train again with a lower optim.lr")
        train_s = time.perf_counter() - started
        before = self.epochs[-1].train_s if self.epochs else 0.0
        return Epoch(number, nats / steps, self._scores(), len(self.examples) / train_s, before + train_s)

    def _update(self, loss: Tensor) -> None:
        run = self.run
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(run.optim, min(self.step, self.num_steps - 1), self.num_steps)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if run.optim.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), run.optim.clip_norm)
        self.optimizer.step()
        self.step += 1
        decay = min(run.average, self.step / (self.step + 9))  # a mean of few steps forgets where it began
        weights = self._weights()
        torch._foreach_lerp_([self.mean[name] for name in weights], list(weights.values()), 1 - decay)

    def _renamed(self, rng: random.Random) -> list[Example]:
        examples = list(self.examples)
        for i in range(len(examples)):
            if rng.random() < self.run.renamed and (drawn := self.renaming.draw(i, rng)) is not None:
                examples[i] = example_of(*drawn, self.lexicon)
        return examples

    def _scores(self) -> dict[str, Score]:
        last = {name: tensor.clone() for name, tensor in self._weights().items()}
        load_weights(self.net, self.mean)
        scores = {
            name: score(self.net, self.collate, examples, self.sizes[name])
            for name, examples in self.development.items()
        }
        load_weights(self.net, last)
        return scores

    def _weights(self) -> dict[str, Tensor]:
        return {name: parameter.detach() for name, parameter in self.net.named_parameters()}

    def _save(self) -> None:
        tensors = {f"net.{name}": tensor for name, tensor in self._weights().items()}
        tensors |= {f"mean.{name}": tensor for name, tensor in self.mean.items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.best_weights.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optim.{index}.{name}": tensor for name, tensor in state.items()}
        about = {
            "run": to_mapping(self.run),
            "pairs": len(self.examples),
            "step": self.step,
            "best": self.best,
            "epochs": [to_mapping(epoch) for epoch in self.epochs],
        }
        write_tensors(self.checkpoint, tensors, about)

    def start_from(self, folder: Path) -> None:
        """Take the weights that another run kept."""
        tensors, _ = read_tensors(folder / _CHECKPOINT)
        weights = {name.removeprefix("best."): each for name, each in tensors.items() if name.startswith("best.")}
        weights = grow_weights(weights, _lexicon_of(folder), self.lexicon)
        load_weights(self.net, weights, str(folder / _CHECKPOINT))
        self.mean = {name: tensor.clone() for name, tensor in self._weights().items()}
        self.best_weights = self.mean

    def resume(self) -> None:
        """Take up the folder's checkpoint, if it has one."""
        if not self.checkpoint.exists():
            return
        tensors, about = read_tensors(self.checkpoint)
        different = first_difference(about.get("run", {}), to_mapping(self.run))
        if different is not None or about.get("pairs") != len(self.examples):
            what = "the number of pairs" if different is None else different[0]
            raise TrainingError(f"{self.checkpoint} is of another run ({what}); train with --fresh to start over")

        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)}

        load_weights(self.net, part("net."), str(self.checkpoint))
        self.mean, self.best_weights = part("mean."), part("best.")
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in part("optim.").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": state})
        self.step, self.best = about["step"], about["best"]
        self.epochs = [
            Epoch(**{**row, "scores": {name: Score(**each) for name, each in row["scores"].items()}})
            for row in about["epochs"]
        ]


def _lexicon_of(folder: Path) -> Lexicon:
    try:
        return Lexicon.from_json((folder / _LEXICON).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{folder} is no run of a writer to start from ({error})") from None


def _merit(epoch: Epoch) -> tuple[float, float]:
    """The share right, then the nats: these soon rise again, while a writer that grows too sure is still more often
    right."""
    scores = epoch.scores.values()
    return sum(each.right for each in scores) / len(scores), -sum(each.nats for each in scores) / len(scores)


def _teachable(
    read: Sequence[tuple[list[Word], Tree]], times: Sequence[int], lexicon: Lexicon
) -> tuple[list[tuple[list[Word], Tree]], list[Example]]:
    """Pairs, each as often as it is read in an epoch, and their steps; without those that need what the lexicon of
    another run lacks."""
    often, examples = [], []
    for pair, count in zip(read, times, strict=True):
        try:
            example = example_of(*pair, lexicon)
        except InputError:
            continue
        often += [pair] * count
        examples += [example] * count
    return often, examples


def _examples(pairs: Sequence[Pair], lexicon: Lexicon) -> list[Example]:
    """Those whose productions the lexicon has."""
    found = []
    for pair in pairs:
        words: list[Word] = words_of(pair.text)
        try:
            found.append(example_of(words, pair.tree, lexicon))
        except InputError:
            continue
    return found


@torch.no_grad()
def score(net: WriterNet, collate: Collator, examples: Sequence[Example], out_of: int) -> Score:
    """Score examples in batches.

    Args:
        out_of: examples that the share of right ones is of; those that the lexicon cannot write are wrong.
    """
    was_training = net.training
    net.eval()
    nats = steps = right = 0.0
    for batch in in_batches(examples, _SCORE_STEPS, None):
        losses = net.loss(collate(batch))
        nats += float(losses.nats)
        steps += losses.steps
        right += int(losses.right_B.sum())
    net.train(was_training)
    return Score(nats / max(1, steps), right / max(1, out_of))
