"""The training loop: steps, and what falls due between them: validation, samples, checkpoints, the end.

It knows a model only as a Task. On CUDA the loop never waits for the device except every few steps, when it reads the
losses of the steps since.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from codling.config import to_mapping
from codling.corpus.shards import ShardSet
from codling.errors import TrainingError
from codling.hold import only_one
from codling.training import resume
from codling.training.batches import Feed, Lanes
from codling.training.checkpoint import load_weights, weights_of, write_tensors
from codling.training.config import LoopConfig, OptimConfig
from codling.training.device import Device, pick_device
from codling.training.interrupt import Interrupt
from codling.training.observer import Observer, Start, Status
from codling.training.optimizer import learning_rate
from codling.training.outcome import Outcome
from codling.training.report import write_report
from codling.training.run import CurveRow, Progress, RunFolder, SampleRow
from codling.training.steps import Figures, Steps
from codling.training.task import Task
from codling.training.validation import Validation

__all__ = ["train"]

_READ_EVERY = 20  # steps between reads of the losses on CUDA: rare enough not to stall it, often enough to watch
_REPORT_S = 20.0  # seconds between rewrites of the report, which take about a third of one


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
        TrainingError: too little data, no such device, a checkpoint that is damaged or of another configuration, a
            loss that is not finite (the last good checkpoint is kept), or another process that trains in the folder.
        ConfigError: the configuration names no end.
    """
    observer = observer or Observer()
    num_threads = torch.get_num_threads()
    if loop.num_threads is not None:
        torch.set_num_threads(loop.num_threads)
    try:
        trainer = _Trainer(task, training, validation, optim, loop, RunFolder(folder), init, observer)
        with only_one(folder, TrainingError(f"another process trains in {folder}; wait for it, or name another")):
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
        self.lanes = Lanes(training, batch=loop.batch_size, window=loop.window, seed=loop.seed)
        self.num_steps = loop.num_steps(self.lanes.steps_per_epoch)
        learning_rate(optim, optim.warmup_steps, self.num_steps)  # a schedule that lacks its end fails before step 1
        self.steps = Steps(task, optim, loop, self.device)
        self.feed = Feed(self.lanes, self.device.torch)
        if validation is not None and validation.num_tokens < 2:
            validation = None
        self.validation = None if validation is None else Validation(task, validation, loop, self.device)
        self.eval_every = loop.eval_every or self.lanes.steps_per_epoch
        self.config = {
            "task": task.describe(),
            "optim": to_mapping(optim),
            "loop": to_mapping(loop),
            "data": {
                "training": resume.fingerprint(training),
                "validation": None if validation is None else resume.fingerprint(validation),
            },
        } | ({} if init is None else {"init": init})
        self.progress = Progress()
        self.best_weights: dict[str, Tensor] | None = None
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
            self.steps.start_over()
        else:
            self._restore()
        self.folder.write_config(self.config)
        self.folder.write_curves(self.progress)
        self.observer.started(
            Start(
                step=self.progress.step,
                num_steps=self.num_steps,
                steps_per_epoch=self.lanes.steps_per_epoch,
                num_parameters=sum(parameter.numel() for parameter in self.steps.module.parameters()),
                num_tokens=self.lanes.num_tokens,
                device=self.device.name,
            )
        )
        self._log(f"start at step {self.progress.step:,} on {self.device.name}")
        if self.validation is None:
            self.observer.noted("no validation data: training cannot stop early, and the last weights are kept")
        for row in self.progress.rows:
            self.stopped_by_observer |= not self.observer.measured(row)

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
                if self._is_event(self.progress.step) or self.steps.num_unread >= self.read_every or self.is_first_read:
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
            self.steps.start_over()
        progress.lr = learning_rate(self.optim, progress.step, self.num_steps)
        self.steps.take(inputs_BT, targets_BT, progress.lr)
        progress.step += 1

    def _read(self) -> None:
        """Account for the steps since the last read, and check that they are finite."""
        figures = self.steps.read()
        if not figures:
            return
        progress = self.progress
        now = time.perf_counter()
        progress.train_s += now - self.clock
        for step, row in enumerate(figures, progress.step - len(figures) + 1):
            if not row.is_finite:
                raise self._not_finite(step, row.loss_nats, row.grad_norm)
            progress.add(
                loss_nats=row.loss_nats,
                num_correct=row.num_correct,
                grad_norm=row.grad_norm,
                num_targets=row.num_targets,
            )
        if not self.is_first_read:
            progress.timed_s += now - self.clock
            progress.timed_tokens += sum(row.num_targets for row in figures)
        self.is_first_read = False
        self.clock = now
        self._report_status(figures)

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
        if self.validation is not None:
            measured = self.validation.measure(lambda: interrupt.asked)
            if measured is None:
                return False
            val_loss, val_accuracy = measured
            if not math.isfinite(val_loss):
                raise self._not_finite(progress.step, val_loss, 0.0)
        row = progress.end_row(self.lanes.steps_per_epoch, val_loss, val_accuracy)
        if val_loss is None or progress.best_loss_nats is None or val_loss < progress.best_loss_nats:
            progress.best_step, progress.best_loss_nats, progress.num_worse = progress.step, val_loss, 0
            self.best_weights = {
                name: tensor.detach().clone() for name, tensor in weights_of(self.steps.module).items()
            }
            self._write_best()
        else:
            progress.num_worse += 1
        self.folder.write_curves(progress)
        self._log(_describe_row(row))
        self._write_report(None)
        self.stopped_by_observer |= not self.observer.measured(row)
        self.clock = time.perf_counter()
        return True

    def _sample(self) -> None:
        devices = [self.device.torch] if self.device.torch.type == "cuda" else []
        module = self.steps.module
        module.eval()
        # The sample must not draw from the random numbers of training, or a run with samples would be another run.
        with torch.random.fork_rng(devices), torch.no_grad():
            text = self.task.sample(self.progress.step)
        module.train()
        if text is not None:
            text = text.encode("utf-8", "replace").decode("utf-8")  # an untrained model may write lone surrogates
            sample = SampleRow(step=self.progress.step, text=text)
            self.progress.samples.append(sample)
            self.folder.write_curves(self.progress)
            self.observer.sampled(sample)
        self.clock = time.perf_counter()

    def _report_status(self, figures: list[Figures]) -> None:
        num_targets = sum(row.num_targets for row in figures)
        self.observer.progressed(
            Status(
                step=self.progress.step,
                epoch=self.progress.step / self.lanes.steps_per_epoch,
                loss_nats=sum(row.loss_nats * row.num_targets for row in figures) / num_targets,
                accuracy=sum(row.num_correct for row in figures) / num_targets,
                tokens_per_s=self.progress.tokens_per_s,
                lr=self.progress.lr,
            )
        )

    # --- files ---------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        resume.save(self.folder.checkpoint, self.steps, self.best_weights, self.progress, self.config)
        self.last_checkpoint = self.clock = time.perf_counter()

    def _restore(self) -> None:
        self.progress, self.best_weights = resume.restore(self.folder.checkpoint, self.steps, self.config)
        if self.best_weights is not None:
            self._write_best()  # a killed run may have written a later one, which this run has yet to find
        else:
            self.folder.best.unlink(missing_ok=True)

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
            load_weights(self.steps.module, self.best_weights)
        self.steps.module.eval()
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


def _describe_row(row: CurveRow) -> str:
    validation = f", validation {row.val_loss_nats:.4f} {row.val_accuracy:.4f}" if row.val_loss_nats is not None else ""
    return f"step {row.step:,}: loss {row.loss_nats:.4f}, accuracy {row.accuracy:.4f}{validation}"
