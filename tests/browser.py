"""Where the tests' browser is: an installed Chromium or Chrome, else one that this module installs when asked to.

``python tests/browser.py --install`` is what `make test` runs first. It never fails: without a browser its tests are
skipped, loudly, or fail when ``CODLING_REQUIRE_BROWSER`` is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["FLAGS", "find_chromium", "install_chromium", "wait_until"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
FLAGS = [
    "--host-resolver-rules=MAP codling.test 127.0.0.1",  # a host that is not localhost to the browser
    "--no-sandbox",  # it shows nothing but our own page, and containers have no user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",  # containers have 64 MB of it
]
_INSTALL_S = 300  # patience with each way of installing


def find_chromium() -> str | None:
    """Path of the browser to test with; ``$CODLING_CHROMIUM`` first."""
    chosen = os.environ.get("CODLING_CHROMIUM")
    if chosen:
        return chosen
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    return next((place for place in (*_PLACES, *_playwrights_own()) if Path(place).is_file()), None)


def wait_until(page: Page, expression: str, patience_s: float = 30) -> None:
    """Until JavaScript is true on a page; Playwright's own way asks the page to evaluate text, which ours refuses."""
    end = time.monotonic() + patience_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came: {expression}"
        page.wait_for_timeout(50)


def _playwrights_own() -> list[str]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return [playwright.chromium.executable_path]


def install_chromium() -> None:
    """Have Playwright fetch one; when that fails and we may, take the system's package."""
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        ways += [["sh", "-c", "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq chromium"]]
    for way in ways:
        try:
            subprocess.run(way, check=True, timeout=_INSTALL_S, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"no browser by `{way[-1]}`: {error}", file=sys.stderr)
        if find_chromium():
            return


if __name__ == "__main__":
    if "--install" in sys.argv and find_chromium() is None:
        install_chromium()
    print(f"browser for the tests: {find_chromium() or 'NONE; the tests of the page will not run'}", file=sys.stderr)
