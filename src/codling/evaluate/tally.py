"""Counts over files, and how far chance may have moved them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.evaluate.hits import Hits
from codling.evaluate.lexemes import KINDS

__all__ = ["accuracies", "interval", "share"]

RESAMPLES = 1_000  # of the bootstrap; the ends of the interval then hold to a tenth of its width
_NEWLINE = KINDS.index("newline")


def accuracies(files: Sequence[Hits], seed: int = 0) -> dict[str, Any]:
    """Accuracy over all tokens of some files: in all, as CodeXGLUE counts, and by kind.

    Returns:
        ``accuracy``: every token counts, line ends too, and a literal must be exactly right. ``codexglue``: line ends
        do not count, and a literal is right when the prediction begins one of its kind, for there the rare ones are all
        the same. ``identifiers`` and every other kind: exactly right. Each with its number ``n`` and the 95 % interval.
        A kind that does not occur has None.
    """
    rows = {"accuracy": share([(int(f.right.sum()), len(f.right)) for f in files], seed)}
    code = [(f, f.kinds != _NEWLINE) for f in files]
    rows["codexglue"] = share([(int(f.begun[kept].sum()), int(kept.sum())) for f, kept in code], seed)
    for i, kind in enumerate(KINDS):
        picked = [f.right[f.kinds == i] for f in files]
        rows[f"{kind}s"] = share([(int(right.sum()), len(right)) for right in picked], seed)
    return rows


def share(counts: Sequence[tuple[float, int]], seed: int = 0) -> dict[str, Any]:
    """A share over files, each with what it adds to the numerator and to the denominator."""
    table = np.array(counts, np.float64).reshape(-1, 2)
    num = table[:, 1].sum()
    if not num:
        return {"value": None, "n": 0, "interval": None}
    return {"value": float(table[:, 0].sum() / num), "n": int(num), "interval": interval(table, seed)}


def interval(table: npt.NDArray[np.float64], seed: int = 0) -> list[float] | None:
    """The 95 % bootstrap interval of a ratio of sums; files are drawn, for the tokens of one depend on each other.

    Args:
        table: numerator and denominator of each file, [files, 2].

    Returns:
        Its two ends; None for fewer than two files, which say nothing of others.
    """
    table = table[table[:, 1] > 0]
    if len(table) < 2:
        return None
    drawn = np.random.default_rng(seed).integers(0, len(table), (RESAMPLES, len(table)))
    sums = table[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return [float(low), float(high)]
