"""A run's folder: what training leaves behind, and how far it has come.

::

    config.json            what was asked for
    curves.jsonl           one row per validation
    samples.jsonl          texts that the model wrote along the way
    best/                  weights with the best validation loss
    checkpoint/            everything that is needed to go on
    report.html  log.txt   for people
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codling.files import sweep, write_text_atomically

__all__ = ["CurveRow", "Progress", "RunFolder", "SampleRow"]


@dataclass(frozen=True, kw_only=True)
class CurveRow:
    """One point of the curves. Training figures are means over the steps since the row before."""

    step: int
    "Steps taken so far."
    epoch: float
    "Passes over the training data so far."
    tokens: int
    "Tokens predicted so far, over all epochs."
    lr: float
    "Learning rate of the last step."
    loss_nats: float
    accuracy: float
    grad_norm: float
    "L2 norm of the gradient before clipping."
    val_loss_nats: float | None
    "None where there is no validation data."
    val_accuracy: float | None
    train_s: float
    "Seconds spent in training steps so far, validation and samples not counted."


@dataclass(frozen=True, kw_only=True)
class SampleRow:
    """A text that the model wrote after so many steps."""

    step: int
    text: str


@dataclass(kw_only=True)
class Progress:
    """Where a run stands: all that a checkpoint keeps besides tensors."""

    step: int = 0
    tokens: int = 0
    train_s: float = 0.0
    timed_s: float = 0.0
    "As train_s, but without each process's first step, in which PyTorch loads what it needs; for speeds."
    timed_tokens: int = 0
    "Tokens predicted in those seconds."
    loss_sum: float = 0.0
    "Nats over all targets since the last row; the next two likewise."
    num_correct: float = 0.0
    num_targets: int = 0
    grad_norm_sum: float = 0.0
    num_steps: int = 0
    "Steps since the last row."
    lr: float = 0.0
    rows: list[CurveRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)
    best_step: int | None = None
    best_loss_nats: float | None = None
    num_worse: int = 0
    "Validations since the best one."

    @property
    def tokens_per_s(self) -> float:
        """Speed of the training steps; 0 before the first one."""
        if self.timed_s:
            return self.timed_tokens / self.timed_s
        return self.tokens / self.train_s if self.train_s else 0.0

    def add(self, *, loss_nats: float, num_correct: float, grad_norm: float, num_targets: int) -> None:
        """Count what a step measured."""
        self.loss_sum += loss_nats * num_targets
        self.num_correct += num_correct
        self.num_targets += num_targets
        self.grad_norm_sum += grad_norm
        self.num_steps += 1
        self.tokens += num_targets

    def end_row(self, steps_per_epoch: int, val_loss_nats: float | None, val_accuracy: float | None) -> CurveRow:
        """Add the row of the steps since the last one, and begin the next."""
        row = CurveRow(
            step=self.step,
            epoch=self.step / steps_per_epoch,
            tokens=self.tokens,
            lr=self.lr,
            loss_nats=self.loss_sum / self.num_targets,
            accuracy=self.num_correct / self.num_targets,
            grad_norm=self.grad_norm_sum / self.num_steps,
            val_loss_nats=val_loss_nats,
            val_accuracy=val_accuracy,
            train_s=self.train_s,
        )
        self.rows.append(row)
        self.loss_sum = self.num_correct = self.grad_norm_sum = 0.0
        self.num_targets = self.num_steps = 0
        return row

    def to_mapping(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_mapping(cls, mapping: dict[str, Any]) -> Progress:
        rows = [CurveRow(**row) for row in mapping["rows"]]
        samples = [SampleRow(**row) for row in mapping["samples"]]
        return cls(**(mapping | {"rows": rows, "samples": samples}))


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps its files. Every file is replaced whole, so a killed run leaves none half-written."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint" / "latest.safetensors"

    @property
    def best(self) -> Path:
        return self.path / "best" / "weights.safetensors"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def sweep(self) -> None:
        """Remove what a process that was killed while writing left beside the files."""
        sweep(self.path, self.checkpoint.parent, self.best.parent)

    def write_config(self, config: dict[str, Any]) -> None:
        write_text_atomically(self.path / "config.json", json.dumps(config, indent=1, ensure_ascii=False) + "\n")

    def write_curves(self, progress: Progress) -> None:
        """Write the curves and samples so far; what a killed run wrote beyond its checkpoint goes."""
        _write_rows(self.path / "curves.jsonl", progress.rows)
        _write_rows(self.path / "samples.jsonl", progress.samples)

    def log(self, line: str) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")


def _write_rows(path: Path, rows: list[CurveRow] | list[SampleRow]) -> None:
    lines = [json.dumps(dataclasses.asdict(row), ensure_ascii=False) + "\n" for row in rows]
    write_text_atomically(path, "".join(lines))
