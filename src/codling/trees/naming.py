"""What is this function called? Names out of bodies: the sub-tokens of the name, as a set.

Alon, Zilberstein, Levy & Yahav 2019, *code2vec: learning distributed representations of code*, whose measures these
are: precision, recall and F1 over the sub-tokens of all names. Differs: trees are read as trees, not as bags of paths,
and each sub-token is predicted from a softmax over words, not over names, so that names which training never saw can be
put together.
"""

# N functions, W words that names are made of

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling import fold

from .encoder import BagEncoder, TreeEncoder
from .fitting import fit
from .labels import Labels
from .syntax import Function, sub_tokens

__all__ = [
    "Namer",
    "NamingConfig",
    "Scores",
    "bag_namer",
    "choose_threshold",
    "evaluate",
    "one_by_one",
    "train_namer",
    "tree_namer",
]


@dataclass(frozen=True, kw_only=True)
class NamingConfig:
    """How a namer is trained."""

    hidden: int = 128
    "Width of a tree's states, and of the bag's vectors."
    batch: int = 32
    "Functions per step."
    epochs: int = 4
    "Passes over the training functions."
    learning_rate: float = 8e-3
    "At its height."
    warmup: float = 0.1
    "Share of all steps in which the learning rate rises to its height; then it falls to zero in a straight line."
    dropout: float = 0.2
    "Share of a function's vector, and of the hidden layer, left out in training."
    clip: float = 1.0
    "Largest norm of a gradient."
    seed: int = 1
    "Of weights and order."


@dataclass(frozen=True, slots=True)
class Scores:
    """Over all sub-tokens of all names; ``accuracy`` is exact match: the share of names with every sub-token right and
    none wrong."""

    precision: float
    recall: float
    f1: float
    accuracy: float


class Namer(nn.Module):
    """Names from trees: encoders side by side, one hidden layer, a softmax over words.

    Args:
        encoders: modules from trees to vectors [N, width]; ``TreeEncoder``, ``BagEncoder``, or both.
    """

    def __init__(self, encoders: Sequence[TreeEncoder | BagEncoder], words: Labels, config: NamingConfig) -> None:
        super().__init__()
        self.encoders, self.words = nn.ModuleList(encoders), words
        self.out = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(sum(encoder.width for encoder in encoders), 2 * config.hidden),
            nn.Tanh(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.hidden, len(words)),
        )
        self.threshold = 0.1

    def forward(self, functions: Sequence[Function]) -> Tensor:
        """Log-probabilities in nats that a word drawn from the name is this one: float [N, W]."""
        trees = [function.tree for function in functions]
        vectors = torch.cat([encoder(trees) for encoder in self.encoders], 1)
        log_probs_NW: Tensor = functional.log_softmax(self.out(vectors), 1)
        return log_probs_NW

    def loss(self, functions: Sequence[Function]) -> Tensor:
        """Nats per sub-token; those that the vocabulary lacks are left to word 0."""
        log_probs_NW = self(functions)
        ids = [[self.words[word] for word in sub_tokens(function.name)] for function in functions]
        rows = torch.tensor([row for row, words in enumerate(ids) for _ in words])
        loss: Tensor = -log_probs_NW[rows, torch.tensor([word for words in ids for word in words])].mean()
        return loss


def tree_namer(labels: Labels, words: Labels, config: NamingConfig) -> Namer:
    """Names by a TreeLSTM."""
    return Namer([TreeEncoder(labels, config.hidden)], words, config)


def bag_namer(labels: Labels, words: Labels, config: NamingConfig) -> Namer:
    """The baseline: names by the same labels without their order."""
    return Namer([BagEncoder(labels, config.hidden)], words, config)


def train_namer(
    namer: Namer,
    functions: Sequence[Function],
    config: NamingConfig,
    report: Callable[[int, float, float], None] | None = None,
) -> None:
    """Train in place.

    Args:
        report: gets, after each epoch, its number from 1, the mean loss in nats per sub-token, and functions per
        second.
    """
    fit(namer, functions, namer.loss, config, report)


@torch.no_grad()
def evaluate(namer: Namer, functions: Sequence[Function], *, threshold: float | None = None) -> Scores:
    """Score a namer's sets of words, those likelier than the threshold or, where none is, the likeliest one."""
    predictions = _predictions(namer, functions)
    return _scores(namer, predictions, namer.threshold if threshold is None else threshold)


def _scores(namer: Namer, predictions: list[tuple[list[str], Tensor]], threshold: float) -> Scores:
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
def choose_threshold(namer: Namer, functions: Sequence[Function]) -> float:
    """Set and give the threshold of the best F1 on functions that aren't tested on."""
    predictions = _predictions(namer, functions)
    choices = (0.02, 0.03, 0.05, 0.07, 0.1, 0.13, 0.17, 0.2, 0.25, 0.3, 0.4)
    namer.threshold = max(choices, key=lambda choice: _scores(namer, predictions, choice).f1)
    return namer.threshold


def _predictions(namer: Namer, functions: Sequence[Function], batch: int = 256) -> list[tuple[list[str], Tensor]]:
    namer.eval()
    found = []
    for at in range(0, len(functions), batch):
        part = functions[at : at + batch]
        found.append(([function.name for function in part], namer(part)))
    return found


def one_by_one(namer: Namer, functions: Sequence[Function]) -> Tensor:
    """The loss of a batch, computed node by node: what ``fold`` is for."""
    with fold.eager():
        return namer.loss(functions)
