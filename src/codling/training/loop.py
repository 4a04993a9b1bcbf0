"""The training loop: truncated back-propagation that carries state, validation, early stopping, exact resume.

It knows a model only as a Task. On CUDA the loop never waits for the device except every few steps, when it reads the
losses of the steps since.
"""

# B batch, T time

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from codling.config import first_difference, to_mapping
from codling.corpus.shards import ShardSet
from codling.errors import TrainingError
from codling.training.batches import Feed, Lanes
from codling.training.checkpoint import load_weights, read_tensors, weights_of, write_tensors
from codling.training.config import LoopConfig, OptimConfig
from codling.training.device import Device, pick_device
from codling.training.interrupt import Interrupt
from codling.training.observer import Observer, Start, Status
from codling.training.optimizer import learning_rate, make_optimizer
from codling.training.report import write_report
from codling.training.run import CurveRow, Progress, RunFolder, SampleRow
from codling.training.task import State, Task, leaves, map_state, with_leaves

__all__ = ["Outcome", "train"]

_READ_EVERY = 20  # steps between reads of the losses on CUDA: rare enough not to stall it, often enough to watch
_REPORT_S = 20.0  # seconds between rewrites of the report, which take about a third of one
_WINDOWS_PER_LANE = 4  # a validation lane is at least this long, so that its cold start weighs little


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. The task's module then holds the best weights."""

    ended: Literal["length", "patience", "interrupted", "stopped"]
    """Why: the configured length is reached, validation stopped improving, Ctrl-C, or the observer said so. Only the
    first two are the end of a run; the others go on from the checkpoint when train is called again."""
    step: int
    steps_per_epoch: int
    best: CurveRow | None
    "The row whose weights are kept; None when training ended before the first validation."
    rows: tuple[CurveRow, ...]
    tokens: int
    tokens_per_epoch: int
    train_s: float
    "Seconds in training steps, over all processes that worked on the run."
    tokens_per_s: float
    "Speed of the training steps, each process's first step left out."
    device: str

    @property
    def s_per_epoch(self) -> float:
        """Seconds of training per pass over the data."""
        return self.tokens_per_epoch / self.tokens_per_s if self.tokens_per_s else math.nan


def train(
    task: Task,
    training: ShardSet,
    validation: ShardSet | None,
    *,
    optim: OptimConfig,
    loop: LoopConfig,
    folder: Path,
    fresh: bool = False,
    init: str | None = None,
    observer: Observer | None = None,
) -> Outcome:
    """Train a task's module until the configured end, going on from the folder's checkpoint if it has one.

    After a kill at any moment the same call gives the same losses, to the last bit on the CPU with as many threads.

    Args:
        validation: None or empty trains without: the last weights are the best then.
        folder: the run's folder; made if need be.
        fresh: start over, whatever the folder holds.
        init: digest of the weights that the task's module was given to start from, None where it drew its own. The
            run records it; a checkpoint of a run that started elsewhere is refused, but None goes on from any.

    Raises:
        TrainingError: too little data, no such device, a checkpoint that is damaged or of another configuration, or a
            loss that is not finite; the last good checkpoint is kept.
        ConfigError: the configuration names no end.
    """
    observer = observer or Observer()
    num_threads = torch.get_num_threads()
    if loop.num_threads is not None:
        torch.set_num_threads(loop.num_threads)
    try:
        trainer = _Trainer(task, training, validation, optim, loop, RunFolder(folder), init, observer)
        trainer.prepare(fresh)
        return trainer.run()
    finally:
        torch.set_num_threads(num_threads)
        observer.ended()


