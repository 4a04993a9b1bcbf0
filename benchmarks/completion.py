"""Is what Tab offers right? Cursor positions in real files, beside an n-gram of the same file.

    python benchmarks/completion.py PATH… [--model python-char] [--cases 300] [--seed 0] [--json]

PATH are Python files, or folders of them, that the model was not trained on. Files are read as they are, comments and
docstrings in place. A case is a place in code where someone might wait for a suggestion: what they would write to the
end of the line is taken away, the lines below stay. Before the clock starts, the text up to the character before the
cursor is completed once, as the editor did at the last keystroke.

places   start: at a line's first character · word: in the middle of a name · after: behind ( [ . = or a comma ·
         closed: behind an opening bracket whose closing one the editor has put in · end: the line is complete, and
         silence is right (counted apart)
"""

from __future__ import annotations

import argparse
import difflib
import io
import itertools
import json
import keyword
import platform
import random
import sys
import time
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks" / "baselines"))

import numpy as np  # noqa: E402
from context import commit, cpu  # noqa: E402
from file_ngram import FileNgram  # noqa: E402

from codling import Completer, load_bundle  # noqa: E402
from codling.bundle import default_model  # noqa: E402
from codling.complete.lexical import token_end, word_before  # noqa: E402

PLACES = ("start", "word", "after", "closed", "end")
MIN_CHARS, MAX_CHARS = 1_000, 200_000  # of a file: enough of it to draw from, and not data
MAX_TRUTH = 160  # characters of a line that anybody would have completed for them
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Case:
    """A cursor, and what its author wrote there."""

    path: str
    place: str
    prefix: str
    suffix: str
    truth: str
    "The rest of the line, or of the brackets, without a comment; empty where the line is complete."

    @property
    def token(self) -> str:
        """What of it makes the first token."""
        end = token_end(self.truth, word_before(self.prefix[self.prefix.rfind("\n") + 1 :]))
        return self.truth[:end]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one completer gave for a case."""

    line: str
    lines: list[str]
    tokens: list[str]
    ms: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="Python files or folders of them")
    parser.add_argument("--model", help="bundle of `codling train`; by default the one that completes Python")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--sure", type=float, help="where lines are cut short, 0 for whole lines; as in editors if left out"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.paths:
        parser.error("name Python files or folders that the model was not trained on, such as an unpacked sdist")
    for path in options.paths:
        if not path.exists():
            print(f"{path} is not there: skipped", file=sys.stderr)
    roots = [path for path in options.paths if path.exists()]
    cases = draw(roots, options.cases, options.seed)
    if not cases:
        sys.exit("nothing to measure: no Python file of a fitting size that parses")
    bundle = load_bundle(options.model or default_model("python"))
    completer = Completer(bundle.path) if options.sure is None else Completer(bundle.path, sure=options.sure)
    report = {
        "command": " ".join(["python", "benchmarks/completion.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, {platform.platform()}, Python {platform.python_version()}",
        "model": f"{bundle.name}: {bundle.num_bytes / 1e6:.1f} MB",
        "peer": "token n-gram with back-off over the file before the cursor",
        "sources": [str(path) for path in roots],
        "seed": options.seed,
        "cases": len(cases),
        "similarity": "difflib.SequenceMatcher.ratio, without autojunk",
        "rows": measure(cases, {"codling": codling(completer), "n-gram": ngram}),
    }
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        _print(report)


def draw(roots: list[Path], num: int, seed: int) -> list[Case]:
    """Cases in equal shares from each root, and from each kind of place, as far as files have them."""
    choose = random.Random(seed)
    files = [sorted(root.rglob("*.py")) if root.is_dir() else [root] for root in roots]
    files = [group for group in files if group]
    cases: list[Case] = []
    for attempt in range(20 * num if files else 0):
        if len(cases) == num:
            break
        group = files[attempt % len(files)]
        place = PLACES[len(cases) % len(PLACES)]
        path = choose.choice(group)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if MIN_CHARS <= len(text) <= MAX_CHARS:
            found = [case for case in _cases(str(path), text) if case.place == place]
            if found:
                cases.append(choose.choice(found))
    return cases


def codling(completer: Completer) -> Callable[[Case], Answer]:
    def ask(case: Case) -> Answer:
        completer.complete(case.prefix[:-1], case.suffix)
        ms: dict[str, float] = {}
        texts: dict[str, list[str]] = {}
        for kind, limit in (("line", 1), ("line", 5), ("token", 1), ("token", 5)):
            start = time.perf_counter()
            answer = completer.complete(case.prefix, case.suffix, kind=kind, limit=limit)  # type: ignore[arg-type]
            ms[f"{kind} {limit}"] = _ms_since(start)
            texts[f"{kind} {limit}"] = [row.text for row in answer.suggestions]
        return Answer(next(iter(texts["line 1"]), ""), texts["line 5"], [*texts["token 1"], *texts["token 5"]], ms)

    return ask


def ngram(case: Case) -> Answer:
    start = time.perf_counter()
    model = FileNgram(case.prefix)
    line = model.line()
    if case.place == "closed":
        line = line[: _closes(line, case.suffix[0])]
    ms = _ms_since(start)
    return Answer(line, [line], model.tokens(5), dict.fromkeys(("line 1", "line 5", "token 1", "token 5"), ms))


def measure(cases: list[Case], completers: dict[str, Callable[[Case], Answer]]) -> list[dict[str, Any]]:
    """One row per place and completer, and one for all places where there is something to write."""
    answers = {name: [ask(case) for case in cases] for name, ask in completers.items()}
    rows = []
    for place in ("all", *PLACES):
        picked = [i for i, case in enumerate(cases) if case.place == place or (place == "all" and case.truth)]
        for name, given in answers.items():
            if picked:
                row = _row([cases[i] for i in picked], [given[i] for i in picked])
                rows.append({"place": place, "completer": name, **row})
    return rows


def _row(cases: list[Case], answers: list[Answer]) -> dict[str, Any]:
    pairs = list(zip(cases, answers, strict=True))
    shown = [(case, answer) for case, answer in pairs if answer.line]
    right = [len(answer.line) for case, answer in shown if case.truth.startswith(answer.line)]
    ms = {kind: [answer.ms[kind] for answer in answers] for kind in answers[0].ms}
    return {
        "n": len(pairs),
        "shown": len(shown) / len(pairs),
        "right": len(right) / max(1, len(shown)),
        "exact": mean(answer.line == case.truth for case, answer in pairs),
        "exact_of_5": mean(case.truth in (answer.lines or [""]) for case, answer in pairs),
        "similarity": mean(
            difflib.SequenceMatcher(None, case.truth, answer.line, autojunk=False).ratio() for case, answer in pairs
        ),
        "chars_right": mean(_num_right(case.truth, answer.line) for case, answer in pairs),
        "saved": sum(length - 1 for length in right) / max(1, sum(len(case.truth) for case in cases)),
        "token_1": mean(answer.tokens[:1] == [case.token] for case, answer in pairs),
        "token_5": mean(case.token in answer.tokens[:6] for case, answer in pairs),
        **{f"p50_ms {kind}": float(np.percentile(times, 50)) for kind, times in ms.items()},
        **{f"p95_ms {kind}": float(np.percentile(times, 95)) for kind, times in ms.items()},
    }


def _cases(path: str, text: str) -> Iterator[Case]:
    """All places of a file at which a case may be drawn."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    lines = text.splitlines(keepends=True)
    if len(lines) != text.count("\n") + (not text.endswith("\n")) or "\r" in text or not lines:
        return  # form feeds and their like; rows could not be told
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    ends = {token.start[0]: token.start[1] for token in tokens if token.type == tokenize.COMMENT}
    prose = _prose_rows(tokens)

    def case(place: str, row: int, column: int) -> Case | None:
        line = lines[row - 1]
        end = len(line[: ends.get(row, len(line))].rstrip())
        truth = line[column:end]
        suffix = text[starts[row] - line.endswith("\n") :]
        if place == "closed":
            length = _closes(truth, _CLOSERS[line[column - 1]])
            if length is None:
                return None
            truth, suffix = truth[:length], truth[length:] + suffix
        if row in prose or len(truth) > MAX_TRUTH or bool(truth.strip()) == (place == "end") or starts[row - 1] == 0:
            return None
        return Case(path, place, text[: starts[row - 1] + column], suffix, truth)

    for before, token in itertools.pairwise(tokens):
        row, column = token.start
        wanted: list[tuple[str, int]] = []
        if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER):
            if not lines[row - 1][:column].strip():
                wanted.append(("start", column))
            if token.type == tokenize.NAME and len(token.string) > 3 and not keyword.iskeyword(token.string):
                wanted.append(("word", column + 1 + row % (len(token.string) - 2)))
            if token.string in ("(", "[", ".", "=", ","):
                after = token.end[1]
                wanted.append(("after", after + (lines[row - 1][after : after + 1] == " ")))
            if token.string in ("(", "["):
                wanted.append(("closed", token.end[1]))
        if token.type in (tokenize.NEWLINE, tokenize.NL) and before.type != tokenize.COMMENT and before.end[0] == row:
            wanted.append(("end", before.end[1]))
        for place, at in wanted:
            found = case(place, row, at)
            if found is not None:
                yield found


