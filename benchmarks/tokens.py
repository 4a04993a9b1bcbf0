"""Next tokens, whole lines and keystrokes on projects that nobody was trained on, beside peers in the same run.

    python benchmarks/tokens.py [PATH…] [--corpus CORPUS] [--language python] [--model python] [--peer python-char]
        [--lstm BUNDLE] [--max-tokens 30000] [--lines 150] [--ranks 150] [--stretches 15] [--seed 0] [--json]

PATH are folders, each a project, or files; CORPUS one of `codling corpus build`, whose test split is measured on and
whose training split the n-gram learns from. Files are measured in groups, by their path, for scripts (examples,
notebooks) are harder than libraries. What is counted, and how: docs/evaluation.md.

columns  codling: the bundle · peers: other bundles · lstm: a plain one, trained by the same recipe · n-gram: a 5-gram
         of the corpus (up to --ngram-tokens) with the project and the file nested in it · jedi: Python identifiers
         only, in the order of its list
rows     static: the network, or the corpus' n-grams, alone · + file: what stands above the cursor is counted, too ·
         + project: and all other files of the project
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks" / "baselines"))

import numpy as np  # noqa: E402
from context import commit, cpu  # noqa: E402
from corpus_ngram import ORDER, FileCounts, NestedNgram, Table, Vocabulary, cut  # noqa: E402

from codling import load_bundle  # noqa: E402
from codling.bundle import Card  # noqa: E402
from codling.engine.gate import load_gate  # noqa: E402
from codling.engine.model import load_model  # noqa: E402
from codling.engine.project_store import clear_stored  # noqa: E402
from codling.errors import CodlingError  # noqa: E402
from codling.evaluate.completers import Completers  # noqa: E402
from codling.evaluate.hits import Hits  # noqa: E402
from codling.evaluate.keystrokes import Stretch, Suggest, draw_stretches, summarise_typing, type_stretch  # noqa: E402
from codling.evaluate.lexemes import KINDS, Lexeme  # noqa: E402
from codling.evaluate.lines import CompleteLine, LineCase, draw_lines, measure_lines, summarise_lines  # noqa: E402
from codling.evaluate.modes import MODES, Mode, hits_of, index_projects, predict  # noqa: E402
from codling.evaluate.ranks import (  # noqa: E402
    LIST,
    ListTokens,
    RankCase,
    draw_ranks,
    measure_ranks,
    summarise_ranks,
)
from codling.evaluate.sources import Sample, SourceFile, draw_files  # noqa: E402
from codling.evaluate.tally import accuracies  # noqa: E402

SCRIPTS = r"(^|/)(examples?|notebooks?|scripts?|tutorials?|demos?|galler(y|ies)|docs?)(/|$)"
MODE_NAMES = {"static": "static", "dynamic": "+ file", "maintenance": "+ project"}
LISTED = 5  # tokens that the user sees while typing
STRETCH_LINES = 12
MAX_FILES = 40  # that lists, lines and typing are drawn from, per group
STARTED = time.perf_counter()
START = "\0"  # before each document of the n-gram

Row = dict[str, Any]
"A share with its number and interval, as codling.evaluate.tally gives it."


@dataclass
class Group:
    """Files that are reported together, and what is drawn from them; the same for all columns."""

    name: str
    language: str
    files: list[SourceFile]
    sample: Sample
    ranks: list[RankCase]
    lines: list[LineCase]
    stretches: list[Stretch]
    columns: dict[str, dict[str, Row]] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--corpus", type=Path, help="a corpus with texts, whose test projects were not trained on")
    parser.add_argument("--language", default="python")
    parser.add_argument("--model", default="python", help="the bundle that is measured")
    parser.add_argument("--peer", action="append", help="another bundle; python-char for Python if left out")
    parser.add_argument("--lstm", help="a plain LSTM's bundle, as `codling bundle make` writes it")
    parser.add_argument(
        "--group",
        action="append",
        metavar="NAME=REGEX",
        help=f"files, by project/path, that are reported by themselves; the rest are others (scripts={SCRIPTS})",
    )
    parser.add_argument("--max-tokens", type=int, default=30_000, help="lexical tokens per group")
    parser.add_argument("--lines", type=int, default=150, help="lines to complete per group")
    parser.add_argument("--ranks", type=int, default=150, help="lists of next tokens per group")
    parser.add_argument("--stretches", type=int, default=15, help=f"places to type {STRETCH_LINES} lines at, per group")
    parser.add_argument(
        "--asked",
        nargs="*",
        choices=MODES,
        default=["static", "maintenance"],
        help="modes in which lists, lines and typing are measured, which takes long",
    )
    parser.add_argument("--ngram-tokens", type=int, default=5_000_000, help="tokens that the n-gram learns from")
    parser.add_argument("--jedi", type=int, default=100, help="identifiers that jedi is asked for; 0 for none")
    parser.add_argument("--jedi-seconds", type=float, default=60, help="time for all of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.paths and not options.corpus:
        parser.error("name a corpus, or folders that the model was not trained on")
    bundles = open_bundles(options)
    card = next(iter(bundles.values())).card if bundles else None
    with tempfile.TemporaryDirectory() as folder:
        corpus_files = read_corpus(options.corpus, options.language, Path(folder))
        report = measure(options, bundles, [*corpus_files, *read_paths(options.paths, options.language, card)])
        for file in {file.root: file for file in corpus_files}.values():
            clear_stored(file.root)  # what the completers noted of folders that are gone
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)


def measure(options: argparse.Namespace, bundles: dict[str, Any], files: list[SourceFile]) -> dict[str, Any]:
    groups = list(draw(files, options))
    if not groups:
        sys.exit("nothing to measure: no file of the language is there")
    for name, bundle in bundles.items():
        column = Network(bundle, files)
        for group in groups:
            tell(f"{name} on {group.name}")
            group.columns[name] = column.measure(group, options)
    learned = learn_ngram(options)
    ngram = Ngram(learned, files)
    for group in groups:
        tell(f"n-gram on {group.name}")
        group.columns["n-gram"] = ngram.measure(group, options)
        if options.language == "python" and options.jedi:
            tell(f"jedi on {group.name}")
            found = jedi_row(group, options)
            if found:
                group.columns["jedi"] = found
    return {
        "command": " ".join(["python", "benchmarks/tokens.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, {platform.platform()}, Python {platform.python_version()}",
        "models": {name: f"{bundle.name}: {bundle.num_bytes / 1e6:.1f} MB" for name, bundle in bundles.items()},
        "ngram_tokens": learned.num_tokens,
        "seed": options.seed,
        "groups": [
            {
                "group": group.name,
                "files": len(group.sample.files),
                "projects": len({file.project for file in group.sample.files}),
                "columns": group.columns,
            }
            for group in groups
        ],
    }


def open_bundles(options: argparse.Namespace) -> dict[str, Any]:
    peers = options.peer if options.peer is not None else ["python-char"] if options.language == "python" else []
    named = {"codling": options.model, **{peer: peer for peer in peers}, "lstm": options.lstm}
    bundles = {}
    for name, where in named.items():
        if where is None:
            tell(f"{name}: no bundle was named (--{name}), so it has no column")
            continue
        try:
            bundles[Path(name).name] = load_bundle(where)
        except CodlingError as error:
            tell(f"{name} is skipped: {error}")
    return bundles


def read_corpus(corpus: Path | None, language: str, folder: Path) -> list[SourceFile]:
    """The test split, laid out below a folder, for completers read a project from its files."""
    files = []
    for project, path, text in corpus_rows(corpus, "test", language):
        root = folder / project
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        row = SourceFile(name=f"{project}/{path}", text=text, language=language, project=project, path=path, root=root)
        files.append(row)
    return files


def corpus_rows(corpus: Path | None, split: str, language: str) -> list[tuple[str, str, str]]:
    """Project, path and text of a split; nothing, with a word, where that is not there."""
    where = corpus / "text" / f"{split}.parquet" if corpus else None
    if where is None or not where.exists():
        if where:
            tell(f"{where} is not there: skipped")
        return []
    try:
        import pyarrow.parquet as pq
    except ImportError:
        tell("corpora need pyarrow, which is in the extra train: skipped")
        return []
    rows = pq.read_table(where, columns=["project", "path", "language", "text"]).to_pylist()
    return [(row["project"], row["path"], row["text"]) for row in rows if row["language"] == language]


def read_paths(paths: Sequence[Path], language: str, card: Card | None) -> list[SourceFile]:
    from codling.cli.eval_files import read_files

    there = [path for path in paths if path.exists()]
    for path in set(paths) - set(there):
        tell(f"{path} is not there: skipped")
    if not there:
        return []
    if card is None:
        tell("files are cleaned as a bundle's card says, and there is no bundle: skipped")
        return []
    try:
        return [file for file in read_files(there, card, raw=False).files if file.language == language]
    except CodlingError as error:
        tell(f"skipped: {error}")
        return []


def draw(files: list[SourceFile], options: argparse.Namespace) -> Iterator[Group]:
    groups: dict[str, list[SourceFile]] = {"others": []}
    patterns = {}
    for each in options.group or [f"scripts={SCRIPTS}"]:
        name, _, pattern = each.partition("=")
        patterns[name], groups[name] = re.compile(pattern), []
    for file in files:
        name = next((name for name, pattern in patterns.items() if pattern.search(f"{file.project}/{file.path}")), "")
        groups[name or "others"].append(file)
    for name, own in groups.items():
        if not own:
            tell(f"no {name} among the files")
            continue
        sample = draw_files(own, options.max_tokens, options.seed)
        # Lines, lists and typing need few places, but each file has its own view of the project, which takes time.
        wide = draw_files(random.Random(options.seed).sample(own, min(len(own), MAX_FILES)))
        yield Group(
            name,
            options.language,
            own,
            sample,
            draw_ranks(wide, options.ranks, options.seed),
            sorted(draw_lines(wide.texts, options.language, options.lines, options.seed), key=lambda case: case.path),
            draw_stretches(
                wide.texts, options.language, num=options.stretches, num_lines=STRETCH_LINES, seed=options.seed
            ),
        )


class Network:
    """A bundle, with what the engine's caches add to it."""

    def __init__(self, bundle: Any, files: list[SourceFile]) -> None:
        self.bundle = bundle
        self.model = load_model(bundle)
        self.gate = load_gate(bundle)
        self.files = files

    def measure(self, group: Group, options: argparse.Namespace) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        projects = index_projects(self.model, self.files, sorted({file.project for file in group.sample.files}))
        for mode in MODES:
            found = predict(self.model, group.sample.files, mode, gate=self.gate, projects=projects)
            rows |= accuracy_rows(mode, list(hits_of(self.model, group.sample, found).values()), options.seed)
        for mode in options.asked:
            rows |= self._asked(group, mode, options)
        return rows

    def _asked(self, group: Group, mode: Mode, options: argparse.Namespace) -> dict[str, Row]:
        whole = Completers(self.bundle, self.files, mode, sure=0)
        shown = Completers(self.bundle, self.files, mode)

        def suggest(stretch: Stretch, typed: str) -> tuple[str, list[str]]:
            where = (stretch.path, stretch.prefix + typed)
            return shown.first(*where), shown.ask(*where, kind="token", limit=LISTED)

        return asked_rows(
            group,
            mode,
            options,
            lambda case: shown.ask(case.path, case.prefix, kind="token", limit=LIST),
            lambda case: whole.first(case.path, case.prefix),
            suggest,
        )


