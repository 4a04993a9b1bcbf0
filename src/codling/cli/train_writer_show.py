"""How the training of a writer is shown on stderr: a bar on a terminal, a line for each epoch everywhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from codling.trees.writing.watching import Epoch, Watcher

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["Shown"]


class Shown(Watcher):
    """Use it in a with block, which the bar lives as long as."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._num_batches = 1
        self._what, self._done = "", 0

    def __enter__(self) -> Shown:
        if self._console.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), TimeRemainingColumn(compact=True))
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begins(self, what: str, num_epochs: int, num_batches: int) -> None:
        self._num_batches, self._what, self._done = num_batches, what, 0
        if self._bar is None:
            self._console.print(f"learning {what}: {num_epochs} × {num_batches:,} batches", markup=False)
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=num_epochs * num_batches)

    def batch(self, epoch: int, done: int) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=(epoch - 1) * self._num_batches + done)

    @property
    def where(self) -> str:
        """Where training stands, behind "stopped"."""
        return f"at {self._what}, after {self._done} whole epochs of this start"

    def epoch(self, epoch: Epoch) -> None:
        self._done += 1
        scores = ", ".join(f"{name} {100 * each.right:.1f} % right" for name, each in epoch.scores.items())
        rate = f"{epoch.examples_per_s:.0f} pairs/s"
        self._console.print(f"epoch {epoch.number}: {epoch.nats:.4f} nats per step; {scores}; {rate}", markup=False)
