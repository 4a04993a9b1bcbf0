"""A real VS Code with our extension, for tests and benchmarks: npm's code-server, which shows VS Code in a browser.

``editors/vscode/test/install-code-server.sh`` installs one beside itself; ``$CODLING_CODE_SERVER`` names the folder of
another.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=60_000)  # the machine may be busy with other tests

__all__ = ["EXACT", "EXTENSION", "VSIX", "CodeServer", "Workbench", "find_code_server"]

EXTENSION = Path(__file__).parents[1] / "editors" / "vscode"
VSIX = EXTENSION / "codling.vsix"
_ENTRY = Path("node_modules", "code-server", "out", "node", "entry.js")
_PATIENCE_S = 90  # a machine that is busy with other tests
_SOON_S = 8  # longer than the extension waits for an answer

_QUIET = {
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.enableExperiments": False,
    "workbench.colorTheme": "Default Light Modern",
    "git.enabled": False,
    "remote.autoForwardPorts": False,
    "editor.accessibilitySupport": "off",
    "files.autoSave": "off",
    "security.workspace.trust.enabled": False,
}


EXACT = {
    "editor.autoClosingBrackets": "never",
    "editor.autoClosingQuotes": "never",
    "editor.autoSurround": "never",
    "editor.autoIndent": "none",
    "editor.trimAutoWhitespace": False,
    "editor.acceptSuggestionOnEnter": "off",
    "editor.minimap.enabled": False,
}
"Settings with which what is typed is what stands in the text."


def find_code_server() -> Path | None:
    """Its entry point."""
    folder = Path(os.environ.get("CODLING_CODE_SERVER") or EXTENSION / "test" / "code-server")
    return folder / _ENTRY if (folder / _ENTRY).is_file() else None


class CodeServer:
    """A running one; ``url`` opens its workspace."""

    def __init__(
        self,
        entry: Path,
        folder: Path,
        workspace: Path,
        settings: Mapping[str, object],
        *,
        extensions: tuple[Path, ...] = (VSIX,),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Install the extensions, start it, and wait until it listens.

        Args:
            folder: its own, for settings and logs.
            settings: of the user, on top of those that keep it quiet.
            env: added to the environment, which the extensions get.
        """
        node = shutil.which("node")
        assert node is not None
        self.folder = folder
        self.settings_file = folder / "data" / "User" / "settings.json"
        self._settings: dict[str, object] = {}
        self._workspace_settings = workspace / ".vscode" / "settings.json"
        self._workspace_settings.parent.mkdir(exist_ok=True)
        self.settings_file.parent.mkdir(parents=True)
        self.settings_file.write_text(json.dumps({**_QUIET, **settings}), encoding="utf-8")
        base = [
            node,
            str(entry),
            "--user-data-dir",
            str(folder / "data"),
            "--extensions-dir",
            str(folder / "extensions"),
        ]
        self._env = os.environ | {"VSCODE_PROXY_URI": "", "XDG_CONFIG_HOME": str(folder / "config")} | dict(env or {})
        if extensions:
            what = [word for path in extensions for word in ("--install-extension", str(path))]
            done = subprocess.run([*base, *what], env=self._env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
        self.process = subprocess.Popen(
            [*base, "--auth", "none", "--bind-addr", "127.0.0.1:0", *quiet],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # its extension hosts end with it
        )
        self.url = f"{self._address()}/?folder={workspace}"

    def _address(self) -> str:
        found: queue.Queue[str] = queue.Queue()
        stdout = self.process.stdout
        assert stdout is not None

        def listen() -> None:
            for line in stdout:
                address = re.search(r"listening on (http://[\d.]+:\d+)", line)
                if address:
                    found.put(address[1])

        threading.Thread(target=listen, daemon=True).start()
        try:
            return found.get(timeout=_PATIENCE_S)
        except queue.Empty:
            self.stop()
            raise AssertionError("code-server did not start") from None

    def configure(self, settings: Mapping[str, object]) -> None:
        """Change settings of the workspace, which VS Code watches."""
        self._settings.update(settings)
        self._workspace_settings.write_text(json.dumps(self._settings), encoding="utf-8")

    @property
    def times_told(self) -> int:
        """How often codling's server was told of settings that changed."""
        return self.log().count("the server was told of the settings")

    def log(self) -> str:
        """What the extension wrote into its output channel, in all windows."""
        logs = sorted((self.folder / "data" / "logs").rglob("codling.log"))
        return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, 15)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, 9)
                self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Workbench:
    """One window of VS Code, and what somebody does in it."""

    def __init__(self, browser: Browser, url: str, *, width: int = 1200, height: int = 760) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(1_000 * _PATIENCE_S)
        self.page.goto(url)
        expect(self.page.locator(".monaco-workbench")).to_be_visible()
        expect(self.status).to_be_visible()

    @property
    def status(self) -> Any:
        """The extension's item in the status bar."""
        return self.page.locator('[id="codling.codling.codling.status"]')

    @property
    def ghost(self) -> str:
        """The ghost text that is shown, lines joined by line breaks; "" for none."""
        text = self.page.evaluate(
            r"""() => {
                 const within = line => [...line.querySelectorAll("[class*=ghost-text-decoration]")]
                   .filter(each => !each.querySelector("[class*=ghost-text-decoration]"));
                 const first = [...document.querySelectorAll(".editor-instance .view-lines > .view-line")]
                   .map(line => within(line).map(each => each.textContent).join("")).filter(text => text);
                 const more = [...document.querySelectorAll(".editor-instance .suggest-preview-text .view-line")];
                 return [...first, ...more.map(each => each.textContent)].join("\n");
               }"""
        )
        return str(text).replace("\u00a0", " ").replace("\u200b", "").replace("\u00b7", " ")

    def ready(self) -> None:
        """Wait until the server has its model."""
        expect(self.status).to_have_attribute("aria-label", re.compile("codling: (model |ready)"))

    def open(self, name: str) -> None:
        """Open a file of the workspace's folder from the explorer, and put the cursor into it."""
        row = self.page.locator(".explorer-folders-view .monaco-list-row", has_text=re.compile(rf"^{re.escape(name)}$"))
        row.dblclick()
        expect(self.page.locator(".tab.active")).to_contain_text(name)
        self.page.locator(".editor-instance .view-lines").first.click()

    def command(self, words: str) -> None:
        """Run a command by what the palette calls it."""
        self.page.keyboard.press("F1")
        box = self.page.locator(".quick-input-widget input")
        expect(box).to_be_visible()
        box.fill(f">{words}")
        expect(self.page.locator(".quick-input-list .monaco-list-row").first).to_contain_text(words.rpartition(": ")[2])
        self.page.keyboard.press("Enter")

    def replace(self, text: str) -> None:
        """Have this text in the file, and the cursor behind it, without typing it."""
        self.page.keyboard.press("Control+a")
        if text:
            self.page.keyboard.insert_text(text)
        else:
            self.page.keyboard.press("Delete")

    def text(self) -> str:
        """The lines of the editor that can be seen, without ghost text."""
        found = self.page.evaluate(
            r"""() => [...document.querySelectorAll(".editor-instance .view-lines > .view-line")]
                 .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
                 .map(line => { const copy = line.cloneNode(true);
                    copy.querySelectorAll("[class*=ghost-text]").forEach(each => each.remove());
                    return copy.textContent; }).join("\n")"""
        )
        return str(found).replace("\u00a0", " ").replace("\u200b", "").replace("\u00b7", " ")

    def configure(self, server: CodeServer, settings: Mapping[str, object]) -> None:
        """Change settings of the workspace, and wait until codling's server knows them."""
        before = server.times_told
        server.configure(settings)
        self.wait_for(lambda: server.times_told > before, f"{settings} are not taken up")

    def wait_for(self, is_so: Any, what: str, patience_s: float = _PATIENCE_S) -> None:
        """Until something is so."""
        end = time.monotonic() + patience_s
        while not is_so():
            assert time.monotonic() < end, f"{what}; ghost {self.ghost!r}, text {self.text()!r}"
            self.page.wait_for_timeout(20)

    def type(self, text: str, shows: Callable[[], bool], what: str) -> None:
        """Type until something is shown. What comes late, on a machine that is busy with other tests, is given up by
        the extension, and rightly so: then all of it is taken out and typed again."""
        end = time.monotonic() + _PATIENCE_S
        before = self.text()
        while True:
            self.page.keyboard.type(text)
            soon = time.monotonic() + _SOON_S
            while time.monotonic() < soon:
                if shows():
                    return
                self.page.wait_for_timeout(20)
            assert time.monotonic() < end, f"{what}; ghost {self.ghost!r}, text {self.text()!r}"
            self.page.keyboard.press("Escape")  # a list that is open
            self.replace(before)

    def type_for_ghost(self, text: str, ghost: str) -> None:
        """Type until there is this ghost text."""
        self.type(text, lambda: self.ghost == ghost, f"no ghost text {ghost!r}")

    def expect_ghost(self, text: str) -> None:
        self.wait_for(lambda: self.ghost == text, f"no ghost text {text!r}")

    def expect_no_ghost(self) -> None:
        self.wait_for(lambda: self.ghost == "", "there is ghost text")

    def expect_text(self, text: str) -> None:
        self.wait_for(lambda: self.text() == text, f"the text is not {text!r}")

    def close(self) -> None:
        self.context.close()
