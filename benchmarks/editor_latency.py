"""How long from a key to its ghost text in a real VS Code? Measured inside the browser that shows it.

    python benchmarks/editor_latency.py [--model NAME] [--file FILE.py] [--keystrokes N] [--tokens N] [--json]

Somebody types a file that no model has seen on from its middle, at the pace of a person. A MutationObserver sees when
VS Code draws ghost text for the text as it is after a key; the time is that from the key's own timestamp to there. Keys
after which ghost text is shown count, in two kinds: those that type along what is shown already, whose rest VS Code
keeps or codling gives without asking the server, and those after which it is another one. How often ghost text goes and
comes back after one key, as it can when the list opens behind it, is counted, too. VS Code asks no extension for
another one before 50 ms have passed. What cannot be had quicker is measured in the same window: an extension that gives
the same ghost text always, in a plain text, for the same keys. The server's part is what it says itself,
`codling/status`.

It takes `make code-server vsix`. The list of next tokens is on (`--tokens 0`: off); what VS Code types by itself,
closing brackets and indentation, is off.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from context import commit, cpu
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser import FLAGS, find_chromium  # noqa: E402
from codeserver import EXACT, EXTENSION, VSIX, CodeServer, Workbench, find_code_server  # noqa: E402
from codling.corpus.clean import Dropped, clean  # noqa: E402

LIMITS_MS = {"all": (50, 120)}  # p50 and p95 that codling is meant to keep
FLOOR = ROOT / "benchmarks" / "baselines" / "vscode_floor"
WARM_UP = 15  # keystrokes that do not count

WATCH = r"""() => {
  const plain = text => text.replaceAll("\u00a0", " ").replaceAll("\u200b", "");
  const watch = window.watch = { expected: null, key: 0, seen: [] };
  document.addEventListener("keydown", event => { watch.key = event.timeStamp; }, true);
  const look = () => {
    if (watch.expected === null) return;
    let shown = null;  // as long as no line is what is expected
    for (const line of document.querySelectorAll(".editor-instance .view-lines > .view-line")) {
      const ghosts = [...line.querySelectorAll("[class*=ghost-text-decoration]")]
        .filter(each => !each.querySelector("[class*=ghost-text-decoration]"));
      const copy = line.cloneNode(true);
      copy.querySelectorAll("[class*=ghost-text]").forEach(each => each.remove());
      if (plain(copy.textContent) !== watch.expected) continue;
      shown = plain(ghosts.map(each => each.textContent).join("")) || shown || "";
    }
    const before = watch.seen.at(-1)?.[1] ?? "";
    if (shown !== null && shown !== before) watch.seen.push([performance.now() - watch.key, shown]);
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="bundle; by default the one that ships")
    parser.add_argument("--file", type=Path, default=Path(argparse.__file__), help="file whose typing is replayed")
    parser.add_argument("--keystrokes", type=int, default=250)
    parser.add_argument("--floor", type=int, default=60, help="of them, in the extension that costs nothing")
    parser.add_argument("--tokens", type=int, default=8, help="length of the list of next tokens; 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of the pauses between keys")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    entry = find_code_server()
    if entry is None or not VSIX.is_file():
        sys.exit("there is no code-server, or no packed extension: run `make code-server vsix`")
    text, start = _typed(options.file, options.keystrokes)
    keys = text[start : start + WARM_UP + options.keystrokes]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder, "project")
        workspace.mkdir()
        (workspace / options.file.name).write_text(text[:start], encoding="utf-8")
        (workspace / "floor.txt").write_text(text[:start], encoding="utf-8")
        command = [sys.executable, "-m", "codling", "lsp", *(["--model", options.model] if options.model else [])]
        settings = EXACT | {"codling.command": command, "codling.tokens": options.tokens}
        settings["editor.wordBasedSuggestions"] = "off"  # their list would hide the floor's ghost text
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        env = {"CODLING_HOME": str(Path(folder, "home"))}
        extensions = (VSIX, _pack(FLOOR, Path(folder)))
        with CodeServer(entry, Path(folder, "cs"), workspace, settings, extensions=extensions, env=env) as server:
            window = Workbench(browser, server.url)
            window.open(options.file.name)
            window.ready()
            window.page.evaluate(WATCH)
            pauses = random.Random(options.seed)
            ours = _type(window, text[:start], keys, pauses)
            window.open("floor.txt")
            floor = _type(window, text[:start], keys[: WARM_UP + options.floor], pauses)
            browser.close()
    report = {
        "command": " ".join(["python", "benchmarks/editor_latency.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, {platform.platform()}",
        "versions": {"python": platform.python_version(), "code-server": _version(entry)},
        "file": f"{options.file.name}, {options.keystrokes:,} keystrokes from character {start:,}",
        "seed": options.seed,
        "rows": _rows(ours, floor),
    }
    print(json.dumps(report, indent=1)) if options.json else _print(report)


def _typed(file: Path, keystrokes: int) -> tuple[str, int]:
    """The text to type, without comments, in which codling has nothing to say, and where to begin."""
    cleaned = clean(file.read_bytes(), "python")
    if isinstance(cleaned, Dropped):
        sys.exit(f"{file} cannot be typed: {cleaned.reason} {cleaned.detail}")
    text = cleaned.text
    start = text.find("\n", len(text) // 2) + 1
    if len(text) - start < keystrokes + WARM_UP:
        sys.exit(f"{file} is too short: it takes {2 * (keystrokes + WARM_UP):,} characters")
    return text, start


def _pack(folder: Path, out: Path) -> Path:
    """An extension's folder as a .vsix."""
    made = out / f"{folder.name}.vsix"
    vsce = EXTENSION / "node_modules" / ".bin" / "vsce"
    flags = ["--no-dependencies", "--allow-missing-repository", "--skip-license", "--out", str(made)]
    subprocess.run([vsce, "package", *flags], cwd=folder, check=True, capture_output=True)
    return made


def _type(window: Workbench, before: str, keys: str, pauses: random.Random) -> list[dict[str, Any]]:
    """Type behind a text; for each key the ghost text that came first, and after how long."""
    page = window.page
    page.keyboard.press("Control+End")
    page.wait_for_timeout(1_500)
    line = before.rpartition("\n")[2]
    rows: list[dict[str, Any]] = []
    shown = ""
    for number, key in enumerate(keys):
        line = "" if key == "\n" else line + key
        page.evaluate("line => { watch.seen = []; watch.expected = line; }", line)
        page.keyboard.press("Enter") if key == "\n" else page.keyboard.type(key)
        page.wait_for_timeout(pauses.uniform(130, 330))
        seen, words = page.evaluate(
            """() => [watch.seen, document.querySelector('[id="codling.codling.codling.status"]').ariaLabel]"""
        )
        if number >= WARM_UP:
            served = re.search(r"took ([\d.]+) ms", words)
            first = seen[0] if seen else None
            rows.append(
                {
                    "ms": first[0] if first else None,
                    "is_along": bool(first) and len(shown) > 1 and first[1] == shown[1:] and shown[0] == key,
                    "server_ms": float(served[1]) if served else None,
                    "gone_ms": sum(seen[at + 1][0] - seen[at][0] for at in range(len(seen) - 1) if not seen[at][1]),
                }
            )
        shown = seen[-1][1] if seen else ""
    return rows


def _rows(ours: list[dict[str, Any]], floor: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = [row for row in ours if row["ms"] is not None]
    served = [row["server_ms"] for row in ours if row["server_ms"] is not None]
    kinds = {
        "all": [row["ms"] for row in shown],
        "typing along what is shown": [row["ms"] for row in shown if row["is_along"]],
        "another one": [row["ms"] for row in shown if not row["is_along"]],
        "of it the server, when it was asked last": served,
        "another one, by an extension that costs nothing": [row["ms"] for row in floor if row["ms"] is not None],
    }
    rows = [
        {
            "what": what,
            "n": len(times),
            "p50_ms": float(np.percentile(times, 50)) if times else None,
            "p95_ms": float(np.percentile(times, 95)) if times else None,
        }
        for what, times in kinds.items()
    ]
    rows[0]["keystrokes"] = len(ours)
    gone = [row["gone_ms"] for row in ours if row["gone_ms"]]
    rows[0]["blinks"], rows[0]["gone_ms"] = len(gone), float(np.median(gone)) if gone else None
    if rows[2]["p50_ms"] and rows[4]["p50_ms"]:
        rows[2]["ratio_to_floor"] = rows[2]["p50_ms"] / rows[4]["p50_ms"]
    return rows


def _version(entry: Path) -> str:
    manifest = json.loads((entry.parents[2] / "package.json").read_text(encoding="utf-8"))
    return str(manifest["version"])


def _print(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "file", "seed"):
        print(f"{key}: {report[key]}")
    print("versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    print(f"\n{'milliseconds from the key':50} {'n':>5} {'p50':>7} {'p95':>7}   meant to be")
    for row in report["rows"]:
        if row["p50_ms"] is None:
            print(f"{row['what']:50} {0:5}")
            continue
        meant = " / ".join(map(str, LIMITS_MS.get(row["what"], ())))
        print(f"{row['what']:50} {row['n']:5} {row['p50_ms']:7.1f} {row['p95_ms']:7.1f}   {meant}")
    first = report["rows"][0]
    print(f"ghost text after {first['n']} of {first['keystrokes']} keys")
    if first["blinks"]:
        print(f"after {first['blinks']} of them it went and came back, {first['gone_ms']:.0f} ms later (p50)")
    if "ratio_to_floor" in report["rows"][2]:
        print(f"another one: {report['rows'][2]['ratio_to_floor']:.2f} x the p50 of the extension that costs nothing")


if __name__ == "__main__":
    main()
