"""The browser that drives the page, and a loud word where there is none."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browser import FLAGS, find_chromium

_MISSING = "no Chromium was found: the tests of the page have not run (set CODLING_CHROMIUM, or run `make chromium`)"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = find_chromium()
    if path is None and os.environ.get("CODLING_REQUIRE_BROWSER"):
        pytest.fail(_MISSING)
    if path is None:
        pytest.skip(_MISSING)
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page and clears its editor; at the end, nothing must have gone wrong on it."""
    complaints: list[str] = []
    contexts = []

    def open_one(url: str, *, width: int = 1280, height: int = 800, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: _hear(message.text, message.type))
        page.on("request", lambda request: _outside(request.url, url))
        page.goto(url)
        expect(page.locator("#status")).to_have_text("ready")
        return page

    def _hear(text: str, kind: str) -> None:
        # that a server is gone, or refuses, is what some of these tests are about
        if kind == "error" and "Failed to load resource" not in text:
            complaints.append(text)

    def _outside(asked: str, url: str) -> None:
        if not asked.startswith(re.split("[?#]", url)[0]):
            complaints.append(f"asked somebody else: {asked}")

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if any(_MISSING in str(report.longrepr) for report in terminalreporter.getreports("skipped")):
        terminalreporter.write_line(f"WARNING: {_MISSING}", red=True, bold=True)
