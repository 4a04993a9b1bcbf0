"""What a search leaves for people and programs: table.md, table.csv, study.json, and report.html with plots."""

from __future__ import annotations

import csv
import html
import importlib.util
import io
import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codling.files import write_text_atomically
from codling.html import figure_svg, page, table
from codling.tune.study import StudyResult, TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Columns", "default_columns", "rows", "summary", "write_results"]

Columns = Mapping[str, str]
'Title of each column, and where its figures come from: the name of a dimension or of a metric, "trial", or "state".'

_MIN_IMPORTANCE_TRIALS = 6  # with fewer the importances are noise


def default_columns(result: StudyResult) -> Columns:
    """Every dimension by its short name, every metric, and how the trial ended."""
    names = [dimension.name for dimension in result.plan.dimensions]
    shorts = [name.rpartition(".")[2] for name in names]
    titles = [short if shorts.count(short) == 1 else name for name, short in zip(names, shorts, strict=True)]
    metrics = dict.fromkeys(metric for trial in result.trials for metric in trial.metrics)
    return {
        "trial": "trial",
        **dict(zip(titles, names, strict=True)),
        **{metric: metric for metric in metrics},
        "state": "state",
    }


def rows(result: StudyResult, columns: Columns) -> list[list[Any]]:
    """The table's cells, best trial first; None where a trial has no such figure."""
    ordered = sorted(result.trials, key=lambda trial: (trial.metrics.get("loss", math.inf), trial.slot))
    return [[_cell(trial, source) for source in columns.values()] for trial in ordered]


def summary(result: StudyResult, columns: Columns) -> dict[str, Any]:
    """Everything as plain data."""
    return {
        "columns": list(columns),
        "table": rows(result, columns),
        "best": _plain(result.best) if result.best else None,
        "trials": [_plain(trial) for trial in result.trials],
    }


def write_results(folder: Path, title: str, result: StudyResult, columns: Columns) -> None:
    """Write the table in each form, and the report; every file is replaced whole."""
    cells = rows(result, columns)
    shown = [[_shown(cell) for cell in row] for row in cells]
    lines = ["| " + " | ".join(row) + " |" for row in [list(columns), ["---"] * len(columns), *shown]]
    write_text_atomically(folder / "table.md", "\n".join(lines) + "\n")
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([list(columns), *cells])
    write_text_atomically(folder / "table.csv", file.getvalue())
    data = json.dumps(summary(result, columns), indent=1, ensure_ascii=False)
    write_text_atomically(folder / "study.json", data + "\n")
    write_text_atomically(folder / "report.html", page(title, _report(result, columns, shown)))


def _cell(trial: TrialRow, source: str) -> Any:
    if source == "trial":
        return trial.slot + 1
    if source == "state":
        return trial.state
    return trial.params.get(source, trial.metrics.get(source))


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 1_000 else f"{cell:,.0f}"
    return "" if cell is None else str(cell)


def _plain(trial: TrialRow) -> dict[str, Any]:
    return {
        "trial": trial.slot + 1,
        "folder": str(trial.folder),
        "params": trial.params,
        "state": trial.state,
        "metrics": trial.metrics,
        "error": trial.error,
    }


def _report(result: StudyResult, columns: Columns, shown: list[list[str]]) -> list[str]:
    parts = []
    if result.best is not None:
        values = ", ".join(f"{name} = {value}" for name, value in result.best.params.items())
        loss = result.best.metrics["loss"]
        parts.append(f"<p>Best: trial {result.best.slot + 1}, loss {loss:.4f}, with {html.escape(values)}.</p>")
    parts += [table(list(columns), shown), "<h2>Plots</h2>", _plots(result)]
    failed = [(trial.slot + 1, trial.error) for trial in result.trials if trial.error]
    if failed:
        parts += ["<h2>Failed trials</h2>", table(("trial", "why"), failed)]
    return parts


def _plots(result: StudyResult) -> str:
    """Loss by trial, loss by each dimension's value, and how much each dimension matters."""
    if importlib.util.find_spec("matplotlib") is None:
        return "<p>The plots are drawn where matplotlib is installed; study.json has the figures.</p>"
    measured = [trial for trial in result.trials if "loss" in trial.metrics]
    if not measured:
        return "<p>No trial has ended with a loss yet.</p>"
    from matplotlib.figure import Figure

    importances = _importances(result)
    dimensions = result.plan.dimensions
    count = 1 + len(dimensions) + (1 if importances else 0)
    num_columns = min(3, count)
    num_rows = -(-count // num_columns)
    figure = Figure(figsize=(3.6 * num_columns, 3.1 * num_rows), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).flatten()
    _plot_history(panels[0], measured)
    for axes, dimension in zip(panels[1:], dimensions, strict=False):
        _plot_dimension(axes, dimension.name, measured)
    if importances:
        axes = panels[1 + len(dimensions)]
        axes.barh(list(importances)[::-1], list(importances.values())[::-1])
        axes.set_xlabel("importance (PED-ANOVA)")
    for axes in panels[count:]:
        axes.set_visible(False)
    for axes in panels[:count]:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure_svg(figure)


def _plot_history(axes: Axes, measured: list[TrialRow]) -> None:
    from matplotlib.ticker import MaxNLocator

    best = math.inf
    lowest = []
    for trial in measured:
        if trial.state == "complete":
            best = min(best, trial.metrics["loss"])
        lowest.append(best if math.isfinite(best) else math.nan)
    slots = [trial.slot + 1 for trial in measured]
    for state, marker in (("complete", "o"), ("pruned", "x")):
        points = [(trial.slot + 1, trial.metrics["loss"]) for trial in measured if trial.state == state]
        if points:
            axes.plot(*zip(*points, strict=True), marker, markersize=4, label=state)
    axes.step(slots, lowest, where="post", linewidth=1, label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial")
    axes.set_ylabel("loss, nats")
    axes.legend(frameon=False, fontsize="small")


def _plot_dimension(axes: Axes, name: str, measured: list[TrialRow]) -> None:
    values = [trial.params[name] for trial in measured]
    losses = [trial.metrics["loss"] for trial in measured]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        axes.plot(values, losses, "o", markersize=4)
        if min(values) > 0 and max(values) / min(values) > 8:  # ratios, such as learning rates
            axes.set_xscale("log")
    else:
        axes.plot([str(value) for value in values], losses, "o", markersize=4)
    axes.set_xlabel(name)
    axes.set_ylabel("loss, nats")


def _importances(result: StudyResult) -> dict[str, float]:
    """How much of the loss each dimension decides (PED-ANOVA, Watanabe et al. 2023); empty where that says nothing."""
    import optuna

    complete = [trial for trial in result.trials if trial.state == "complete"]
    varying = [d for d in result.plan.dimensions if len({repr(trial.params[d.name]) for trial in complete}) > 1]
    if len(complete) < _MIN_IMPORTANCE_TRIALS or len(varying) < 2:
        return {}
    study = optuna.create_study(direction="minimize")
    distributions = {d.name: d.distribution() for d in varying}
    for trial in complete:
        params = {name: trial.params[name] for name in distributions}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=trial.metrics["loss"])
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls itself experimental
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
