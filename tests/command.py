"""The command line as another program sees it."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from codling.cli import main

__all__ = ["call_codling", "run_codling"]


def run_codling(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``codling ARGUMENTS`` as a process of its own and wait for it."""
    command = [sys.executable, "-m", "codling", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, encoding="utf-8")


def call_codling(
    arguments: list[object], stdin: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``codling ARGUMENTS`` in this process, which is quicker."""
    monkeypatch.setattr(sys, "argv", ["codling", *map(str, arguments)])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    out = capsys.readouterr()
    return code, out.out, out.err
