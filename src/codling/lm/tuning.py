"""Searching the settings of a language model: the objective for codling.tune, and named searches."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codling.bundle import Bundle
from codling.config import override
from codling.errors import ConfigError, TrainingError, nearest
from codling.lm.config import RunConfig
from codling.lm.presets import list_presets, preset
from codling.lm.runs import train_language_model
from codling.training.observer import Observer
from codling.training.run import CurveRow, RunFolder

__all__ = ["LanguageModelObjective", "Search", "list_searches", "search"]


@dataclass(frozen=True, kw_only=True)
class Search:
    """A named search: a run to search around, and where."""

    base: RunConfig
    dimensions: tuple[str, ...] = ()
    "As on the command line, NAME=SPEC."
    grid: bool = False
    columns: dict[str, str] = field(default_factory=dict)
    "Columns of its table, as codling.tune.results.Columns; empty for the usual ones."


class LanguageModelObjective:
    """Trains one variant of a run per trial; its loss is the best validation loss."""

    def __init__(
        self,
        base: RunConfig,
        corpus: Path,
        observer: Callable[[str], Observer] = lambda _: Observer(),
        on_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare.

        Args:
            observer: makes the display of a trial from its title.
        """
        self.base, self.corpus = base, corpus
        self._observer, self._on_step = observer, on_step

    def __call__(
        self, changes: Mapping[str, Any], folder: Path, report: Callable[[int, float], bool]
    ) -> dict[str, float]:
        """Train, or go on training, the variant with these changes.

        Raises:
            TrainingError: its loss is not finite, or there is no validation data to judge it by.
            KeyboardInterrupt: Ctrl-C; the trial's checkpoint is written.
        """
        title = " ".join(f"{name.rpartition('.')[2]}={value}" for name, value in changes.items())
        observer = _Reporting(self._observer(title), report)
        run = train_language_model(override(self.base, changes), self.corpus, folder, observer=observer)
        if run.outcome.ended == "interrupted":
            raise KeyboardInterrupt
        best = run.outcome.best
        if best is None or best.val_loss_nats is None or best.val_accuracy is None:
            raise TrainingError(
                f"the corpus {self.corpus} has no validation data to judge a trial by; build it with more"
            )
        return {
            "time_per_epoch_s": run.outcome.s_per_epoch,
            "loss": best.val_loss_nats,
            "cat_acc": best.val_accuracy,
            "epochs": run.outcome.step / run.outcome.steps_per_epoch,
        }

    def forget(self, folder: Path) -> None:
        """Remove a trial's checkpoint; its curves, report and best weights stay."""
        shutil.rmtree(RunFolder(folder).checkpoint.parent, ignore_errors=True)

    def export(self, changes: Mapping[str, Any], folder: Path, out: Path) -> Bundle:
        """Write the bundle of a settled trial whose checkpoint is still there."""
        config = override(self.base, changes)
        run = train_language_model(config, self.corpus, folder, bundle=out, on_step=self._on_step)
        assert run.bundle is not None
        return run.bundle


class _Reporting(Observer):
    """Passes everything on to a display, and each validation loss to the search, which may stop the run."""

    def __init__(self, display: Observer, report: Callable[[int, float], bool]) -> None:
        self._display, self._report, self._ordinal = display, report, 0
        # Everything but `measured` is the display's own.
        self.started, self.progressed = display.started, display.progressed  # type: ignore[method-assign]
        self.sampled, self.noted, self.ended = display.sampled, display.noted, display.ended  # type: ignore[method-assign]

    def measured(self, row: CurveRow) -> bool:
        self._display.measured(row)
        if row.val_loss_nats is None:
            return True
        # By ordinal, not by step: where the batch size is a dimension, steps of two trials cannot be compared.
        self._ordinal += 1
        return self._report(self._ordinal, row.val_loss_nats)


def search(name: str) -> Search:
    """A named search, or the preset of that name with the dimensions left open.

    Raises:
        ConfigError: no such search or preset; names the nearest.
    """
    if name in _SEARCHES:
        return _SEARCHES[name]()
    if name in list_presets():
        return Search(base=preset(name))
    raise ConfigError(f"no search or preset {name!r}{nearest(name, [*_SEARCHES, *list_presets()])}")


def list_searches() -> dict[str, str]:
    """What each named search is for, by name."""
    return {name: (make.__doc__ or "").strip() for name, make in _SEARCHES.items()}


def _paper_table1() -> Search:
    """The paper's Table I: units 128 and 256, learning rate 0.001 to 0.1, batch 128 to 512, all 18 combinations."""
    base = preset("paper-lstm")
    return Search(
        base=dataclasses.replace(base, name="paper-table1", description="The best LSTM of the paper's Table I"),
        dimensions=("model.hidden_size=128,256", "optim.lr=0.001,0.01,0.1", "loop.batch_size=128,256,512"),
        grid=True,
        columns={
            "n_modules": "model.hidden_size",
            "lr": "optim.lr",
            "batch_size": "loop.batch_size",
            "time per epoch (s)": "time_per_epoch_s",
            "loss": "loss",
            "cat_acc": "cat_acc",
        },
    )


_SEARCHES: dict[str, Callable[[], Search]] = {"paper-table1": _paper_table1}
