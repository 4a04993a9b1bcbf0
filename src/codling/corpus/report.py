"""The page about a corpus that a person opens: what is in it, from whom, and what was dropped and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from codling.corpus.filters import REASONS
from codling.corpus.judge import Verdict
from codling.files import write_text_atomically
from codling.html import figure_svg, page, table

__all__ = ["write_report"]

_COLUMNS = ("version", "licence", "split", "files", "kept", "lines", "characters")
_MAX_BARS = 40  # projects in the plot; the table has them all


def write_report(path: Path, index: dict[str, Any], verdict: Verdict) -> None:
    """Write the report as one HTML file that needs nothing else."""
    counts = index["counts"]
    projects = sorted(verdict.projects, key=lambda row: (-row["lines"], row["name"], row["version"]))
    parts = [
        _summary(index, len(projects)),
        "<h2>Splits</h2>",
        _table(
            ("split", "projects", "files", "lines", "characters", "tokens"),
            (
                (
                    split,
                    sum(1 for row in projects if split in row["split"].split("/") and row["kept"]),
                    sums["files"],
                    sums["lines"],
                    sums["characters"],
                    index["splits"][split]["tokens"],
                )
                for split, sums in counts["splits"].items()
            ),
        ),
        "<h2>Dropped, and why</h2>",
        _table(
            ("reason", "files", "meaning"),
            ((reason, number, REASONS[reason]) for reason, number in _by_size(counts["dropped"])),
        ),
        "<h2>Taken out of what was kept</h2>",
        _table(("what", "number"), counts["removed"].items()),
        *_plots(projects, counts["dropped"]),
        "<h2>Projects</h2>",
        _table(("project", *_COLUMNS), ([row["name"], *(row[key] for key in _COLUMNS)] for row in projects)),
    ]
    if index["failed"]:
        rows = ((row["source"], row["error"]) for row in index["failed"])
        parts += ["<h2>Sources that could not be had</h2>", _table(("source", "error"), rows)]
    write_text_atomically(path, page("Corpus", parts))


def _summary(index: dict[str, Any], num_projects: int) -> str:
    counts, vocab = index["counts"], index["vocab"]
    return (
        f"<p>{counts['kept']:,} of {counts['files']:,} files kept, from {num_projects:,} projects; "
        f"vocabulary of {vocab['size']:,} ({vocab['unit']}s); seed {index['seed']}.</p>"
    )


def _by_size(numbers: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(numbers.items(), key=lambda item: (-item[1], item[0]))


def _table(head: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    return table(head, ([f"{cell:,}" if isinstance(cell, int) else cell for cell in row] for row in rows))


def _plots(projects: list[dict[str, Any]], dropped: dict[str, int]) -> list[str]:
    largest = [(f"{row['name']} {row['version']}", row["lines"], row["split"]) for row in projects if row["lines"]]
    parts = []
    if largest:
        shown = largest[:_MAX_BARS]
        title = f"Lines kept, {'largest ' if len(largest) > len(shown) else ''}{len(shown)} projects"
        parts.append(_bars(title, shown))
    if dropped:
        parts.append(_bars("Files dropped, by reason", [(reason, number, "") for reason, number in _by_size(dropped)]))
    return parts


def _bars(title: str, bars: Sequence[tuple[str, int, str]]) -> str:
    """Horizontal bars as inline SVG; the same numbers give the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    colours = {"train": "#4878a8", "valid": "#d89a3c", "test": "#b8525a"}
    with matplotlib.rc_context({"svg.hashsalt": "codling", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(9, 0.9 + 0.24 * len(bars)), layout="constrained")
        axes = figure.add_subplot()
        labels = [label.replace("$", r"\$") for label, _, _ in bars]
        axes.barh(range(len(bars)), [n for _, n, _ in bars], color=[colours.get(s, "#777777") for _, _, s in bars])
        axes.set_yticks(range(len(bars)), labels)
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.set_title(title)
        axes.spines[["top", "right"]].set_visible(False)
        for split in dict.fromkeys(split for _, _, split in bars if split in colours):
            axes.barh([0], [0], color=colours[split], label=split)
        if any(split in colours for _, _, split in bars):
            axes.legend(loc="lower right", frameon=False)
        return figure_svg(figure)
