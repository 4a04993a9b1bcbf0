"""The paper's rows: vanilla RNN against LSTM (and GRU) on 130,000 lines, validated in its way and in ours.

    python benchmarks/paper.py CORPUS --out DIR [--epochs 30] [--set loop.device=cuda] [--json]

CORPUS is one of `codling corpus build`. Documents of its training projects, in the corpus's own (shuffled) order, are
taken until there are 130,000 lines; they are cut into windows of 1,000 characters, and a tenth of the windows, drawn by
seed, validates. That is the paper's kind of split as far as it says: neighbours of every validation window were trained
on. Beside it stands the accuracy on the corpus's validation projects, of which nothing was seen, and the shipped bundle
on the same projects. The paper reports 0.73 (its Table I).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from context import commit, cpu

from codling.bundle import Bundle, load_bundle
from codling.config import override, parse_assignments
from codling.corpus.shards import open_shards, read_index, write_shards
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from codling.errors import BundleError, CodlingError
from codling.files import write_text_atomically
from codling.lm.presets import preset
from codling.lm.runs import train_language_model

_PAPER_ACCURACY = 0.73
_WINDOW = 1_000  # characters: long enough for the state to matter, short enough for a fair draw


def main() -> None:
    arguments = parse()
    if not (arguments.corpus / "corpus.json").is_file():
        sys.exit(f"skipped: {arguments.corpus} is no corpus; make one with `codling corpus build`")
    corpus = arguments.out / "corpus"
    lines = make_corpus(arguments.corpus, corpus, arguments)
    rows = []
    for cell in arguments.cells.split(","):
        settings = {"loop.max_epochs": str(arguments.epochs)} | parse_assignments(arguments.set)
        config = override(preset(f"paper-{cell}"), settings)
        run = train_language_model(
            config, corpus, arguments.out / "runs" / cell, bundle=arguments.out / "bundles" / f"paper-{cell}"
        )
        assert run.bundle is not None
        rows.append(row_of(cell, run.bundle, run.summary()))
    shipped = shipped_row(corpus)
    report = {
        "command": " ".join(["python", "benchmarks/paper.py", "CORPUS", *sys.argv[2:]]),
        "commit": commit(),
        "machine": cpu(),
        "device": rows[0]["device"],
        "lines": lines,
        "seed": arguments.seed,
        "paper": _PAPER_ACCURACY,
        "rows": [*rows, *shipped],
    }
    write_text_atomically(arguments.out / "report.json", json.dumps(report, indent=1) + "\n")
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        print_report(report)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the corpus, runs and bundles")
    parser.add_argument("--lines", type=int, default=130_000, help="the paper's amount of data")
    parser.add_argument("--cells", default="rnn,lstm,gru")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as for codling train")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def make_corpus(source: Path, out: Path, arguments: argparse.Namespace) -> int:
    """Write the paper's corpus: train and valid of windows, test of unseen projects; returns its lines."""
    training = open_shards(source, "train")
    newline = training.vocab.encode("\n")[0]
    lines = 0
    taken = []
    for document in training.documents():
        if lines >= arguments.lines:
            break
        lines += int((document == newline).sum())
        taken.append(document[1:])  # the windows get a DOC of their own
    text = np.concatenate(taken)
    windows = np.split(text, range(_WINDOW, len(text), _WINDOW))
    held_out = np.random.default_rng(arguments.seed).random(len(windows)) < 0.1
    splits: dict[str, Any] = {
        "train": write_shards(out, "train", itertools.compress(windows, ~held_out)),
        "valid": write_shards(out, "valid", itertools.compress(windows, held_out)),
        "test": write_shards(out, "test", first_tokens(source, 500_000)),
    }
    index = read_index(source) | {"splits": splits, "projects": [], "counts": {"lines": lines}}
    (out / "vocab.json").write_bytes((source / "vocab.json").read_bytes())
    write_text_atomically(out / "corpus.json", json.dumps(index))
    return lines


def first_tokens(source: Path, num_tokens: int) -> Iterator[Any]:
    """Whole documents of the validation projects, up to about so many tokens."""
    total = 0
    for document in open_shards(source, "valid").documents():
        total += len(document)
        if total > num_tokens:
            return
        yield document[1:]


def row_of(cell: str, bundle: Bundle, summary: dict[str, Any]) -> dict[str, Any]:
    """The figures of one cell, from its bundle's card: of the graph that was kept."""
    kept = bundle.card.scores[-1].graph
    by_split = {score.on.split()[0]: score for score in bundle.card.scores if score.graph == kept}
    return {
        "model": f"{cell} 2 x 256",
        "epochs": round(summary["best"]["epoch"], 1),
        "s_per_epoch": summary["s_per_epoch"],
        "device": summary["device"],
        "windows": dataclasses.asdict(by_split["valid"]),
        "projects": dataclasses.asdict(by_split["test"]),
        "megabytes": bundle.num_bytes / 1e6,
    }


def shipped_row(corpus: Path) -> list[dict[str, Any]]:
    """The shipped bundle on the same unseen projects; none where none ships."""
    try:
        bundle = load_bundle("python-char")
    except BundleError:
        return []
    shards = open_shards(corpus, "test")
    score = evaluate(load_model(bundle, threads=0), [shards.vocab.decode(ids.tolist()) for ids in shards.documents()])
    return [
        {
            "model": "python-char (ships)",
            "projects": dataclasses.asdict(score),
            "megabytes": bundle.num_bytes / 1e6,
        }
    ]


def print_report(report: dict[str, Any]) -> None:
    for key in ("command", "commit", "machine", "device", "lines", "seed"):
        print(f"{key}: {report[key]}")
    print(
        f"\n{'model':22}{'epochs':>8}{'accuracy, its split':>22}{'unseen projects':>18}{'bits/char there':>18}{'MB':>7}"
    )
    print(f"{'the paper: lstm 2 x 256':30}{report['paper']:>22.4f}")
    for row in report["rows"]:
        windows = f"{row['windows']['accuracy']:.4f}" if "windows" in row else ""
        projects = row["projects"]
        print(
            f"{row['model']:22}{row.get('epochs', ''):>8}{windows:>22}{projects['accuracy']:>18.4f}"
            f"{projects['bits_per_char']:>18.4f}{row['megabytes']:>7.1f}"
        )


if __name__ == "__main__":
    try:
        main()
    except CodlingError as error:
        sys.exit(f"paper.py: {error}")
