"""Shares are sums over sums, and their intervals what drawing files again gives."""

from __future__ import annotations

import numpy as np
import pytest

from codling.evaluate.hits import Hits
from codling.evaluate.lexemes import KINDS
from codling.evaluate.tally import accuracies, interval, share


def file(*rows: tuple[str, bool, bool]) -> Hits:
    kinds, right, begun = zip(*rows, strict=True)
    return Hits(np.array([KINDS.index(kind) for kind in kinds], np.int8), np.array(right), np.array(begun))


def test_what_counts() -> None:
    rows = accuracies(
        [
            file(("identifier", True, True), ("string", False, True), ("newline", True, True)),
            file(("identifier", False, False), ("number", False, True), ("newline", False, False)),
        ]
    )
    values = {name: (row["value"], row["n"]) for name, row in rows.items()}
    assert values == {
        "accuracy": (2 / 6, 6),
        "codexglue": (3 / 4, 4),
        "identifiers": (1 / 2, 2),
        "keywords": (None, 0),
        "operators": (None, 0),
        "numbers": (0.0, 1),
        "strings": (0.0, 1),
        "newlines": (1 / 2, 2),
    }


def test_interval_is_that_of_drawing_files_again() -> None:
    random = np.random.default_rng(0)
    table = np.stack([random.integers(0, 50, 40), np.full(40, 50)], axis=1).astype(float)
    low, high = interval(table)  # type: ignore[misc]
    drawn = [table[random.integers(0, 40, 40)].sum(axis=0) for _ in range(4_000)]
    expected = np.percentile([right / num for right, num in drawn], [2.5, 97.5])
    assert (low, high) == pytest.approx(expected, abs=0.01)
    assert low < table[:, 0].sum() / table[:, 1].sum() < high


def test_large_files_weigh_more() -> None:
    assert share([(0, 1), (99, 99)])["value"] == 0.99


def test_one_file_says_nothing_of_others() -> None:
    assert share([(1, 2)]) == {"value": 0.5, "n": 2, "interval": None}
    assert share([(1, 2), (0, 0)])["interval"] is None
    assert share([]) == {"value": None, "n": 0, "interval": None}
    assert share([(1, 2)] * 9)["interval"] == [0.5, 0.5]
