"""How often what a comment in an editor asks for is offered, and right, by the score from which on it is shown.

    python benchmarks/comments.py [--pairs PAIRS.jsonl …] [FOLDER …] [--every N] [--json]

Pairs are rows {"text", "code"}; each text becomes a comment in an empty file. In folders, every comment that stands
above one statement of one line is a case: the file is cut behind the comment, and that statement is what is right.
Right means an equal syntax tree. The door itself is measured, not the writer alone: what it leaves out counts as not
shown.

The peer is silence, which is never wrong and saves nothing: so the table says what is shown, and how much of that is
right.
"""

from __future__ import annotations

import argparse
import ast
import json
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from context import commit, cpu

from codling.complete.context import prepare
from codling.complete.described import fitted, wanted_here
from codling.serve.writing import LazyWriter

THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)


@dataclass(frozen=True)
class Case:
    prefix: str
    suffix: str
    right: str


@dataclass(frozen=True)
class Offered:
    score: float
    right: bool
    ms: float


def of_pairs(path: Path) -> Iterator[Case]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Case(f"# {' '.join(row['text'].split())}\n", "", row["code"])


def of_folder(folder: Path) -> Iterator[Case]:
    for path in sorted(folder.rglob("*.py")):
        try:
            text = path.read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (SyntaxError, ValueError, OSError):
            continue
        lines = text.split("\n")
        for node in ast.walk(tree):
            if not isinstance(node, ast.stmt) or node.lineno != node.end_lineno or node.lineno < 2:
                continue
            above, below = lines[node.lineno - 2], lines[node.lineno] if node.lineno < len(lines) else ""
            line = lines[node.lineno - 1]
            indent = line[: len(line) - len(line.lstrip())]
            alone = not below.strip() or not below.startswith(indent) or bool(below[len(indent) :].startswith("#"))
            if alone and above.startswith(indent + "#") and line.strip():
                before = "\n".join(lines[: node.lineno - 1]) + "\n" + indent
                yield Case(before, "\n" + "\n".join(lines[node.lineno :]), line.strip())


def ask(writer: LazyWriter, case: Case) -> Offered | None:
    """What is offered first; None where the comment is taken for no description, or nothing fits."""
    context = prepare(case.prefix, case.suffix)
    wanted = wanted_here(context)
    if wanted is None:
        return None
    started = time.perf_counter()
    programs = writer.programs(wanted.description, 5, lambda: False)
    ms = (time.perf_counter() - started) * 1_000
    for code, score in programs:
        text = fitted(code, wanted, context)
        if text is not None:
            return Offered(score, same(text, case.right), ms)
    return None


def same(text: str, right: str) -> bool:
    tree = dump(right)
    return tree is not None and dump(text) == tree


def dump(text: str) -> str | None:
    """A statement's tree; a line that begins a block as if it were passed."""
    text = text.strip()
    for whole in (text, text + "\n    pass", f"def f():\n    {text}", text + "\n" + " " * 8 + "pass"):
        try:
            return ast.dump(ast.parse(whole))
        except SyntaxError:
            continue
    return None


def table(name: str, rows: list[Offered | None]) -> dict[str, Any]:
    found = []
    for threshold in THRESHOLDS:
        shown = [row for row in rows if row is not None and row.score >= threshold]
        found.append({"threshold": threshold, "shown": len(shown), "right": sum(row.right for row in shown)})
    times = sorted(row.ms for row in rows if row is not None) or [float("nan")]
    p50, p95 = times[len(times) // 2], times[int(0.95 * (len(times) - 1))]
    return {"name": name, "comments": len(rows), "rows": found, "p50_ms": p50, "p95_ms": p95}


def show(found: dict[str, Any]) -> None:
    print(f"\n{found['name']}: {found['comments']} comments")
    print(f"{'score from':>10} {'shown':>12} {'right, of those':>16}")
    for row in found["rows"]:
        share = f"{row['right'] / row['shown']:.1%}" if row["shown"] else "–"
        print(f"{row['threshold']:10.2f} {row['shown']:5} {row['shown'] / max(1, found['comments']):6.1%} {share:>16}")
    print(f"a program takes {found['p50_ms']:.0f} ms (p50), {found['p95_ms']:.0f} ms (p95)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--pairs", action="append", default=[], type=Path, metavar="PAIRS.jsonl")
    parser.add_argument("--every", type=int, default=1, help="take every Nth case")
    parser.add_argument("--model", default="write")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    writer = LazyWriter(options.model)
    tables = []
    for path in (*options.pairs, *options.folders):
        if not path.exists():
            print(f"skipped, for it is not there: {path}", file=sys.stderr)
            continue
        cases = list(of_folder(path) if path.is_dir() else of_pairs(path))[:: options.every]
        tables.append(table(path.name, [ask(writer, case) for case in cases]))
    machine = {"commit": commit(), "cpu": cpu(), "python": platform.python_version(), "model": options.model}
    if options.json:
        print(json.dumps({**machine, "command": sys.argv, "tables": tables}, indent=1))
        return
    print(", ".join(machine.values()))
    for found in tables:
        show(found)


if __name__ == "__main__":
    main()
