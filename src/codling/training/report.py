"""The report of a run that a person opens: curves, samples, settings, in one HTML file without scripts.

The curves are those of Bastard et al., figure 2 (loss and categorical accuracy, training and validation), the samples
those of their section V.B.
"""

from __future__ import annotations

import html
import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from codling.files import write_text_atomically
from codling.html import figure_svg, page, table
from codling.training.run import Progress, RunFolder

__all__ = ["write_report"]

_MAX_SAMPLES = 12  # shown, spread over the run; samples.jsonl has them all

_ENDS = {
    None: "still training",
    "length": "reached its configured length",
    "patience": "stopped early: validation no longer improved",
    "interrupted": "interrupted; the same command goes on from here",
    "stopped": "stopped by the search that it belongs to",
}


def write_report(
    folder: RunFolder, progress: Progress, config: dict[str, Any], *, device: str, ended: str | None
) -> None:
    """Write report.html of a run, in one step, so that a browser never loads half of it.

    Args:
        ended: as Outcome.ended; None while training goes on.
    """
    parts = [table(("", ""), _facts(progress, device, ended)), "<h2>Curves</h2>", _curves(progress)]
    if progress.samples:
        parts.append("<h2>Samples along the way</h2>")
        for sample in _spread(progress):
            parts.append(f"<h3>after {sample.step:,} steps</h3><pre>{html.escape(sample.text)}</pre>")
    parts += ["<h2>Settings</h2>", table(("setting", "value"), list(_flat(config)))]
    parts += ["<h2>Validations</h2>", f'<div class="wide">{_rows(progress)}</div>']
    write_text_atomically(folder.report, page(f"Training {folder.path.name}", parts))


def _facts(progress: Progress, device: str, ended: str | None) -> list[tuple[Any, ...]]:
    facts: list[tuple[Any, ...]] = [
        ("state", _ENDS.get(ended, ended)),
        ("steps", f"{progress.step:,}"),
        ("tokens", f"{progress.tokens:,}"),
        ("training time", f"{progress.train_s:,.0f} s, without validation"),
        ("speed", f"{progress.tokens_per_s:,.0f} tokens/s"),
        ("device", device),
    ]
    best = next((row for row in progress.rows if row.step == progress.best_step), None)
    if best is not None and best.val_loss_nats is not None:
        facts.append(
            (
                "best validation",
                f"loss {best.val_loss_nats:.4f} nats, accuracy {best.val_accuracy:.4f}, step {best.step:,}",
            )
        )
    return facts


def _curves(progress: Progress) -> str:
    if not progress.rows:
        return "<p>No validation yet.</p>"
    if importlib.util.find_spec("matplotlib") is None:  # a long run must not fail for want of a picture
        return "<p>The curves are drawn where matplotlib is installed; curves.jsonl has the figures.</p>"
    from matplotlib.figure import Figure

    rows = progress.rows
    steps = [row.step for row in rows]
    figure = Figure(figsize=(10, 3.8))
    panels = figure.subplots(1, 2)
    marker = "o" if len(rows) < 30 else None
    validated = [row for row in rows if row.val_loss_nats is not None]
    for axes, name, label in ((panels[0], "loss_nats", "loss, nats"), (panels[1], "accuracy", "categorical accuracy")):
        axes.plot(steps, [getattr(row, name) for row in rows], label="training", marker=marker, markersize=3)
        if validated:
            figures = [getattr(row, f"val_{name}") for row in validated]
            axes.plot([row.step for row in validated], figures, label="validation", marker=marker, markersize=3)
        axes.set_xlabel("step")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    if progress.best_step is not None and validated:
        panels[0].axvline(progress.best_step, color="grey", linewidth=0.8, linestyle=":")
    return figure_svg(figure)


def _spread(progress: Progress) -> list[Any]:
    """The first sample, the last, and some between: early ones closer together, as that is where they change most."""
    samples = progress.samples
    if len(samples) <= _MAX_SAMPLES:
        return list(samples)
    last = len(samples) - 1
    return [samples[i] for i in sorted({round(last ** (k / (_MAX_SAMPLES - 1))) for k in range(_MAX_SAMPLES)} | {0})]


def _rows(progress: Progress) -> str:
    head = ("step", "epoch", "learning rate", "loss", "accuracy", "validation loss", "validation accuracy", "seconds")
    rows: list[tuple[Any, ...]] = []
    for row in progress.rows:
        validation = ("", "") if row.val_loss_nats is None else (f"{row.val_loss_nats:.4f}", f"{row.val_accuracy:.4f}")
        training = f"{row.lr:.3g}", f"{row.loss_nats:.4f}", f"{row.accuracy:.4f}"
        rows.append((f"{row.step:,}", f"{row.epoch:.2f}", *training, *validation, f"{row.train_s:,.0f}"))
    return table(head, rows)


def _flat(value: Mapping[str, Any], name: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        full = f"{name}.{key}" if name else key
        if isinstance(item, Mapping):
            yield from _flat(item, full)
        else:
            yield full, item
