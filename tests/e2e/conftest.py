"""The browser that drives the page, and a loud word where there is none."""

from __future__ import annotations

import os

import pytest

from browser import find_chromium

_MISSING = "no Chromium was found: the tests of the page have not run (set CODLING_CHROMIUM, or run `make chromium`)"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    if path is None and os.environ.get("CODLING_REQUIRE_BROWSER"):
        pytest.fail(_MISSING)
    if path is None:
        pytest.skip(_MISSING)
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if any(_MISSING in str(report.longrepr) for report in terminalreporter.getreports("skipped")):
        terminalreporter.write_line(f"WARNING: {_MISSING}", red=True, bold=True)
