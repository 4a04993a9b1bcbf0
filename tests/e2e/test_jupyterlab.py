"""Ghost text in the cells of a real JupyterLab, in a real Chromium, with the model that ships."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Response, expect

from codling.complete.acceptance import Acceptance
from labserver import EXTENSION, LabServer, write_notebook

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(importlib.util.find_spec("jupyterlab") is None, reason="jupyterlab is not installed"),
    pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: run `make jupyterlab`"),
]

expect.set_options(timeout=15_000)  # the machine may be busy with other tests
SHOTS = Path(__file__).parents[2] / "test-results"
FIRST = "%matplotlib inline\nimport numpy as np\n\nmeasurements_by_station = np.loadtxt('stations.csv')"
KEY_MS = 40
WAIT_MS = 700  # long enough for an answer, if one were asked for


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    SHOTS.mkdir(exist_ok=True)
    with LabServer(tmp_path_factory.mktemp("lab")) as lab:
        end = time.monotonic() + 90
        while status(lab)["state"] != "ready":
            assert time.monotonic() < end, lab.log.read_text(encoding="utf-8")
            time.sleep(0.3)
        yield lab


def status(lab: LabServer) -> Any:
    return httpx.get(f"{lab.url}codling/status", params={"token": lab.token}, timeout=30).json()


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab: LabServer) -> Iterator[Page]:
    """One notebook for all tests: a title, a cell with names, two empty ones."""
    cells = [("markdown", "# Stations"), ("code", FIRST), ("code", ""), ("code", "")]
    write_notebook(lab.files / "stations.ipynb", cells)
    context = browser.new_context(viewport={"width": 1200, "height": 640})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{lab.url}lab/tree/stations.ipynb?token={lab.token}")
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible(timeout=90_000)
    yield page
    context.close()


@pytest.fixture
def page(notebook: Page, lab: LabServer) -> Iterator[Page]:
    """The notebook with its empty cells; at the end, nothing must have gone wrong on the page or with our requests."""
    complaints: list[str] = []

    def hear(error: Error) -> None:
        complaints.append(str(error))

    def look(answer: Response) -> None:
        if "/codling/" in answer.url and answer.status >= 400:
            complaints.append(f"{answer.url} answered {answer.status}")
        if not answer.url.startswith((lab.url, "data:", "blob:")):
            complaints.append(f"asked somebody else: {answer.url}")

    notebook.on("pageerror", hear)
    notebook.on("response", look)
    for index in (3, 2):
        cell(notebook, index)
        notebook.keyboard.press("Control+a")
        notebook.keyboard.press("Delete")
    yield notebook
    notebook.remove_listener("pageerror", hear)
    notebook.remove_listener("response", look)
    assert complaints == []


def cell(page: Page, index: int) -> Locator:
    """The text of a cell, with the cursor in it."""
    found = page.locator(".jp-Notebook .jp-Cell").nth(index)
    found.locator(".cm-content").click()
    return found.locator(".cm-content")


def ghost(page: Page) -> Locator:
    """What is shown; JupyterLab leaves invisible ones in its place for a while, so that nothing jumps."""
    return page.locator(".jp-GhostText:not(.jp-GhostText-lineSpacer, .jp-GhostText-letterSpacer)")


def typed(page: Page, text: str, shown: str) -> Locator:
    """A cell with a text, typed until there is that ghost text: an answer that is late, on a machine that is busy with
    other tests, is given up."""
    for _ in range(6):
        inside = cell(page, 2)
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.type(text, delay=KEY_MS)
        with contextlib.suppress(AssertionError):
            expect(ghost(page)).to_have_text(shown, timeout=10_000)
            return inside
    raise AssertionError(f"no ghost text {shown!r}")


def text_of(inside: Locator) -> str:
    """What stands in a cell, ghost text left out."""
    return str(
        inside.evaluate(
            """element => { const copy = element.cloneNode(true);
            copy.querySelectorAll('[class*=jp-GhostText]').forEach(ghost => ghost.remove());
            return [...copy.querySelectorAll('.cm-line')].map(line => line.textContent).join('\\n'); }"""
        )
    )


def test_a_name_from_an_earlier_cell_is_suggested_and_tab_takes_it(page: Page) -> None:
    inside = typed(page, "total = measurements_b", "y_station")
    page.screenshot(path=SHOTS / "jupyterlab.png")
    page.keyboard.type("y_", delay=KEY_MS)  # typed along: the rest of it
    expect(ghost(page)).to_have_text("station")
    page.keyboard.press("Tab")
    expect(inside).to_contain_text("total = measurements_by_station")
    assert text_of(inside) == "total = measurements_by_station"
    page.keyboard.press("Control+z")
    expect(inside).not_to_contain_text("measurements_by_station")


def test_a_name_from_a_later_cell_is_not_known_yet(page: Page) -> None:
    cell(page, 3)
    page.keyboard.type("zephyrs_by_month = 3", delay=KEY_MS)
    cell(page, 2)
    page.keyboard.type("print(zephyrs_b", delay=KEY_MS)
    page.wait_for_timeout(WAIT_MS)
    assert "y_month" not in "".join(ghost(page).all_inner_texts())


def test_tab_keeps_indenting_where_nothing_is_suggested(page: Page) -> None:
    inside = typed(page, "total = measurements_b", "y_station")
    page.keyboard.press("Enter")
    expect(ghost(page)).to_have_count(0)
    page.keyboard.press("Tab")
    expect(inside).to_have_text(re.compile(r" {4}$"))
    assert text_of(inside) == "total = measurements_b\n    "


def test_escape_and_backspace_leave_nothing(page: Page) -> None:
    inside = typed(page, "total = measurements_b", "y_station")
    page.keyboard.press("Escape")
    expect(ghost(page)).to_have_count(0)
    page.keyboard.press("Enter")  # back into the cell
    page.keyboard.type("y", delay=KEY_MS)
    expect(ghost(page)).to_have_text("_station")
    page.keyboard.press("Backspace")
    expect(ghost(page)).to_have_count(0)
    page.wait_for_timeout(WAIT_MS)
    expect(ghost(page)).to_have_count(0)
    expect(page.locator(".jp-mod-inline-completer-active")).to_have_count(0)  # Tab would take it
    page.keyboard.press("Alt+\\")  # asked for, it comes
    expect(ghost(page)).to_have_text("y_station")
    assert text_of(inside) == "total = measurements_b"


def test_alternatives_are_cycled_through(page: Page) -> None:
    inside = cell(page, 2)
    page.keyboard.type("values = np.", delay=KEY_MS)
    expect(ghost(page)).to_be_visible()
    seen = [ghost(page).inner_text()]
    for _ in range(2):
        page.keyboard.press("Alt+]")
        expect(ghost(page)).not_to_have_text(seen[-1])
        seen.append(ghost(page).inner_text())
    assert len(set(seen)) == 3
    page.keyboard.press("Alt+[")
    expect(ghost(page)).to_have_text(seen[1])
    page.keyboard.press("Tab")
    expect(inside).to_contain_text(f"values = np.{seen[1]}")


def test_what_stands_behind_the_cursor_is_not_doubled(page: Page) -> None:
    inside = typed(page, "print(measurements_b", "y_station")
    assert text_of(inside) == "print(measurements_b)"
    page.keyboard.press("Tab")
    expect(inside).to_contain_text("print(measurements_by_station")
    assert text_of(inside) == "print(measurements_by_station)"


@pytest.mark.parametrize("text", ["%%bash\nmeasurements_b", "%time measurements_b", "!ls measurements_b"])
def test_only_python_is_completed(page: Page, text: str) -> None:
    cell(page, 2)
    page.keyboard.type(text, delay=KEY_MS)
    page.wait_for_timeout(WAIT_MS)
    expect(ghost(page)).to_have_count(0)


def test_it_can_be_switched_off_and_on(page: Page) -> None:
    for is_on in (False, True):
        page.keyboard.press("Control+Shift+c")
        page.locator("input.lm-CommandPalette-input").fill("codling")
        page.keyboard.press("Enter")
        cell(page, 2)
        page.keyboard.press("Control+a")
        page.keyboard.type("total = measurements_b", delay=KEY_MS)
        page.wait_for_timeout(WAIT_MS)
        expect(ghost(page)).to_have_count(int(is_on))


def test_files_are_completed_as_they_stand(notebook: Page, lab: LabServer) -> None:
    (lab.files / "stations.py").write_text("measurements_by_station = {}\n\n\n", encoding="utf-8")
    page = notebook.context.new_page()
    page.goto(f"{lab.url}lab/workspaces/files/tree/stations.py?token={lab.token}")
    text = page.locator(".jp-FileEditor .cm-content")
    text.click(timeout=60_000)
    page.keyboard.press("Control+End")
    page.keyboard.type("total = measurements_b", delay=KEY_MS)
    expect(ghost(page)).to_have_text("y_station")
    page.keyboard.press("Tab")
    expect(text).to_contain_text("total = measurements_by_station")
    page.close()


def test_the_server_is_killed_and_back(page: Page, lab: LabServer) -> None:
    inside = typed(page, "a = measurements_b", "y_station")
    starts = lab.log.read_text(encoding="utf-8").count("codling answers at")
    (server,) = lab.codlings
    server.kill()
    page.keyboard.type("x\nb = measurements_b", delay=KEY_MS)  # nobody is held up
    assert text_of(inside) == "a = measurements_bx\nb = measurements_b"
    lab.wait_for("codling answers at (.*)", starts + 1)
    typed(page, "b = measurements_by_", "station")


def test_what_was_shown_and_taken_is_counted_on_this_machine(
    page: Page, lab: LabServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = typed(page, "total = measurements_b", "y_station")
    page.wait_for_timeout(500)  # until it counts as seen
    page.keyboard.press("Tab")
    expect(inside).to_contain_text("measurements_by_station")
    page.wait_for_timeout(500)
    (server,) = lab.codlings
    monkeypatch.setenv("CODLING_HOME", str(lab.home))
    server.send_signal(signal.SIGINT)  # it writes what it has counted
    end = time.monotonic() + 30
    while not any(count.accepted for count in Acceptance().counts()):
        assert time.monotonic() < end
        time.sleep(0.2)
    counts = [count for count in Acceptance().counts() if count.client == "JupyterLab"]
    assert {count.language for count in counts} == {"python"}
    shown, taken, chars = (sum(getattr(count, name) for count in counts) for name in ("shown", "accepted", "chars"))
    assert 1 <= taken <= shown and chars >= len("y_station")