@dataclass
class Learned:
    """What the n-gram knows of the corpus."""

    vocabulary: Vocabulary
    table: Table | None
    num_tokens: int = 0


def learn_ngram(options: argparse.Namespace) -> Learned:
    tell("n-gram: learning")
    learned = Learned(Vocabulary(), None)
    rows = corpus_rows(options.corpus, "train", options.language)
    random.Random(options.seed).shuffle(rows)
    ids: list[int] = []
    for _, _, text in rows:
        ids += learned.vocabulary([START, *cut(text, line_ends=options.language == "python")])
        if len(ids) >= options.ngram_tokens:
            break
    if not ids:
        tell("there is no training split, so the n-gram knows the project and the file only")
        return learned
    learned.table, learned.num_tokens = Table(np.array(ids, np.int64)), len(ids)
    return learned


class Ngram:
    """The n-gram, with its own nested counts."""

    def __init__(self, learned: Learned, files: list[SourceFile]) -> None:
        self.vocabulary = learned.vocabulary
        self.corpus = [learned.table] if learned.table is not None else []
        self.files = {file.name: file for file in files}
        self.tokens = {file.name: np.array(self._cut(file), np.int64) for file in files}
        self._others: tuple[str, list[Table]] | None = None
        self._known: tuple[tuple[str, str, Mode], NestedNgram, list[int]] | None = None

    def measure(self, group: Group, options: argparse.Namespace) -> dict[str, Row]:
        rows: dict[str, Row] = {}
        for mode in MODES:
            found = [
                self._hits(file, group.sample.lexemes[file.name], mode)
                for file in group.sample.files
                if group.sample.lexemes[file.name]
            ]
            rows |= accuracy_rows(mode, found, options.seed)
        for mode in options.asked:
            rows |= self._asked(group, mode, options)
        return rows

    def _asked(self, group: Group, mode: Mode, options: argparse.Namespace) -> dict[str, Row]:
        def listed(name: str, prefix: str, num: int) -> list[str]:
            ngram, context, begun, ends_blank = self._at(name, prefix, mode)
            found = [token for token in ngram.ranked(context, num + 1, begun) if token != "\n"]
            return [token.lstrip(" ") if ends_blank else token for token in found][:num]

        def line(name: str, prefix: str) -> str:
            ngram, context, begun, ends_blank = self._at(name, prefix, mode)
            found = ngram.line(context, begun)
            return found.lstrip(" ") if ends_blank else found

        return asked_rows(
            group,
            mode,
            options,
            lambda case: listed(case.path, case.prefix, LIST),
            lambda case: line(case.path, case.prefix),
            lambda stretch, typed: (
                line(stretch.path, stretch.prefix + typed),
                listed(stretch.path, stretch.prefix + typed, LISTED),
            ),
        )

    def _cut(self, file: SourceFile) -> list[int]:
        return self.vocabulary([START, *cut(file.text, line_ends=file.language == "python")])

    def _sources(self, file: SourceFile, mode: Mode) -> list[Table | FileCounts]:
        """What is known before the file is read: the corpus, and all other files of the project."""
        if mode != "maintenance":
            return [*self.corpus]
        if self._others is None or self._others[0] != file.name:
            others = [
                self.tokens[name]
                for name, each in self.files.items()
                if each.project == file.project and name != file.name
            ]
            self._others = (file.name, [Table(np.concatenate(others))] if others else [])
        return [*self.corpus, *self._others[1]]

    def _hits(self, file: SourceFile, found: Sequence[Lexeme], mode: Mode) -> Hits:
        counts = FileCounts()
        ngram = NestedNgram(self.vocabulary, [*self._sources(file, mode), *([counts] if mode != "static" else [])])
        context = self.vocabulary([START])
        right, begun = [], []
        for i, lexeme in enumerate(found):
            token = file.text[lexeme.start : lexeme.end]
            best = next(iter(ngram.ranked(context, 1)), "").strip(" ")
            right.append(best == token)
            begun.append(best == token or begins_alike(best, token, lexeme))
            space = i > 0 and found[i - 1].kind != "newline" and file.text[lexeme.start - 1] in " \t\n"
            (number,) = self.vocabulary([f" {token}" if space and lexeme.kind != "newline" else token])
            if mode != "static":
                counts.add(context, number)
            context = [*context, number][-ORDER:]
        kinds = np.array([KINDS.index(lexeme.kind) for lexeme in found], np.int8)
        return Hits(kinds, np.array(right, np.bool_), np.array(begun, np.bool_))

    def _at(self, name: str, prefix: str, mode: Mode) -> tuple[NestedNgram, list[int], str, bool]:
        """The n-gram as it knows the lines above, the last tokens, the word begun, and whether there is a space."""
        file = self.files[name]
        line_ends = file.language == "python"
        start = prefix.rfind("\n") + 1
        above, line = prefix[:start], prefix[start:]
        key = (name, above, mode)
        if self._known is None or self._known[0] != key:
            counts = FileCounts()
            context: list[int] = []
            end = ["\n"] if above and line_ends else []
            for token in self.vocabulary([START, *cut(above, line_ends=line_ends), *end]):
                if context:
                    counts.add(context, token)
                context = [*context, token][-ORDER:]
            sources = [*self._sources(file, mode), *([counts] if mode != "static" else [])]
            self._known = (key, NestedNgram(self.vocabulary, sources), context)
        _, ngram, context = self._known
        begun = re.search(r"\w+$", line)
        word = begun[0] if begun else ""
        indented = "" if line_ends or not above else "\n"
        tokens = cut(indented + line[: len(line) - len(word)], line_ends=line_ends) if line.strip() else []
        return ngram, [*context, *self.vocabulary(tokens)], word, not line.strip() or line[-1:] == " "