def _prose_rows(tokens: list[tokenize.TokenInfo]) -> set[int]:
    """Rows of strings that stand as statements or reach over several rows."""
    rows: set[int] = set()
    code = [token for token in tokens if token.type not in (tokenize.COMMENT, tokenize.NL)]
    layout = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    for i, token in enumerate(code):
        if token.type == tokenize.STRING:
            alone = (i == 0 or code[i - 1].type in layout) and code[i + 1].type == tokenize.NEWLINE
            if alone or token.start[0] != token.end[0]:
                rows.update(range(token.start[0], token.end[0] + 1))
    return rows


def _closes(text: str, closer: str) -> int | None:
    """Where a bracket that was opened before the text is closed in it."""
    opener = next(key for key, value in _CLOSERS.items() if value == closer)
    depth = 0
    for at, character in enumerate(text):
        if character == closer and depth == 0:
            return at
        depth += (character == opener) - (character == closer)
    return None


def _print(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "model", "peer", "seed", "cases", "similarity"):
        print(f"{key}: {report[key]}")
    columns = ("shown", "right", "exact", "exact_of_5", "similarity", "saved", "token_1", "token_5")
    print(
        f"\n{'place':7}{'completer':10}{'n':>5}" + "".join(f"{name:>11}" for name in columns) + f"{'chars':>7}", end=""
    )
    print(f"{'line ms p50':>13}{'p95':>6}{'token p50':>11}{'p95':>6}")
    by_place: dict[str, list[dict[str, Any]]] = {}
    for row in report["rows"]:
        by_place.setdefault(row["place"], []).append(row)
    for rows in by_place.values():
        for row in rows:
            print(f"{row['place']:7}{row['completer']:10}{row['n']:5}", end="")
            print("".join(f"{row[name]:11.3f}" for name in columns) + f"{row['chars_right']:7.1f}", end="")
            print(f"{row['p50_ms line 1']:13.1f}{row['p95_ms line 1']:6.0f}", end="")
            print(f"{row['p50_ms token 5']:11.1f}{row['p95_ms token 5']:6.0f}")
        ours, peer = rows
        ratios = (ours[name] / peer[name] if peer[name] else float("nan") for name in columns)
        print(f"{'':7}{'ratio':15}" + "".join(f"{ratio:10.2f}x" for ratio in ratios))
    print("\nshown: a line was offered · right: of those, the file goes on so · exact: the whole rest of the line")
    print("(nothing, at a complete one) · saved: characters that Tab on a right line spares, of all to be typed ·")
    print("chars: before the first mistake")


def _num_right(truth: str, line: str) -> int:
    """Characters before the first mistake."""
    return next(
        (at for at, pair in enumerate(zip(truth, line, strict=False)) if pair[0] != pair[1]), min(len(truth), len(line))
    )


def _ms_since(start: float) -> float:
    return (time.perf_counter() - start) * 1_000


if __name__ == "__main__":
    main()
