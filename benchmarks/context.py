"""What every benchmark says of where it ran."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

__all__ = ["commit", "cpu", "take_one_core"]


def commit() -> str:
    """The commit that was measured, with a mark where the tree has changes beyond it; "unknown" outside git."""
    name = _git("rev-parse", "--short", "HEAD")
    return f"{name}+changes" if name and _git("status", "--porcelain") else name or "unknown"


def cpu() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def take_one_core() -> int | None:
    """Keep this process on one core where the system can; elsewhere the libraries' thread counts must do."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
