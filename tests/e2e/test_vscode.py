"""The VS Code extension in a real VS Code, with a model whose answers are known beforehand."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from playwright.sync_api import Browser, expect

from chain_bundle import LINE, chain_bundle
from codeserver import EXTENSION, VSIX, CodeServer, Workbench, find_code_server
from codling.serve.lsp.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SHOTS = Path(__file__).parents[2] / "test-results"
_MISSING = (
    "no code-server was found: the tests of the VS Code extension have not run "
    "(`make code-server vsix` installs one and packs the extension)"
)
POND = '''"""Fish and where they swim."""


def count_fish(pond):
    """How many fish there are in a pond."""
    return len(pond.fish)


class Trout:
    def swim_upstream(self, metres):
        self.place += metres
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeServer]:
    entry = find_code_server()
    if (entry is None or not VSIX.is_file()) and os.environ.get("CODLING_REQUIRE_VSCODE"):
        pytest.fail(_MISSING)
    if entry is None or not VSIX.is_file():
        pytest.skip(_MISSING)
    folder = tmp_path_factory.mktemp("vscode")
    workspace = folder / "fish"
    workspace.mkdir()
    for name in ("tank.py", "other.py", "indented.py"):
        (workspace / name).write_text("", encoding="utf-8")
    (workspace / "pond.py").write_text(POND, encoding="utf-8")
    chain_bundle(folder)
    # Of the workspace's files the model would learn, and one could not know any more what it writes.
    settings = {"codling.tokens": 0, "codling.project": False, "editor.wordBasedSuggestions": "off"}
    # Without a path to a codling: the extension must say so, and start when it is told where one is.
    path = os.pathsep.join(
        each for each in os.environ["PATH"].split(os.pathsep) if not (Path(each) / "codling").exists()
    )
    env = {"CODLING_HOME": str(folder / "home"), "PATH": path}
    with CodeServer(entry, folder / "cs", workspace, settings, env=env) as server:
        yield server


@pytest.fixture(scope="module")
def command(server: CodeServer) -> list[str]:
    return [sys.executable, "-m", "codling", "lsp", "--model", str(server.folder.parent / "chain")]


@pytest.fixture(scope="module")
def window(server: CodeServer, browser: Browser, command: list[str]) -> Iterator[Workbench]:
    window = Workbench(browser, server.url)
    try:
        window.open("tank.py")
        notice = window.page.locator(".notification-list-item", has_text="pip install codling")
        expect(notice).to_be_visible()
        expect(window.status).to_have_attribute("aria-label", re.compile("no codling was found"))
        server.configure({"codling.command": command})
        window.ready()
        window.page.keyboard.press("Escape")
        window.command("Notifications: Clear All Notifications")
        yield window
    finally:
        SHOTS.mkdir(exist_ok=True)
        window.page.screenshot(path=SHOTS / "vscode-last.png")
        (SHOTS / "vscode-last.log").write_text(server.log(), encoding="utf-8")
        window.close()


@pytest.fixture
def tank(window: Workbench) -> Workbench:
    """An empty file, the cursor in it."""
    window.page.keyboard.press("Escape")
    window.open("tank.py")
    window.replace("")
    window.expect_text("")
    return window


def test_typing_shows_ghost_text_and_tab_inserts_it(tank: Workbench) -> None:
    tank.type_for_ghost("x = daily.", LINE)
    assert tank.text() == "x = daily."
    tank.page.keyboard.press("Tab")
    tank.expect_text(f"x = daily.{LINE}")
    tank.expect_no_ghost()
    tank.page.keyboard.type("!")  # the cursor stands behind what was inserted
    tank.expect_text(f"x = daily.{LINE}!")


def test_escape_dismisses_it_and_tab_indents_when_nothing_is_shown(tank: Workbench) -> None:
    tank.type_for_ghost("x = daily.", LINE)
    tank.page.keyboard.press("Escape")
    tank.expect_no_ghost()
    tank.page.wait_for_timeout(500)  # it must not come back by itself
    tank.expect_no_ghost()
    tank.page.keyboard.press("Tab")
    tank.expect_text("x = daily.  ")
    tank.replace("")
    tank.page.keyboard.press("Tab")
    tank.page.keyboard.type("y")
    tank.expect_text("    y")


def test_a_word_a_line_and_typing_along(tank: Workbench) -> None:
    tank.type_for_ghost("a.", LINE)
    tank.page.keyboard.press("Control+ArrowRight")
    tank.expect_text("a.mode")
    tank.expect_ghost("(skip=1)")
    tank.page.keyboard.press("Control+Alt+ArrowRight")
    tank.expect_text(f"a.{LINE}")
    tank.replace("b.")
    tank.page.keyboard.press("Backspace")
    tank.type_for_ghost(".", LINE)
    for end in range(1, 5):
        tank.page.keyboard.type(LINE[end - 1])
        tank.expect_ghost(LINE[end:])


def test_cycling_shows_an_alternative_and_comes_back(tank: Workbench) -> None:
    tank.type_for_ghost("x = daily.", LINE)
    tank.page.keyboard.press("Alt+BracketRight")
    tank.wait_for(lambda: tank.ghost not in ("", LINE), "there is no alternative")
    other = tank.ghost
    tank.page.keyboard.press("Alt+BracketLeft")
    tank.expect_ghost(LINE)
    tank.page.keyboard.press("Alt+BracketRight")
    tank.expect_ghost(other)
    tank.page.keyboard.press("Tab")
    tank.expect_text(f"x = daily.{other}")


def test_undo_takes_back_what_was_inserted_and_nothing_comes_after_a_backspace(tank: Workbench) -> None:
    tank.type_for_ghost("x = daily.", LINE)
    tank.page.keyboard.press("Tab")
    tank.expect_text(f"x = daily.{LINE}")
    tank.page.keyboard.press("Control+z")
    tank.expect_text("x = daily.")
    tank.replace("x = daily.d")
    tank.page.keyboard.press("Backspace")
    tank.expect_text("x = daily.")
    tank.page.wait_for_timeout(500)
    tank.expect_no_ghost()


def test_what_the_editor_closed_is_not_doubled(tank: Workbench) -> None:
    tank.type('f("🐟", x.', lambda: tank.ghost.startswith("mode("), "no ghost text")
    tank.page.keyboard.press("Tab")
    tank.wait_for(lambda: "mode(skip=1" in tank.text(), "it was not inserted")
    text = tank.text()
    assert text.count("(") == text.count(")"), text
    assert text.count('"') == 2, text


def test_nothing_in_comments_unless_somebody_wants_it(tank: Workbench, server: CodeServer) -> None:
    tank.page.keyboard.type("# the dog.")
    tank.page.wait_for_timeout(700)
    tank.expect_no_ghost()
    tank.configure(server, {"codling.inComments": True})
    tank.type_for_ghost("x.", LINE)
    tank.configure(server, {"codling.inComments": False})


def test_a_second_file_and_back(tank: Workbench) -> None:
    tank.type_for_ghost("x = daily.", LINE)
    tank.open("other.py")
    tank.replace("y = 1\n")
    tank.type_for_ghost("z.", LINE)
    tank.page.keyboard.press("Tab")
    tank.expect_text(f"y = 1\nz.{LINE}")
    tank.open("tank.py")
    tank.page.keyboard.press("Control+End")
    tank.type_for_ghost(" + w.", LINE)


def test_the_list_of_next_tokens_and_which_key_takes_what(tank: Workbench, server: CodeServer) -> None:
    first = tank.page.locator(".suggest-widget.visible .monaco-list-row").first

    def are_both_shown(ghost: str) -> bool:
        row = first.inner_text() if first.count() else ""
        return "mode" in row and "%" in row and tank.ghost == ghost

    def type_for_both(text: str, ghost: str) -> None:
        tank.type(text, lambda: are_both_shown(ghost), f"no list of tokens with ghost text {ghost!r}")

    tank.configure(server, {"codling.tokens": 8})
    type_for_both("x = daily.", LINE)
    SHOTS.mkdir(exist_ok=True)
    tank.page.screenshot(path=SHOTS / "vscode-typing.png")
    tank.page.keyboard.press("Enter")
    tank.expect_text("x = daily.mode")
    tank.replace("")
    type_for_both("x = daily.", LINE)
    tank.page.keyboard.press("Tab")
    tank.expect_text(f"x = daily.{LINE}")
    tank.replace("")
    type_for_both("x = daily.mo", LINE[2:])
    tank.page.keyboard.press("Backspace")  # the list stays, and brings no ghost text with it
    tank.expect_no_ghost()
    tank.page.wait_for_timeout(500)
    tank.expect_no_ghost()
    tank.configure(server, {"codling.tokens": 0})


def test_the_status_bar_turns_it_off_and_on(tank: Workbench, server: CodeServer) -> None:
    def choose(words: str) -> None:
        tank.status.click()
        tank.page.locator(".quick-input-list .monaco-list-row", has_text=words).click()
        tank.page.locator(".editor-instance .view-lines").first.click()

    def suggests() -> bool:
        tank.replace("")
        tank.page.keyboard.type("x = daily.")
        tank.page.wait_for_timeout(700)
        return tank.ghost == LINE

    for off, on in (
        ("Turn suggestions off", "Turn suggestions on"),
        ("Turn off in python files", "Turn on in python files"),
        ("Turn off in this file", "Turn on in this file"),
    ):
        choose(off)
        expect(tank.status).to_have_attribute("aria-label", re.compile("suggestions are off"))
        assert not suggests()
        choose(on)
        tank.ready()
        tank.wait_for(suggests, f"nothing comes after {on!r}")
    written = json.loads(server.settings_file.read_text(encoding="utf-8"))
    assert "/tank.py" not in written.get("codling.exclude", [])


def test_search_shows_hits_and_goes_there(tank: Workbench) -> None:
    tank.command("codling: Search the workspace")
    box = tank.page.locator(".quick-input-widget input")
    rows = tank.page.locator(".quick-input-list .monaco-list-row")
    box.fill("swim_upstream")
    expect(rows.first).to_contain_text("pond.py:10")
    box.fill("count fish in a pond")
    expect(rows.first).to_contain_text("count_fish")
    expect(tank.page.locator(".tab.active")).to_contain_text("pond.py")  # a preview
    SHOTS.mkdir(exist_ok=True)
    tank.page.screenshot(path=SHOTS / "vscode-search.png")
    tank.page.keyboard.press("Escape")
    expect(tank.page.locator(".tab.active")).to_contain_text("tank.py")  # where one came from
    tank.command("codling: Search the workspace")
    box.fill("swim_upstream")
    expect(rows.first).to_contain_text("pond.py:10")
    tank.page.keyboard.press("Enter")
    expect(tank.page.locator(".tab.active")).to_contain_text("pond.py")
    tank.page.keyboard.press("End")
    expect(tank.page.locator('[id="status.editor.selection"]')).to_contain_text("Ln 10")


def test_a_server_that_hangs_freezes_nothing(tank: Workbench, command: list[str]) -> None:
    process = _language_server(command)
    process.send_signal(signal.SIGSTOP)
    try:
        tank.page.keyboard.type("x = daily.")
        tank.expect_text("x = daily.")
        tank.page.keyboard.press("Tab")  # it indents meanwhile
        tank.expect_text("x = daily.  ")
    finally:
        process.send_signal(signal.SIGCONT)
    tank.replace("")
    tank.type_for_ghost("y.", LINE)


def test_a_server_that_is_killed_comes_back(tank: Workbench, server: CodeServer, command: list[str]) -> None:
    process = _language_server(command)
    before = server.log().count("connected to codling")
    process.kill()
    process.wait(10)
    tank.page.keyboard.type("x = daily.")
    tank.expect_text("x = daily.")
    tank.wait_for(lambda: server.log().count("connected to codling") > before, "no server was started", 60)
    tank.ready()
    tank.replace("")
    tank.type_for_ghost("x = daily.", LINE)
    assert len(_language_servers(command)) == 1
    expect(tank.page.locator(".notification-list-item")).to_have_count(0)  # nobody was bothered


def _language_server(command: list[str]) -> psutil.Process:
    (process,) = _language_servers(command)
    return process


def _language_servers(command: list[str]) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == command]


def test_half_a_minute_of_work(tmp_path: Path) -> None:
    """Of benchmarks/editor_soak.py, which works for half an hour by itself."""
    if find_code_server() is None or not VSIX.is_file():
        pytest.skip(_MISSING)
    script = Path(__file__).parents[2] / "benchmarks" / "editor_soak.py"
    command = [sys.executable, str(script), "--minutes", "0.5", "--seed", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=350, check=False)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    report = json.loads(done.stdout)
    assert report["wrong"] == []
    assert report["done"]["keys"] > 20


def test_the_extension_offers_every_setting_of_the_server() -> None:
    manifest = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    offered = {name.removeprefix("codling.") for name in manifest["contributes"]["configuration"]["properties"]}
    known = {field.encode_name for field in msgspec.structs.fields(Settings)}
    assert known - offered == {"alternativesAtOnce", "shownByClient", "status"}  # the extension's own affair
    assert offered - known == {"command", "python", "tabTakesLine"}
