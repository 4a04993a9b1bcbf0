"""The command line as another program sees it."""

from __future__ import annotations

import subprocess
import sys

__all__ = ["run_codling"]


def run_codling(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``codling ARGUMENTS`` as a process of its own and wait for it."""
    command = [sys.executable, "-m", "codling", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, encoding="utf-8")
