"""Promised and kept probabilities."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from codling.evaluate.calibration import calibration, plot_calibration


def test_probabilities_that_are_kept_have_no_error() -> None:
    draw = random.Random(0)
    promised = [draw.random() for _ in range(20_000)]
    found = calibration(promised, [draw.random() < p for p in promised])
    assert found["error"] < 0.02
    assert sum(row["n"] for row in found["bins"]) == 20_000
    half = next(row for row in found["thresholds"] if row["at"] == 0.5)
    assert half["coverage"] == pytest.approx(0.5, abs=0.02) and half["precision"] == pytest.approx(0.75, abs=0.02)


def test_what_is_promised_too_much_is_the_error() -> None:
    found = calibration([0.9] * 1_000, [True, False] * 500)
    assert found["error"] == pytest.approx(0.4)


def test_a_higher_threshold_shows_less_and_nothing_is_not_right() -> None:
    found = calibration([0.0, 0.0, 0.3, 0.6], [False, False, False, True])
    rows = {row["at"]: (row["coverage"], row["precision"]) for row in found["thresholds"]}
    assert rows[0.02] == (0.5, 0.5) and rows[0.5] == (0.25, 1.0) and rows[0.9] == (0.0, None)
    assert sum(row["n"] for row in found["bins"]) == 2  # where nothing was suggested nothing was promised


def test_without_suggestions_there_is_no_error() -> None:
    assert calibration([], [])["error"] is None
    assert calibration([0.0], [False])["error"] is None


def test_the_picture_is_svg(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot_calibration(tmp_path / "curve.svg", {"python": calibration([0.2, 0.7], [False, True])})
    assert (tmp_path / "curve.svg").read_bytes().lstrip().startswith(b"<?xml")
