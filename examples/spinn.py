"""SPINN with codling.fold: a parser and an interpreter in one, which decides by values that it has just computed.

    python examples/spinn.py [--epochs 6] [--modules json.decoder,…]

The task: from which module of the standard library is this function? A function is a sequence of labels (its syntax
tree from left to right, its name taken out) and a way to bracket it. In training SPINN is told when to shift and when
to reduce, and learns both that and the module; in the test it parses on its own: at each step the model's score for
"reduce" is asked for, and all functions' questions are answered by one batched run (``fold.together``).

Bowman et al. 2016, *A fast unified model for parsing and sentence understanding*.
"""

# N functions of a batch, H hidden

from __future__ import annotations

import argparse
import importlib
import inspect
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling import fold
from codling.trees import Labels, SyntaxTree, functions

MODULES = (
    "argparse,datetime,decimal,difflib,email.message,http.client,inspect,ipaddress,logging,mailbox,pathlib,tarfile"
)
_MAX_LABELS = 60
SHIFT, REDUCE = 0, 1


@dataclass(frozen=True)
class Example:
    words: list[str]
    transitions: list[int]
    module: int


def bracketed(tree: SyntaxTree) -> Iterator[str | None]:
    """A tree as a binary one, ((label, child), child) …: labels in order, and None where the last two are reduced."""
    yield tree.label
    for child in tree.children:
        yield from bracketed(child)
        yield None


def read(modules: list[str]) -> list[Example]:
    found = []
    for number, name in enumerate(modules):
        for function in functions(inspect.getsource(importlib.import_module(name))):
            steps = list(bracketed(function.tree))
            words = [step for step in steps if step is not None]
            if 8 <= len(words) <= _MAX_LABELS:
                found.append(Example(words, [REDUCE if step is None else SHIFT for step in steps], number))
    return found


class SPINN(nn.Module):
    def __init__(self, labels: Labels, hidden: int, classes: int) -> None:
        super().__init__()
        self.labels = labels
        self.embed = nn.Embedding(len(labels), 2 * hidden)
        self.merge = fold.TreeLSTMCell(hidden)
        self.tracker = nn.LSTMCell(3 * hidden, hidden)
        self.move = fold.batchable(nn.Linear(hidden, 2))
        self.classify = fold.batchable(nn.Linear(hidden, classes))
        self.nothing = nn.Parameter(torch.zeros(1, 2 * hidden))

    @fold.batchable
    def leaf(self, word: Tensor) -> fold.TreeState:
        return fold.TreeState(*self.embed(word).tanh().chunk(2, 1))

    @fold.batchable
    def empty(self) -> fold.TreeState:
        return fold.TreeState(*self.nothing.chunk(2, 1))

    @fold.batchable
    def track(self, before: fold.TreeState, top: Tensor, below: Tensor, ahead: Tensor) -> fold.TreeState:
        return fold.TreeState(*self.tracker(torch.cat([top, below, ahead], 1), tuple(before)))

    def run(self, example: Example, *, teach: bool) -> Any:
        """A generator: the answer to what it yields is whether to reduce.

        Returns:
            The modules' scores, and those of all moves.
        """
        empty = self.empty()
        ahead = [self.leaf(self.labels[word]) for word in reversed(example.words)]
        stack, state, moves = [empty, empty], empty, []
        for wanted in example.transitions:  # as many steps as it takes to read n labels into one tree: 2n − 1
            state = self.track(state, stack[-1].h, stack[-2].h, (ahead[-1] if ahead else empty).h)
            scores = self.move(state.h)
            moves.append(scores)
            if teach:
                reduce = wanted == REDUCE
            elif len(stack) < 4:  # nothing to reduce: the two empty ones stay below
                reduce = False
            else:
                reduce = not ahead or bool((yield scores[REDUCE] > scores[SHIFT]))
            if reduce:
                right, left = stack.pop(), stack.pop()
                stack.append(self.merge(left, right))
            else:
                stack.append(ahead.pop())
        return self.classify(stack[-1].h), moves


def taught(model: SPINN, batch: list[Example]) -> tuple[Tensor, Tensor]:
    """Losses of modules and of moves, in nats."""

    def program(example: Example) -> Any:
        return (yield from model.run(example, teach=True))

    with fold.batching(places=False):
        results = fold.together(program, batch)
    logits = fold.stack([scores for scores, _ in results])
    moves = fold.stack([move for _, steps in results for move in steps])
    wanted = torch.tensor([step for example in batch for step in example.transitions])
    modules = torch.tensor([example.module for example in batch])
    return functional.cross_entropy(logits, modules), functional.cross_entropy(moves, wanted)


@torch.no_grad()
def accuracy(model: SPINN, examples: list[Example]) -> float:
    """Share of functions whose module is found, parsing without help."""

    def program(example: Example) -> Any:
        scores, _ = yield from model.run(example, teach=False)
        return scores

    with fold.batching(places=False):
        logits = fold.stack(fold.together(program, examples))
    return sum(int(row.argmax()) == e.module for row, e in zip(logits, examples, strict=True)) / len(examples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--modules", default=MODULES)
    args = parser.parse_args()
    torch.manual_seed(0)
    rng = random.Random(0)
    modules = args.modules.split(",")
    examples = read(modules)
    rng.shuffle(examples)
    test, train = examples[: len(examples) // 5], examples[len(examples) // 5 :]
    labels = Labels.of((word for example in train for word in example.words), min_count=2)
    model = SPINN(labels, args.hidden, len(modules))
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    commonest = Counter(example.module for example in train).most_common(1)[0][0]
    chance = sum(example.module == commonest for example in test) / len(test)
    print(f"{len(train)} functions to train on, {len(test)} to test; the commonest module: {chance:.1%}")
    for epoch in range(1, args.epochs + 1):
        started, losses = time.perf_counter(), []
        order = rng.sample(train, len(train))
        for at in range(0, len(order), args.batch):
            module_loss, move_loss = taught(model, order[at : at + args.batch])
            optimizer.zero_grad()
            (module_loss + move_loss).backward()
            optimizer.step()
            losses.append((module_loss.item(), move_loss.item()))
        rate = len(train) / (time.perf_counter() - started)
        mean = [sum(column) / len(losses) for column in zip(*losses, strict=True)]
        found = accuracy(model, test)
        print(f"epoch {epoch}: modules {mean[0]:.2f} nats, moves {mean[1]:.2f} nats, {rate:.0f} functions/s;", end=" ")
        print(f"{found:.1%} right")
    started = time.perf_counter()
    with fold.eager():
        sum(taught(model, train[:8])).backward()  # type: ignore[union-attr]
    print(f"one by one: {8 / (time.perf_counter() - started):.0f} functions/s")


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    main()