def begins_alike(predicted: str, token: str, lexeme: Lexeme) -> bool:
    """Whether a wrong prediction is at least a literal that begins so."""
    if lexeme.kind == "number":
        return predicted[:1].isdigit()
    opening = re.match(r"[A-Za-z]{0,2}(\"{3}|'{3}|\"|')", token)
    return lexeme.kind == "string" and opening is not None and predicted.startswith(opening[0]) and len(predicted) > 1


def accuracy_rows(mode: str, found: Sequence[Hits], seed: int) -> dict[str, Row]:
    rows = accuracies(found, seed)
    return {f"{name} {MODE_NAMES[mode]}": rows[name] for name in ("accuracy", "codexglue", "identifiers")}


def asked_rows(
    group: Group,
    mode: Mode,
    options: argparse.Namespace,
    listed: ListTokens,
    line: CompleteLine,
    suggest: Suggest,
) -> dict[str, Row]:
    """What needs a completer: lists, lines, typing."""
    seed = options.seed
    rows: dict[str, Row] = {}
    if group.ranks:
        ranks = summarise_ranks(group.ranks, measure_ranks(group.ranks, listed), seed)
        rows |= {f"list: {name.replace('_', ', ')}": row for name, row in ranks.items()}
    if group.lines:
        lines = summarise_lines(measure_lines(group.lines, line), seed)["all"]
        rows |= {f"line: {name.replace('_', ', ')}": row for name, row in lines.items() if isinstance(row, dict)}
    if group.stretches:
        typed = summarise_typing([type_stretch(stretch, suggest) for stretch in group.stretches], seed)
        rows["keystrokes saved"] = typed["saved"]
    return {f"{name} {MODE_NAMES[mode]}": row for name, row in rows.items()}


