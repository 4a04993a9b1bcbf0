"""Does it hold? Somebody works in a real VS Code for half an hour; nothing may go wrong, and nothing may grow.

    python benchmarks/editor_soak.py [--minutes 30] [--model NAME] [--seed N] [--json] [FILE.py…]

Real files are written on at places drawn from the seed: typed key by key, with mistakes and backspaces, undo, redo,
pasted lines, several cursors, and changes between files. What ghost text promises is checked by taking it: the file is
saved before and after, and must differ by exactly that text at the cursor. Errors are looked for in codling's log, in
the extension host's, and in the page's; a server that was started twice is one. Every ten seconds the resident memory
of the server and of VS Code's extension host is written down; it is compared between the second quarter of the time,
when caches are full, and the last.

It takes `make code-server vsix`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from context import commit, cpu
from playwright.sync_api import sync_playwright

from codling.corpus.clean import Dropped, clean

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import FLAGS, find_chromium  # noqa: E402
from codeserver import EXACT, VSIX, CodeServer, Workbench, find_code_server  # noqa: E402

NAMES = (
    "argparse",
    "csv",
    "fractions",
    "shlex",
    "textwrap",
    "calendar",
)  # of the standard library; typed if no file is
EVERY_S = 10.0
TAB_SIZE = 4
PATIENCE_S = 120  # with VS Code, on a machine that is busy, or stands still for a while
MAX_GROWTH = 0.10  # of resident memory between the second quarter and the last

_ACTIONS = {"type": 12, "take": 5, "backspace": 3, "paste": 1, "undo": 1, "cursors": 1, "switch": 1}


class Typist:
    """Somebody at work. What stands in each file is known beforehand as long as only known things are done to it."""

    def __init__(self, window: Workbench, workspace: Path, sources: dict[str, str], seed: int) -> None:
        self.window, self.page, self.workspace, self.sources = window, window.page, workspace, sources
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._name, self._before, self._after = "", "", ""
        self._todo = ""  # what is being typed
        self._trail: deque[str] = deque(maxlen=60)  # what was done last, for a complaint

    def act(self) -> None:
        """Do the next thing."""
        if not self._name:
            self._switch()
        action = self.random.choices(list(_ACTIONS), list(_ACTIONS.values()))[0]
        self._trail.append(f"<{action} at {self._cursor()}>")
        getattr(self, f"_{action}")()
        self.done[action] += 1

    def _switch(self) -> None:
        """Go on in another file, or at another place of the same."""
        self._save()
        self._name = self.random.choice(sorted(self.sources))
        self.window.open(self._name)
        self._place()

    def _place(self) -> None:
        """Put the cursor onto a new line somewhere in the file, and choose what to type there: lines of the file."""
        text = self._read()
        lines = text.split("\n")
        row = self.random.randrange(1, len(lines))
        self.page.keyboard.press("Control+g")
        box = self.page.locator(".quick-input-widget input")
        box.wait_for()
        box.fill(f":{row}")
        self.page.keyboard.press("Enter")
        box.wait_for(state="hidden")
        self.page.locator(".editor-instance .monaco-editor.focused").wait_for()
        self._trail.append(f"<line {row}, was at {self._cursor()}>")
        self.page.keyboard.press("End")
        self.page.keyboard.press("Enter")
        self._before = "\n".join(lines[:row]) + "\n"
        self._after = "\n" + "\n".join(lines[row:])
        source = [line for line in self.sources[self._name].split("\n") if line.strip()]
        first = self.random.randrange(len(source))
        self._todo = "\n".join(source[first : first + 12]) + "\n"

    def _type(self) -> None:
        """A burst of keys, as a person types them."""
        for _ in range(self.random.randint(4, 25)):
            if not self._todo and self._check("before another place"):
                self._place()
            key, self._todo = self._todo[0], self._todo[1:]
            self.page.keyboard.press("Enter") if key == "\n" else self.page.keyboard.type(key)
            self._before += key
            self._trail.append(key)
            self.done["keys"] += 1
            self.page.wait_for_timeout(self.random.uniform(20, 200))

    def _take(self) -> None:
        """Type until there is ghost text, take it, and see whether it is what it said."""
        for _ in range(5):
            self._type()
            self.page.wait_for_timeout(400)
            ghost = self.window.ghost
            if ghost:
                break
        else:
            return
        self.done["shown"] += 1
        self._check("before taking ghost text")
        ghost = self.window.ghost  # saving closes the list of completions, and with it what was for its entry
        if not ghost:
            return
        while (
            ghost.startswith(" " * TAB_SIZE) and not self._before.rpartition("\n")[2].strip()
        ):  # VS Code's Tab indents first, then takes
            self.page.keyboard.press("Tab")
            indent = TAB_SIZE - len(self._before.rpartition("\n")[2]) % TAB_SIZE
            self._before, ghost = self._before + " " * indent, ghost[indent:]
            self._check("indentation in front of ghost text")
            if self.window.ghost != ghost:
                self._todo = ""
                return
            self.done["indented"] += 1
        self.page.keyboard.press("Tab")
        self._before += ghost
        if not self._check(f"{ghost!r} was taken"):
            return
        self.done["taken"] += 1
        if "\n" in ghost:
            self._complain(f"{ghost!r} is more than the rest of a line")
        if self._todo.startswith(ghost):
            self._todo = self._todo[len(ghost) :]
            self.done["right"] += 1
        elif self.random.random() < 0.5:
            self.page.keyboard.press("Control+z")
            self._before = self._before[: -len(ghost)]
            self._check("undo of what was taken")
        else:
            self._todo = ""

    def _backspace(self) -> None:
        """Take back a few characters, and type them again later."""
        for _ in range(self.random.randint(1, 5)):
            if self._before.endswith("\n"):
                return
            self.page.keyboard.press("Shift+Backspace")  # one character, also within indentation
            self._before, self._todo = self._before[:-1], self._before[-1] + self._todo
            self.page.wait_for_timeout(self.random.uniform(20, 120))
        self.page.wait_for_timeout(300)
        if self.window.ghost:
            self._complain(f"{self.window.ghost!r} after a backspace")

    def _paste(self) -> None:
        """Several lines at once."""
        source = self.sources[self._name].split("\n")
        first = self.random.randrange(len(source))
        text = "\n".join(source[first : first + 6]) + "\n"
        self.page.keyboard.insert_text(text)
        self._before += text
        self._check("paste")

    def _undo(self) -> None:
        """Undo a few steps and redo them: then everything is as before."""
        self._check("before undo")
        steps = self.random.randint(1, 4)
        for key in ("Control+z", "Control+Shift+z"):
            for _ in range(steps):
                self.page.keyboard.press(key)
                self.page.wait_for_timeout(60)
        self._check("undo and redo")

    def _cursors(self) -> None:
        """Type with three cursors; where they all are, is VS Code's affair."""
        self._check("before several cursors")
        for _ in range(2):
            self.page.keyboard.press("Control+Alt+ArrowUp")
        for key in "x = a.b":
            self.page.keyboard.type(key)
            self.page.wait_for_timeout(self.random.uniform(20, 120))
        self.page.wait_for_timeout(300)
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Escape")
        self._save()
        self._place()

    def _cursor(self) -> str:
        """Where VS Code says that it is."""
        place = self.page.locator('[id="status.editor.selection"]')
        return place.inner_text() if place.count() else "?"

    def _check(self, what: str) -> bool:
        """Save; the file must be what we think that it is."""
        expected = self._before + self._after
        self._save(expected)
        found = self._read()
        if found == expected:
            self.done["checks"] += 1
            return True
        at = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(expected))
        place = slice(max(0, at - 30), at + 50)
        self._complain(
            f"{what}, {self._name}: {found[place]!r} in place of {expected[place]!r}; "
            f"cursor {self._cursor()}, expected in line {self._before.count(chr(10)) + 1}; {''.join(self._trail)!r}"
        )
        self._place()
        return False

    def _save(self, expected: str | None = None) -> None:
        """Save, and wait until it has happened."""
        if not self._name:
            return
        self.page.keyboard.press("Control+s")
        self.page.locator(".tab.active.dirty").wait_for(state="detached")
        end = time.monotonic() + PATIENCE_S
        while expected is not None and self._read() != expected and time.monotonic() < end:
            self.page.wait_for_timeout(50)

    def _read(self) -> str:
        """The file; VS Code empties it before it writes."""
        end = time.monotonic() + PATIENCE_S
        while not (text := (self.workspace / self._name).read_bytes().decode()) and time.monotonic() < end:
            self.page.wait_for_timeout(50)
        return text

    def _complain(self, words: str) -> None:
        print(f"wrong: {words}", file=sys.stderr, flush=True)
        self.wrong.append(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="Python files without tabs")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--model", help="bundle; by default the one that ships")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    entry = find_code_server()
    if entry is None or not VSIX.is_file():
        sys.exit("there is no code-server, or no packed extension: run `make code-server vsix`")
    files = options.files or [Path(str(__import__(name).__file__)) for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        report = soak(entry, Path(folder), files, options)
    report = {
        "command": " ".join(["python", "benchmarks/editor_soak.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": cpu(),
    } | report
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        for key, value in report.items():
            if key != "memory":
                print(f"{key}: {value}")
    sys.exit(bool(report["wrong"]))


def soak(entry: Path, folder: Path, files: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Work for that long; what was done, and what was wrong."""
    workspace = folder / "project"
    workspace.mkdir()
    sources = {file.name: _code(file) for file in files}
    for name, text in sources.items():
        (workspace / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "codling", "lsp", *(["--model", options.model] if options.model else [])]
    env = {"CODLING_HOME": str(folder / "home")}
    settings = EXACT | {"codling.command": command, "editor.useTabStops": False}
    with (
        sync_playwright() as playwright,
        CodeServer(entry, folder / "cs", workspace, settings, env=env) as server,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        window = Workbench(browser, server.url)
        page_errors: list[str] = []
        window.page.on("pageerror", lambda error: page_errors.append(str(error)[:300]))
        window.page.set_default_timeout(1_000 * PATIENCE_S)
        window.open(files[0].name)
        window.ready()
        (process,) = _processes(server, command)
        host = process.parent()
        typist = Typist(window, workspace, sources, options.seed)
        memory: list[dict[str, float]] = []
        started = time.monotonic()
        while (passed := time.monotonic() - started) < 60 * options.minutes:
            typist.act()
            if not process.is_running():
                break
            if passed >= EVERY_S * len(memory):
                memory.append({"s": round(passed), "server_mb": _mb(process), "host_mb": _mb(host)})
                _say(memory[-1], typist)
        wrong = typist.wrong + page_errors + _complaints(server)
        if _processes(server, command) != [process]:
            wrong.append("the server did not live through it")
        notices = window.page.locator(".notification-list-item").all_inner_texts()
        browser.close()
    growth = {name: _growth([row[name] for row in memory]) for name in ("server_mb", "host_mb")}
    if options.minutes >= 10:  # before that, caches fill
        wrong += [f"{name} grew by {share:.0%}" for name, share in growth.items() if share > MAX_GROWTH]
    return {
        "files": [file.name for file in files],
        "minutes": options.minutes,
        "seed": options.seed,
        "done": dict(typist.done),
        "growth": growth,
        "memory_mb": {name: [memory[0][name], max(row[name] for row in memory), memory[-1][name]] for name in growth},
        "wrong": wrong + [f"a notice: {each}" for each in notices],
        "memory": memory,
    }


def _code(file: Path) -> str:
    """A file without comments, in which codling has nothing to say."""
    cleaned = clean(file.read_bytes(), "python")
    if isinstance(cleaned, Dropped):
        sys.exit(f"{file} cannot be typed: {cleaned.reason} {cleaned.detail}")
    return cleaned.text


def _say(row: dict[str, float], typist: Typist) -> None:
    done = typist.done
    print(
        f"{row['s']:5.0f} s  server {row['server_mb']:.0f} MB  extension host {row['host_mb']:.0f} MB"
        f"  {done['keys']} keys, {done['taken']} taken, {len(typist.wrong)} wrong",
        file=sys.stderr,
        flush=True,
    )


def _processes(server: CodeServer, command: list[str]) -> list[psutil.Process]:
    """The language servers that this VS Code has started."""
    return [each for each in psutil.Process(server.process.pid).children(recursive=True) if each.cmdline() == command]


def _mb(process: psutil.Process | None) -> float:
    return 0.0 if process is None else round(process.memory_info().rss / 2**20, 1)


def _growth(values: list[float]) -> float:
    """Of the median, from the second quarter to the last."""
    quarter = max(1, len(values) // 4)
    return float(np.median(values[-quarter:]) / np.median(values[quarter : 2 * quarter] or values[:1]) - 1)


def _complaints(server: CodeServer) -> list[str]:
    """Errors in the extension's log, and in the extension host's as far as they are ours."""
    found = [line for line in server.log().splitlines() if re.search(r"\[(error|warning)\]", line)]
    for path in (server.folder / "data" / "logs").rglob("remoteexthost.log"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [line for line in lines if "[error]" in line and "codling" in line]
    return found


if __name__ == "__main__":
    main()
