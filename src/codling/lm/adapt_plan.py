"""How long an adaptation takes: as many steps as the time allows on this machine, found out once and kept."""

# B batch, T time

from __future__ import annotations

import copy
import dataclasses
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codling.bundle import Bundle
from codling.config import first_difference, from_mapping, to_mapping
from codling.corpus.shards import ShardSet
from codling.errors import ConfigError, TrainingError
from codling.files import write_text_atomically
from codling.lm.adapt_config import AdaptConfig
from codling.lm.config import RunConfig, SampleConfig
from codling.lm.restore import model_config
from codling.lm.task import LanguageModelTask
from codling.training.batches import Lanes
from codling.training.config import LoopConfig, OptimConfig
from codling.training.device import pick_device
from codling.training.observer import Observer, Start, Status
from codling.training.optimizer import make_optimizer
from codling.training.run import CurveRow, SampleRow

__all__ = ["PLAN", "AdaptTask", "Deadline", "plan", "run_config"]

PLAN = "plan.json"
"Name of the file in a run's folder that keeps its plan."

_NUM_ROWS = 8  # validations in a run


class AdaptTask(LanguageModelTask):
    """Takes no samples along the way: they would cost as much as the training."""

    def sample(self, step: int) -> None:  # type: ignore[override]  # noqa: ARG002
        return None


class Deadline(Observer):
    """Passes everything on, and ends training at the first validation after its time."""

    def __init__(self, inner: Observer, end: float) -> None:
        self._inner, self._end = inner, end
        self.was_reached = False

    def started(self, start: Start) -> None:
        self._inner.started(start)

    def progressed(self, status: Status) -> None:
        self._inner.progressed(status)

    def measured(self, row: CurveRow) -> bool:
        self.was_reached = time.monotonic() >= self._end
        return self._inner.measured(row) and not self.was_reached

    def sampled(self, sample: SampleRow) -> None:
        self._inner.sampled(sample)

    def noted(self, text: str) -> None:
        self._inner.noted(text)

    def ended(self) -> None:
        self._inner.ended()


def run_config(bundle: Bundle, config: AdaptConfig) -> RunConfig:
    """The run's configuration, all but its length."""
    return RunConfig(
        name=bundle.name,
        model=model_config(bundle),
        optim=OptimConfig(
            lr=config.lr, schedule="linear", min_lr_ratio=0.05, warmup_steps=10, beta2=0.99, clip_norm=1.0
        ),
        loop=LoopConfig(
            batch_size=config.batch_size,
            window=config.window,
            eval_tokens=None,
            patience=config.patience,
            seed=config.seed,
        ),
        sample=SampleConfig(prompts=()),
    )


def plan(
    folder: Path, task: AdaptTask, training: ShardSet, validation: ShardSet, config: AdaptConfig, left_s: float
) -> RunConfig:
    """How long the run will be; kept in its folder, so that an interrupted one goes on as it began.

    Args:
        left_s: wall-clock seconds that training and validating may take.

    Raises:
        TrainingError: there is no time for a run worth the name, or the run in the folder was asked for otherwise.
    """
    path = folder / PLAN
    if path.is_file():
        try:
            kept = json.loads(path.read_bytes())
            loop, then = from_mapping(LoopConfig, kept["loop"]), kept["asked"]
        except (ValueError, KeyError, TypeError, ConfigError):
            path.unlink()
        else:
            _check_same(then, config, folder)
            return dataclasses.replace(task.config, loop=loop)
    batch = max(1, min(config.batch_size, training.num_tokens // (8 * config.window)))
    num_threads, step_s = _fastest(task, training, batch, config.window)
    steps_per_epoch = math.ceil(training.num_tokens / (batch * config.window))
    # A validation reads forward only, but with the whole softmax; both together cost about as much as a step.
    eval_s = _NUM_ROWS * validation.num_tokens / (batch * config.window) * step_s
    affordable = int((0.9 * left_s - eval_s) / step_s)
    wanted = math.ceil(config.max_epochs * steps_per_epoch)
    if affordable < min(2 * _NUM_ROWS, wanted):
        raise TrainingError(
            f"{config.minutes:g} minutes are too few on this machine: they leave time for {max(0, affordable):,} steps "
            f"of {step_s:.1f} s; allow more with --minutes"
        )
    loop = dataclasses.replace(
        task.config.loop,
        batch_size=batch,
        max_steps=min(affordable, wanted),
        eval_every=math.ceil(min(affordable, wanted) / _NUM_ROWS),
        num_threads=num_threads,
    )
    kept = {"asked": to_mapping(config), "loop": to_mapping(loop)}
    write_text_atomically(path, json.dumps(kept, indent=1) + "\n")
    return dataclasses.replace(task.config, loop=loop)


def _check_same(then: Mapping[str, Any], config: AdaptConfig, folder: Path) -> None:
    found = first_difference(then, to_mapping(config))
    if found is not None:
        name, before, after = found
        raise TrainingError(
            f"the run in {folder} was started with {name} = {before!r}, not {after!r}; set it back, choose another "
            "--run folder, or start over with --fresh"
        )


def _fastest(task: AdaptTask, training: ShardSet, batch: int, window: int) -> tuple[int, float]:
    """How many threads train fastest, and the seconds of a step then.

    On a machine that does other things too, threads that wait for each other cost more than they bring: one was four
    times as fast as two where two cores had four jobs.
    """
    all_threads = torch.get_num_threads()
    if pick_device(task.config.loop.device, task.config.loop.precision).torch.type == "cuda":
        return all_threads, _seconds_per_step(task, training, batch, window)
    seconds: dict[int, float] = {}
    try:
        for num_threads in sorted({1, all_threads}):
            torch.set_num_threads(num_threads)
            seconds[num_threads] = _seconds_per_step(task, training, batch, window)
    finally:
        torch.set_num_threads(all_threads)
    best = min(seconds, key=seconds.__getitem__)
    return best, seconds[best]


def _seconds_per_step(task: AdaptTask, training: ShardSet, batch: int, window: int) -> float:
    """Wall-clock seconds of a training step, optimiser included: the median of a few, on a copy that is thrown away."""
    device = pick_device(task.config.loop.device, task.config.loop.precision)
    probe = copy.copy(task)
    probe.module = copy.deepcopy(task.module).to(device.torch).train()
    optimizer = make_optimizer(probe.module, task.config.optim)
    lanes = Lanes(training, batch=batch, window=window, seed=0)
    state, seconds = probe.initial_state(batch, device.torch), []
    for step in range(4):
        began = time.perf_counter()
        inputs_BT, targets_BT = (torch.from_numpy(ids).to(device.torch) for ids in lanes.window(step))
        with device.autocast():
            loss, _, state = probe.loss(inputs_BT, targets_BT, state)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state = {name: tensor.detach() for name, tensor in state.items()}
        if device.torch.type == "cuda":
            torch.cuda.synchronize(device.torch)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds[1:]))