def jedi_row(group: Group, options: argparse.Namespace) -> dict[str, Row]:
    """jedi's list at the places of the lists that are identifiers; it has seen what stands above, as the others."""
    try:
        import jedi
    except ImportError:
        tell("jedi is skipped: it is in the extra dev")
        return {}
    cases = [case for case in group.ranks if case.kind == "identifier"][: options.jedi]
    end = time.monotonic() + options.jedi_seconds
    asked: list[RankCase] = []
    ranks: list[int | None] = []
    num_listed = 0
    for case in cases:
        if time.monotonic() > end:
            tell(f"jedi: time is over after {len(asked)} of {len(cases)} identifiers")
            break
        try:
            names = [row.name for row in jedi.Script(case.prefix).complete()]
        except Exception as error:  # it raises what it likes on code that is half written
            tell(f"jedi: {type(error).__name__} in {case.path}")
            names = []
        asked.append(case)
        num_listed += case.truth in names
        ranks.append(names.index(case.truth) + 1 if case.truth in names[:LIST] else None)
    tell(f"jedi: {num_listed} of {len(asked)} identifiers are anywhere in its lists")
    summary = summarise_ranks(asked, ranks, options.seed)
    return {
        f"list: {name.replace('_', ', ')} {MODE_NAMES['static']}": summary[name]
        for name in ("mrr_identifiers", "first_identifiers")
    }


