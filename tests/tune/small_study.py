"""A search over a small real objective, and a script that runs it: small_study.py FOLDER KIND KILL."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codling.errors import TrainingError
from codling.tune.space import parse_space
from codling.tune.study import Plan, StudyResult, tune


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Gradient descent on a narrow parabola."""

    lr: float = 0.1
    momentum: float = 0.0
    steps: int = 8


@dataclass(frozen=True, kw_only=True)
class Config:
    name: str = "descent"
    optim: Descent = field(default_factory=Descent)


class DescentObjective:
    """Minimises (x - 3)² with momentum, a measurement per step; goes on from where its folder says it was.

    Diverges for a large learning rate. Kills its process with -9 at the given measurement, counted over all trials.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at, self.count = kill_at, 0
        self.calls: list[dict[str, Any]] = []

    def __call__(
        self, changes: Mapping[str, Any], folder: Path, report: Callable[[int, float], bool]
    ) -> dict[str, float]:
        self.calls.append(dict(changes))
        config = {"optim.lr": 0.1, "optim.momentum": 0.0, "optim.steps": 8} | dict(changes)
        path = folder / "progress.json"
        x, speed, losses = json.loads(path.read_text()) if path.exists() else (0.0, 0.0, [])
        for ordinal, loss in enumerate(losses, start=1):
            if not report(ordinal, loss):
                return {"loss": loss, "steps": ordinal}
        while len(losses) < config["optim.steps"]:
            speed = config["optim.momentum"] * speed - config["optim.lr"] * 2 * (x - 3)
            x += speed
            losses.append((x - 3) ** 2)
            if losses[-1] > 1e6:
                raise TrainingError("the loss is not finite; lower optim.lr")
            path.write_text(json.dumps([x, speed, losses]))
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            if not report(len(losses), losses[-1]):
                break
        return {"loss": losses[-1], "steps": len(losses)}

    def forget(self, folder: Path) -> None:
        (folder / "progress.json").unlink(missing_ok=True)


def plan(kind: str, **changes: Any) -> Plan:
    if kind == "grid":
        dimensions = parse_space(["optim.lr=0.01,0.1,0.4,30", "optim.momentum=0,0.5"], Config())
        return Plan(dimensions=dimensions, grid=True, **changes)
    dimensions = parse_space(["optim.lr=0.001..2:log", "optim.momentum=0..0.9"], Config())
    return Plan(**({"dimensions": dimensions, "num_trials": 14, "pruning": "median", "seed": 3} | changes))


def search(folder: Path, kind: str, kill_at: int | None = None, **changes: Any) -> StudyResult:
    return tune(DescentObjective(kill_at), plan(kind, **changes), folder, about={"name": "descent"})


if __name__ == "__main__":
    search(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
