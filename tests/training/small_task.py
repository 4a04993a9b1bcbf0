"""A small real task, and a script that trains it, for tests that kill a process: small_task.py FOLDER KEY=VALUE…"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.config import override, parse_assignments
from codling.corpus.shards import ShardSet
from codling.training.config import LoopConfig, OptimConfig
from codling.training.loop import train
from codling.training.observer import Observer
from codling.training.outcome import Outcome
from codling.training.run import CurveRow
from codling.vocab import DOC, CharVocab

VOCAB = CharVocab()


class CharNet(nn.Module):
    def __init__(self, hidden: int, dropout: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB.size, hidden, dtype=dtype)
        self.lstm = nn.LSTM(hidden, hidden, num_layers=2, dropout=dropout, batch_first=True, dtype=dtype)
        self.output = nn.Linear(hidden, VOCAB.size, dtype=dtype)
        self.output.weight = self.embedding.weight  # tied, so that checkpoints meet a weight with two names


class CharTask:
    """Characters through a two-layer LSTM with dropout."""

    def __init__(self, hidden: int = 16, dropout: float = 0.1, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(7)
        self.module = CharNet(hidden, dropout, dtype)
        self.hidden, self.dropout, self.dtype = hidden, dropout, dtype

    def initial_state(self, batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros(2, batch, self.hidden, device=device, dtype=self.dtype)
        return zeros, zeros.clone()

    def loss(self, inputs_BT: Tensor, targets_BT: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        x_BTH, state = self.module.lstm(self.module.embedding(inputs_BT), state)
        logits = self.module.output(x_BTH).flatten(0, 1)
        targets = targets_BT.flatten()
        return functional.cross_entropy(logits, targets), (logits.argmax(-1) == targets).sum(), state

    def sample(self, step: int) -> str | None:
        ids = torch.multinomial(torch.ones(VOCAB.size), 5)  # draws random numbers: training must not notice
        return f"after {step}: {VOCAB.decode(ids.tolist())}"

    def describe(self) -> dict[str, Any]:
        return {"hidden": self.hidden, "dropout": self.dropout}


def shard_set(*texts: str, split: str = "train") -> ShardSet:
    shards = tuple(np.array([DOC, *VOCAB.encode(text)], np.uint16) for text in texts)
    return ShardSet(folder=Path("corpus"), split=split, vocab=VOCAB, shards=shards)


def source_shards() -> tuple[ShardSet, ShardSet]:
    """Real code: a part of argparse in two shards to train on, a part of ast to validate on."""
    text = inspect.getsource(argparse)
    return shard_set(text[:4_000], text[4_000:6_000]), shard_set(inspect.getsource(ast)[:2_000], split="valid")


def small_loop(**changes: Any) -> LoopConfig:
    config = LoopConfig(batch_size=4, window=16, max_steps=60, eval_every=20, device="cpu", num_threads=1)
    return dataclasses.replace(config, **changes)


class KillAfter(Observer):
    """Kills its own process, as -9 does, in the middle of a run."""

    def __init__(self, step: int) -> None:
        self.step = step

    def progressed(self, status: Any) -> None:
        if status.step >= self.step:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


class Recorder(Observer):
    def __init__(self, stop_after: int | None = None) -> None:
        self.losses: dict[int, float] = {}
        self.rows: list[CurveRow] = []
        self.notes: list[str] = []
        self.stop_after = stop_after

    def progressed(self, status: Any) -> None:
        self.losses[status.step] = status.loss_nats

    def measured(self, row: CurveRow) -> bool:
        self.rows.append(row)
        return self.stop_after is None or row.step < self.stop_after

    def noted(self, text: str) -> None:
        self.notes.append(text)


def run(folder: Path, task: CharTask | None = None, observer: Observer | None = None, **changes: Any) -> Outcome:
    training, validation = source_shards()
    fresh = changes.pop("fresh", False)
    optim = changes.pop("optim", OptimConfig(lr=0.01, schedule="cosine", warmup_steps=5))
    return train(
        task or CharTask(),
        training,
        changes.pop("validation", validation),
        optim=optim,
        loop=small_loop(**changes),
        folder=folder,
        fresh=fresh,
        observer=observer,
    )


if __name__ == "__main__":
    settings = parse_assignments(sys.argv[2:])
    kill_after = int(settings.pop("kill_after", "0"))
    loop = override(small_loop(), settings)
    changes = {field.name: getattr(loop, field.name) for field in dataclasses.fields(loop)}
    outcome = run(Path(sys.argv[1]), observer=KillAfter(kill_after) if kill_after else None, **changes)
    sys.stdout.write(f"{outcome.ended} {outcome.step}\n")