def show(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "models", "ngram_tokens", "seed"):
        print(f"{key}: {report[key]}")
    for group in report["groups"]:
        columns = group["columns"]
        print(f"\n{group['group']}: {group['files']} files of {group['projects']} projects")
        print(f"{'':36}" + "".join(f"{name:>22}" for name in columns) + f"{'codling / n-gram':>18}{'n':>9}")
        names = dict.fromkeys(name for column in columns.values() for name in column)
        for name in names:
            cells = "".join(f"{cell(column.get(name)):>22}" for column in columns.values())
            known = next(column[name] for column in columns.values() if name in column)
            print(f"{name:36}{cells}{quotient(columns, name):>18}{known['n']:9,}")
    print(
        "\nin brackets the 95 % interval, files drawn again · codexglue: as CodeXGLUE counts, without line ends, and a"
    )
    print("literal is right when one like it begins · line, plain: literals left empty · list: of ten")


def cell(row: Row | None) -> str:
    if row is None or row["value"] is None:
        return "–"
    ends = f" ({100 * row['interval'][0]:.0f}–{100 * row['interval'][1]:.0f})" if row["interval"] else ""
    return f"{100 * row['value']:.1f}{ends}"


def quotient(columns: dict[str, dict[str, Row]], name: str) -> str:
    values = [columns.get(column, {}).get(name, {}).get("value") for column in ("codling", "n-gram")]
    return f"{values[0] / values[1]:.2f}x" if values[0] is not None and values[1] else "–"


def tell(text: str) -> None:
    print(f"{time.perf_counter() - STARTED:6.1f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