class _Trainer:
    def __init__(
        self,
        task: Task,
        training: ShardSet,
        validation: ShardSet | None,
        optim: OptimConfig,
        loop: LoopConfig,
        folder: RunFolder,
        init: str | None,
        observer: Observer,
    ) -> None:
        self.task, self.optim, self.loop, self.folder, self.observer = task, optim, loop, folder, observer
        self.device: Device = pick_device(loop.device, loop.precision)
        self.module = task.module.to(self.device.torch)
        self.optimizer = make_optimizer(self.module, optim)
        self.lanes = Lanes(training, batch=loop.batch_size, window=loop.window, seed=loop.seed)
        self.num_steps = loop.num_steps(self.lanes.steps_per_epoch)
        learning_rate(optim, optim.warmup_steps, self.num_steps)  # a schedule that lacks its end fails before step 1
        self.feed = Feed(self.lanes, self.device.torch)
        self.eval_feed = self._make_eval_feed(validation)
        self.eval_every = loop.eval_every or self.lanes.steps_per_epoch
        self.loss: Callable[[Tensor, Tensor, State], tuple[Tensor, Tensor, State]] = (
            torch.compile(task.loss) if loop.compile else task.loss
        )
        self.config = {
            "task": task.describe(),
            "optim": to_mapping(optim),
            "loop": to_mapping(loop),
            "data": {
                "training": _fingerprint(training),
                "validation": _fingerprint(validation) if self.eval_feed and validation else None,
            },
        } | ({} if init is None else {"init": init})
        self.progress = Progress()
        self.state: State = None
        self.best_weights: dict[str, Tensor] | None = None
        self.unread: list[tuple[Tensor, Tensor, Tensor, int]] = []
        "Loss, number right, gradient norm and number of targets of the steps since the last read."
        self.read_every = 1 if self.device.torch.type == "cpu" else _READ_EVERY
        self.stopped_by_observer = False
        self.is_first_read = True
        self.clock = self.last_checkpoint = time.perf_counter()
        self.last_report = -math.inf

    # --- start ---------------------------------------------------------------------------------------------------

    def prepare(self, fresh: bool) -> None:
        """Seed and start over, or restore the checkpoint."""
        self.folder.sweep()
        if fresh or not self.folder.checkpoint.exists():
            torch.manual_seed(self.loop.seed)
            self.folder.checkpoint.unlink(missing_ok=True)
            self.folder.best.unlink(missing_ok=True)
            self.state = self.task.initial_state(self.loop.batch_size, self.device.torch)
        else:
            self._restore()
        self.folder.write_config(self.config)
        self.folder.write_curves(self.progress)
        self.observer.started(
            Start(
                step=self.progress.step,
                num_steps=self.num_steps,
                steps_per_epoch=self.lanes.steps_per_epoch,
                num_parameters=sum(parameter.numel() for parameter in self.module.parameters()),
                num_tokens=self.lanes.num_tokens,
                device=self.device.name,
            )
        )
        self._log(f"start at step {self.progress.step:,} on {self.device.name}")
        if self.eval_feed is None:
            self.observer.noted("no validation data: training cannot stop early, and the last weights are kept")
        for row in self.progress.rows:
            self.stopped_by_observer |= not self.observer.measured(row)

    def _make_eval_feed(self, validation: ShardSet | None) -> Feed | None:
        if validation is None or validation.num_tokens < 2:
            return None
        budget = min(validation.num_tokens, self.loop.eval_tokens or validation.num_tokens)
        batch = max(1, min(self.loop.batch_size, budget // (_WINDOWS_PER_LANE * self.loop.window)))
        lanes = Lanes(validation, batch=batch, window=self.loop.window, seed=None)
        self.num_eval_steps = min(lanes.steps_per_epoch, -(-budget // (batch * self.loop.window)))
        return Feed(lanes, self.device.torch)

    # --- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Step until an end, doing what falls due in between."""
        windows = self.feed.read(self.progress.step, self.num_steps)
        with Interrupt() as interrupt:
            self.clock = time.perf_counter()
            while True:
                # What is due after a step is found out from the step and the rows, so a resume does what was left.
                if self._sample_is_due():
                    self._sample()
                if self._eval_is_due() and not self._evaluate(interrupt):
                    break
                if self._ended() or interrupt.asked or self.stopped_by_observer:
                    break
                self._step(*next(windows))
                if self._is_event(self.progress.step) or len(self.unread) >= self.read_every or self.is_first_read:
                    self._read()
                    if self._checkpoint_is_due():
                        self._save()
            self._read()
            ended = None if self._eval_is_due() else self._ended()
            self._save()
        return self._finish(ended or ("interrupted" if interrupt.asked else "stopped"))

    def _step(self, inputs_BT: Tensor, targets_BT: Tensor) -> None:
        progress = self.progress
        if self.lanes.starts_epoch(progress.step):
            self.state = self.task.initial_state(self.loop.batch_size, self.device.torch)
        progress.lr = learning_rate(self.optim, progress.step, self.num_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = progress.lr
        with self.device.autocast():
            loss, num_correct, state = self.loss(inputs_BT, targets_BT, self.state)
        loss.backward()  # type: ignore[no-untyped-call]
        limit = math.inf if self.optim.clip_norm is None else self.optim.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), limit)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state = map_state(Tensor.detach, state)
        self.unread.append((loss.detach(), num_correct.detach(), norm.detach(), inputs_BT.numel()))
        progress.step += 1

    def _read(self) -> None:
        """Fetch what the device has computed since the last read, all at once, and check that it is finite."""
        if not self.unread:
            return
        progress = self.progress
        figures = torch.stack([torch.stack([x.double() for x in row[:3]]) for row in self.unread]).tolist()
        now = time.perf_counter()
        progress.train_s += now - self.clock
        num_targets = [row[3] for row in self.unread]
        first = progress.step - len(self.unread)
        self.unread.clear()
        for i, (loss, num_correct, norm) in enumerate(figures):
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._not_finite(first + i + 1, loss, norm)
            progress.loss_sum += loss * num_targets[i]
            progress.num_correct += num_correct
            progress.num_targets += num_targets[i]
            progress.grad_norm_sum += norm
            progress.num_steps += 1
        progress.tokens += sum(num_targets)
        if not self.is_first_read:
            progress.timed_s += now - self.clock
            progress.timed_tokens += sum(num_targets)
        self.is_first_read = False
        self.clock = now
        self._report_status(
            sum(row[0] * n for row, n in zip(figures, num_targets, strict=True)) / sum(num_targets),
            sum(row[1] for row in figures) / sum(num_targets),
        )

    def _not_finite(self, step: int, loss: float, norm: float) -> TrainingError:
        what = f"the loss became {loss}" if not math.isfinite(loss) else f"the gradient's norm became {norm}"
        kept = f"the last good checkpoint is {self.folder.checkpoint}" if self.folder.checkpoint.exists() else ""
        error = TrainingError(
            f"{what} at step {step:,}; lower optim.lr (it is {self.optim.lr:g}) or optim.clip_norm, or lengthen "
            f"optim.warmup_steps, and start over with --fresh{'; ' if kept else ''}{kept}"
        )
        self._log(str(error))
        return error

    # --- what falls due ------------------------------------------------------------------------------------------

    def _is_event(self, step: int) -> bool:
        return (
            step % self.eval_every == 0
            or step % (self.loop.sample_every or self.eval_every) == 0
            or step == self.num_steps
            or (self.loop.checkpoint_every is not None and step % self.loop.checkpoint_every == 0)
        )

    def _ended(self) -> Literal["length", "patience"] | None:
        if self.num_steps is not None and self.progress.step >= self.num_steps:
            return "length"
        if self.loop.patience is not None and self.progress.num_worse >= self.loop.patience:
            return "patience"
        return None

    def _eval_is_due(self) -> bool:
        step = self.progress.step
        return step > self._last_row_step() and (step % self.eval_every == 0 or step == self.num_steps)

    def _last_row_step(self) -> int:
        return self.progress.rows[-1].step if self.progress.rows else 0

    def _sample_is_due(self) -> bool:
        step, samples = self.progress.step, self.progress.samples
        on_time = step % (self.loop.sample_every or self.eval_every) == 0 or step == self.num_steps
        return on_time and (not samples or samples[-1].step < step)

    def _checkpoint_is_due(self) -> bool:
        if self.loop.checkpoint_every is not None:
            return self.progress.step % self.loop.checkpoint_every == 0
        return time.perf_counter() - self.last_checkpoint >= self.loop.checkpoint_s

    # --- validation and samples ----------------------------------------------------------------------------------

    def _evaluate(self, interrupt: Interrupt) -> bool:
        """Add a row to the curves, keep the best weights; False when Ctrl-C cut the validation short."""
        progress = self.progress
        val_loss, val_accuracy = None, None
        if self.eval_feed is not None:
            measured = self._validate(self.eval_feed, interrupt)
            if measured is None:
                return False
            val_loss, val_accuracy = measured
        row = CurveRow(
            step=progress.step,
            epoch=progress.step / self.lanes.steps_per_epoch,
            tokens=progress.tokens,
            lr=progress.lr,
            loss_nats=progress.loss_sum / progress.num_targets,
            accuracy=progress.num_correct / progress.num_targets,
            grad_norm=progress.grad_norm_sum / progress.num_steps,
            val_loss_nats=val_loss,
            val_accuracy=val_accuracy,
            train_s=progress.train_s,
        )
        progress.rows.append(row)
        progress.loss_sum = progress.num_correct = progress.grad_norm_sum = 0.0
        progress.num_targets = progress.num_steps = 0
        if val_loss is None or progress.best_loss_nats is None or val_loss < progress.best_loss_nats:
            progress.best_step, progress.best_loss_nats, progress.num_worse = progress.step, val_loss, 0
            self.best_weights = {name: tensor.detach().clone() for name, tensor in weights_of(self.module).items()}
            self._write_best()
        else:
            progress.num_worse += 1
        self.folder.write_curves(progress)
        self._log(_describe_row(row))
        self._write_report(None)
        self.stopped_by_observer |= not self.observer.measured(row)
        self.clock = time.perf_counter()
        return True

    def _validate(self, feed: Feed, interrupt: Interrupt) -> tuple[float, float] | None:
        """Mean loss and accuracy over the validation stream, the state carried from window to window."""
        self.module.eval()
        state = self.task.initial_state(feed.lanes.batch, self.device.torch)
        losses: list[Tensor] = []
        num_correct: list[Tensor] = []
        num_targets: list[int] = []
        try:
            with torch.no_grad(), self.device.autocast():
                for inputs_BT, targets_BT in feed.read(0, self.num_eval_steps):
                    loss, correct, state = self.task.loss(inputs_BT, targets_BT, state)
                    losses.append(loss)
                    num_correct.append(correct)
                    num_targets.append(inputs_BT.numel())
                    if interrupt.asked:
                        return None
        finally:
            self.module.train()
        weights = np.array(num_targets, np.float64)
        loss_nats = float(np.dot(torch.stack(losses).double().cpu().numpy(), weights) / weights.sum())
        if not math.isfinite(loss_nats):
            raise self._not_finite(self.progress.step, loss_nats, 0.0)
        return loss_nats, float(torch.stack(num_correct).double().sum().item() / weights.sum())

    def _sample(self) -> None:
        devices = [self.device.torch] if self.device.torch.type == "cuda" else []
        self.module.eval()
        # The sample must not draw from the random numbers of training, or a run with samples would be another run.
        with torch.random.fork_rng(devices), torch.no_grad():
            text = self.task.sample(self.progress.step)
        self.module.train()
        if text is not None:
            text = text.encode("utf-8", "replace").decode("utf-8")  # an untrained model may write lone surrogates
            sample = SampleRow(step=self.progress.step, text=text)
            self.progress.samples.append(sample)
            self.folder.write_curves(self.progress)
            self.observer.sampled(sample)
        self.clock = time.perf_counter()

    def _report_status(self, loss_nats: float, accuracy: float) -> None:
        self.observer.progressed(
            Status(
                step=self.progress.step,
                epoch=self.progress.step / self.lanes.steps_per_epoch,
                loss_nats=loss_nats,
                accuracy=accuracy,
                tokens_per_s=self.progress.tokens_per_s,
                lr=self.progress.lr,
            )
        )

    # --- files ---------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        """Write everything that is needed to go on."""
        tensors = {f"model.{name}": tensor for name, tensor in weights_of(self.module).items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optim.{index}.{name}": value for name, value in values.items()}
        tensors |= {f"state.{i}": leaf for i, leaf in enumerate(leaves(self.state))}
        tensors |= {f"best.{name}": tensor for name, tensor in (self.best_weights or {}).items()}
        tensors["rng.cpu"] = torch.get_rng_state()
        if self.device.torch.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state(self.device.torch)
        about = {"config": self.config, "progress": self.progress.to_mapping()}
        write_tensors(self.folder.checkpoint, tensors, about)
        self.last_checkpoint = self.clock = time.perf_counter()

    def _restore(self) -> None:
        path = self.folder.checkpoint
        tensors, about = read_tensors(path)
        then = about.get("config", {})
        if "init" in then and "init" not in self.config:  # the checkpoint has come on from there; it is enough
            self.config["init"] = then["init"]
        _check_same(then, self.config, path)
        try:
            self.progress = Progress.from_mapping(about["progress"])
        except (KeyError, TypeError) as error:
            raise TrainingError(f"{path} is damaged ({error}); train with --fresh to start over") from None
        load_weights(self.module, _part(tensors, "model."), str(path))
        optimizer_state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optim.").items():
            index, _, key = name.partition(".")
            optimizer_state.setdefault(int(index), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})
        carried = _part(tensors, "state.")
        template = self.task.initial_state(self.loop.batch_size, self.device.torch)
        ordered = [carried[str(i)].to(self.device.torch) for i in range(len(carried))]
        self.state = with_leaves(template, ordered)
        best = _part(tensors, "best.")
        self.best_weights = {name: tensor.to(self.device.torch) for name, tensor in best.items()} or None
        if self.best_weights is not None:
            self._write_best()  # a killed run may have written a later one, which this run has yet to find
        else:
            self.folder.best.unlink(missing_ok=True)
        torch.set_rng_state(tensors["rng.cpu"])
        if self.device.torch.type == "cuda" and "rng.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["rng.cuda"], self.device.torch)

    def _write_best(self) -> None:
        assert self.best_weights is not None
        row = next(row for row in self.progress.rows if row.step == self.progress.best_step)
        write_tensors(
            self.folder.best,
            self.best_weights,
            {"row": dataclasses.asdict(row), "config": self.config, "device": self.device.name},
        )

    def _write_report(self, ended: str | None) -> None:
        if ended or time.perf_counter() - self.last_report >= _REPORT_S:
            write_report(self.folder, self.progress, self.config, device=self.device.name, ended=ended)
            self.last_report = time.perf_counter()

    def _log(self, line: str) -> None:
        self.folder.log(line)

    def _finish(self, ended: Literal["length", "patience", "interrupted", "stopped"]) -> Outcome:
        progress = self.progress
        if self.best_weights is not None:
            load_weights(self.module, self.best_weights)
        self.module.eval()
        self._log(f"ended ({ended}) at step {progress.step:,}")
        self._write_report(ended)
        return Outcome(
            ended=ended,
            step=progress.step,
            steps_per_epoch=self.lanes.steps_per_epoch,
            best=next((row for row in progress.rows if row.step == progress.best_step), None),
            rows=tuple(progress.rows),
            tokens=progress.tokens,
            tokens_per_epoch=self.lanes.batch * self.lanes.lane_length,
            train_s=progress.train_s,
            tokens_per_s=progress.tokens_per_s,
            device=self.device.name,
        )


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _describe_row(row: CurveRow) -> str:
    validation = f", validation {row.val_loss_nats:.4f} {row.val_accuracy:.4f}" if row.val_loss_nats is not None else ""
    return f"step {row.step:,}: loss {row.loss_nats:.4f}, accuracy {row.accuracy:.4f}{validation}"


def _fingerprint(shards: ShardSet) -> dict[str, Any]:
    """What tells one text from another without reading all of it: its length, and a digest of 64 places in it."""
    import hashlib

    digest = hashlib.sha256()
    for shard in shards.shards:
        for start in np.linspace(0, max(0, len(shard) - 1024), num=max(1, 64 // len(shards.shards))).astype(int):
            digest.update(np.ascontiguousarray(shard[start : start + 1024]).tobytes())
    return {"split": shards.split, "tokens": shards.num_tokens, "digest": digest.hexdigest()[:16]}


_ONLY_HOW = {"device", "num_threads", "compile", "checkpoint_every", "checkpoint_s", "sample_every", "patience"}
"Loop settings that do not change what a step computes; a run may go on under others."


def _check_same(then: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Refuse to go on from a checkpoint under a configuration that would have given another one."""
    free = {f"loop.{name}" for name in _ONLY_HOW}
    if now["optim"]["schedule"] == "constant":  # its steps do not depend on the end
        free |= {"loop.max_steps", "loop.max_epochs"}
    found = first_difference(then, now, ignore=free)
    if found is not None:
        name, before, after = found
        raise TrainingError(
            f"the checkpoint {path} was made with {name} = {before!r}, not {after!r}; "
            "set it back, choose another --run folder, or start over with --fresh"
        )
