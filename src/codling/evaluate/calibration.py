"""Whether a suggestion's probability can be believed, and what a threshold on it shows and hides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codling.files import write_atomically

__all__ = ["calibration", "plot_calibration"]

THRESHOLDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_NUM_BINS = 10  # of equally many suggestions each


def calibration(probabilities: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """Compare what was promised with what was kept.

    Args:
        probabilities: of each suggestion, in [0, 1]; 0 where there was none.
        right: whether it was what stood there.

    Returns:
        ``bins``, ten of equally many suggestions: their mean probability, share right, and number; ``error``, the mean
        distance of the two (expected calibration error, Naeini et al. 2015); ``thresholds``: of all places, the share
        at which something at least so probable is shown (coverage), and the share of that which is right (precision).
    """
    promised, kept = np.asarray(probabilities, np.float64), np.asarray(right, bool)
    made = promised > 0
    order = np.argsort(promised[made], kind="stable")
    bins = []
    for part in np.array_split(order, min(_NUM_BINS, max(1, len(order)))):
        if len(part):
            bins.append(
                {
                    "probability": float(promised[made][part].mean()),
                    "right": float(kept[made][part].mean()),
                    "n": len(part),
                }
            )
    thresholds = []
    for least in THRESHOLDS:
        shown = promised >= least
        precision = float(kept[shown].mean()) if shown.any() else None
        thresholds.append({"at": least, "coverage": float(shown.mean()) if len(shown) else 0.0, "precision": precision})
    total = sum(row["n"] for row in bins)
    error = sum(row["n"] * abs(row["probability"] - row["right"]) for row in bins) / total if total else None
    return {"error": error, "bins": bins, "thresholds": thresholds}


def plot_calibration(path: Path, by_language: dict[str, dict[str, Any]]) -> None:
    """Draw both curves of each language as SVG; needs matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    promise, trade = figure.subplots(1, 2)
    promise.plot([0, 1], [0, 1], color="0.8")
    promise.set(xlabel="probability of the suggestion", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    trade.set(xlabel="coverage: share of places with a suggestion", ylabel="precision", xlim=(0, 1), ylim=(0, 1))
    for language, found in by_language.items():
        bins = found["bins"]
        promise.plot([row["probability"] for row in bins], [row["right"] for row in bins], "o-", label=language)
        shown = [row for row in found["thresholds"] if row["precision"] is not None]
        trade.plot([row["coverage"] for row in shown], [row["precision"] for row in shown], "o-", label=language)
        for row in shown:
            trade.annotate(f"{row['at']:g}", (row["coverage"], row["precision"]), fontsize=7)
    promise.legend()
    with write_atomically(path) as file:
        figure.savefig(file, format="svg")
