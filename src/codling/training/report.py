"""The report of a run that a person opens: curves, samples, settings, in one HTML file."""

from __future__ import annotations

from typing import Any

from codling.training.run import Progress, RunFolder

__all__ = ["write_report"]


def write_report(
    folder: RunFolder, progress: Progress, config: dict[str, Any], *, device: str, ended: str | None
) -> None:
    pass
