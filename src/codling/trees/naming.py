"""What is this function called? Names out of bodies: the sub-tokens of the name, as a set.

Alon, Zilberstein, Levy & Yahav 2019, *code2vec: learning distributed representations of code*, whose measures these
are: precision, recall and F1 over the sub-tokens of all names. Differs: trees are read as trees, not as bags of paths,
and each sub-token is predicted from a softmax over words, not over names, so that names which training never saw can be
put together.
"""

# N functions, W words that names are made of

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling import fold

from .encoder import TreeEncoder
from .labels import Labels
from .syntax import Function, sub_tokens

__all__ = [
    "BagNamer",
    "NamingConfig",
    "Scores",
    "TreeNamer",
    "choose_threshold",
    "evaluate",
    "one_by_one",
    "train_namer",
]


@dataclass(frozen=True, kw_only=True)
class NamingConfig:
    """How a namer is trained."""

    hidden: int = 128
    "Width of a tree's states, and of the bag's vectors."
    batch: int = 64
    "Functions per step."
    epochs: int = 4
    "Passes over the training functions."
    learning_rate: float = 2e-3
    "At its height; it falls to zero in a straight line."
    dropout: float = 0.2
    "Share of a function's vector left out in training."
    clip: float = 1.0
    "Largest norm of a gradient."
    seed: int = 1
    "Of weights and order."


@dataclass(frozen=True, slots=True)
class Scores:
    """Over all sub-tokens of all names; ``accuracy`` is the share of names with every sub-token right and none
    wrong."""

    precision: float
    recall: float
    f1: float
    accuracy: float


class _Namer(nn.Module):
    """The part that all namers have: words out of vectors, by one hidden layer."""

    def __init__(self, words: Labels, width: int, config: NamingConfig) -> None:
        super().__init__()
        self.words = words
        self.out = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(width, 2 * config.hidden),
            nn.Tanh(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.hidden, len(words)),
        )
        self.threshold = 0.2

    def vectors(self, functions: Sequence[Function]) -> Tensor:
        """Of functions: float [N, width]."""
        raise NotImplementedError

    def forward(self, functions: Sequence[Function]) -> Tensor:
        """Log-probabilities in nats that a word drawn from the name is this one: float [N, W]."""
        log_probs_NW: Tensor = functional.log_softmax(self.out(self.vectors(functions)), 1)
        return log_probs_NW

    def loss(self, functions: Sequence[Function]) -> Tensor:
        """Nats per sub-token; those that the vocabulary lacks are left to word 0."""
        log_probs_NW = self(functions)
        ids = [[self.words[word] for word in sub_tokens(function.name)] for function in functions]
        rows = torch.tensor([row for row, words in enumerate(ids) for _ in words])
        loss: Tensor = -log_probs_NW[rows, torch.tensor([word for words in ids for word in words])].mean()
        return loss


class TreeNamer(_Namer):
    """Names from trees."""

    def __init__(self, labels: Labels, words: Labels, config: NamingConfig) -> None:
        encoder = TreeEncoder(labels, config.hidden)
        super().__init__(words, encoder.width, config)
        self.encoder = encoder

    def vectors(self, functions: Sequence[Function]) -> Tensor:
        vectors: Tensor = self.encoder([function.tree for function in functions])
        return vectors


class BagNamer(_Namer):
    """The baseline: names from the labels of a tree, types and sub-tokens alike, without their order, by the mean and
    the maximum of their embeddings."""

    def __init__(self, labels: Labels, words: Labels, config: NamingConfig) -> None:
        super().__init__(words, 2 * config.hidden, config)
        self.labels = labels
        self.mean, self.max = (nn.EmbeddingBag(len(labels), config.hidden, mode=mode) for mode in ("mean", "max"))
        for bag in (self.mean, self.max):
            nn.init.normal_(bag.weight, std=0.1)  # the largest of many would saturate what follows otherwise

    def vectors(self, functions: Sequence[Function]) -> Tensor:
        bags = [[self.labels[label] for label in function.tree.labels()] for function in functions]
        starts = torch.tensor([0, *map(len, bags[:-1])]).cumsum(0)
        flat = torch.tensor([label for bag in bags for label in bag])
        return torch.cat([self.mean(flat, starts), self.max(flat, starts)], 1)


def train_namer(
    namer: _Namer,
    functions: Sequence[Function],
    config: NamingConfig,
    report: Callable[[int, float, float], None] | None = None,
) -> None:
    """Train in place.

    Args:
        report: gets, after each epoch, its number from 1, the mean loss in nats per sub-token, and functions per
        second.
    """
    rng = random.Random(config.seed)
    optimizer = torch.optim.Adam(namer.parameters(), config.learning_rate)
    steps = config.epochs * (len(functions) // config.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / max(1, steps)))
    for epoch in range(1, config.epochs + 1):
        namer.train()
        order = rng.sample(range(len(functions)), len(functions))
        started, total = time.perf_counter(), 0.0
        for at in range(0, len(order) - config.batch + 1, config.batch):
            loss = namer.loss([functions[i] for i in order[at : at + config.batch]])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(namer.parameters(), config.clip)
            optimizer.step()
            schedule.step()
            total += loss.item()
        if report is not None:
            num = len(order) // config.batch
            report(epoch, total / max(1, num), num * config.batch / (time.perf_counter() - started))


@torch.no_grad()
def evaluate(namer: _Namer, functions: Sequence[Function], *, threshold: float | None = None) -> Scores:
    """Score a namer's sets of words, those likelier than the threshold or, where none is, the likeliest one."""
    predictions = _predictions(namer, functions)
    return _scores(namer, predictions, namer.threshold if threshold is None else threshold)


def _scores(namer: _Namer, predictions: list[tuple[list[str], Tensor]], threshold: float) -> Scores:
    hits = said = meant = right = names_seen = 0
    bound = math.log(threshold)
    for names, log_probs_NW in predictions:
        for name, row in zip(names, log_probs_NW, strict=True):
            guess = set(torch.nonzero(row[1:] > bound).flatten().add(1).tolist()) or {int(row[1:].argmax()) + 1}
            names_seen += 1
            words = set(sub_tokens(name))
            guessed = {namer.words.names[word] for word in guess}
            hits += len(guessed & words)
            said += len(guessed)
            meant += len(words)
            right += guessed == words
    precision, recall = hits / max(1, said), hits / max(1, meant)
    return Scores(precision, recall, 2 * hits / max(1, said + meant), right / max(1, names_seen))


@torch.no_grad()
def choose_threshold(namer: _Namer, functions: Sequence[Function]) -> float:
    """Set and give the threshold of the best F1 on functions that aren't tested on."""
    predictions = _predictions(namer, functions)
    choices = (0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.17, 0.2, 0.25, 0.3, 0.4)
    namer.threshold = max(choices, key=lambda choice: _scores(namer, predictions, choice).f1)
    return namer.threshold


def _predictions(namer: _Namer, functions: Sequence[Function], batch: int = 256) -> list[tuple[list[str], Tensor]]:
    namer.eval()
    found = []
    for at in range(0, len(functions), batch):
        part = functions[at : at + batch]
        found.append(([function.name for function in part], namer(part)))
    return found


def one_by_one(namer: TreeNamer, functions: Sequence[Function]) -> Tensor:
    """The loss of a batch, computed node by node: what ``fold`` is for."""
    with fold.eager():
        return namer.loss(functions)
