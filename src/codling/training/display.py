"""The live display of a run on stderr: a bar and figures on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from codling.training.observer import Observer, Start, Status
from codling.training.run import CurveRow, SampleRow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["Display"]

_LINE_S = 30.0  # seconds between lines where no bar can be drawn
_SMOOTHING = 0.95  # of the shown loss and accuracy, per step: a single batch is noisy


class Display(Observer):
    """Shows where training stands: loss and accuracy of training and validation, tokens per second, time left."""

    def __init__(self, console: Console, title: str = "training", line_s: float = _LINE_S) -> None:
        """Prepare a display.

        Args:
            console: usually rich's on stderr.
            line_s: seconds between plain lines, where the console is no terminal.
        """
        self._console, self._title, self._line_s = console, title, line_s
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._start: Start | None = None
        self._smooth: tuple[float, float] | None = None
        self._last_step = 0
        self._last_row: CurveRow | None = None
        self._last_line = time.monotonic()
        self._began = time.monotonic()

    def started(self, start: Start) -> None:
        self._start = start
        self._last_step = start.step
        self._began = self._last_line = time.monotonic()
        length = f"{start.num_steps:,} steps" if start.num_steps else "until validation stops improving"
        self._say(
            f"{self._title}: {start.num_parameters:,} parameters, {start.num_tokens:,} tokens "
            f"({start.steps_per_epoch:,} steps per epoch), {length}, on {start.device}"
        )
        if start.step:
            self._say(f"going on from step {start.step:,}")
        if self._console.is_terminal:
            self._open_bar(start)

    def progressed(self, status: Status) -> None:
        # Smoothed over steps, not over calls: on CUDA one call stands for several steps.
        keep = _SMOOTHING ** max(1, status.step - self._last_step) if self._smooth else 0.0
        loss, accuracy = self._smooth or (0.0, 0.0)
        loss = keep * loss + (1 - keep) * status.loss_nats
        accuracy = keep * accuracy + (1 - keep) * status.accuracy
        self._smooth, self._last_step = (loss, accuracy), status.step
        figures = f"loss {loss:.3f} acc {accuracy:.3f}"
        row = self._last_row
        if row is not None and row.val_loss_nats is not None:
            figures += f"  val {row.val_loss_nats:.3f} {row.val_accuracy:.3f}"
        speed = _speed(status.tokens_per_s)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=status.step, figures=figures, speed=f"{speed}/s")
        elif time.monotonic() - self._last_line >= self._line_s:
            self._last_line = time.monotonic()
            left = self._time_left(status.step)
            self._say(f"step {status.step:,}{self._of()}  epoch {status.epoch:.2f}  {figures}  {speed} tokens/s{left}")

    def measured(self, row: CurveRow) -> bool:
        self._last_row = row
        if self._start is not None and row.step > self._start.step:
            figures = f"loss {row.loss_nats:.4f}  acc {row.accuracy:.4f}"
            if row.val_loss_nats is not None:
                figures += f"  val {row.val_loss_nats:.4f}  acc {row.val_accuracy:.4f}"
            self._say(f"step {row.step:,}{self._of()}  epoch {row.epoch:.2f}  {figures}")
        return True

    def sampled(self, sample: SampleRow) -> None:
        first = "  ".join(line.strip() for line in sample.text.splitlines() if line.strip())
        first = "".join(c if c.isprintable() else "·" for c in first)  # a model's bytes are no commands to a terminal
        self._say(f"sample after step {sample.step:,}: {first[:100]}{'…' if len(first) > 100 else ''}")

    def noted(self, text: str) -> None:
        self._say(text)

    def ended(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def _of(self) -> str:
        total = self._start.num_steps if self._start else None
        return f"/{total:,}" if total else ""

    def _time_left(self, step: int) -> str:
        start = self._start
        if start is None or start.num_steps is None or step <= start.step:
            return ""
        seconds = (time.monotonic() - self._began) / (step - start.step) * (start.num_steps - step)
        return f"  {int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02} left"

    def _open_bar(self, start: Start) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        # Everything in less than 80 columns: rich would cut off the counter and the time left first.
        self._bar = Progress(
            MofNCompleteColumn(),
            BarColumn(bar_width=8),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task("", total=start.num_steps, completed=start.step, figures="", speed="")
        self._bar.start()


def _speed(tokens_per_s: float) -> str:
    return f"{tokens_per_s / 1e6:.2f}M" if tokens_per_s >= 1e6 else f"{tokens_per_s / 1e3:.1f}k"
