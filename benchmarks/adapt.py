"""What does adapting to a project gain, beside and on top of the project cache?

    python benchmarks/adapt.py DIR [--model python] [--minutes 8] [--other DIR] [--set KEY=VALUE …] [--json]

DIR is a project that the model was not trained on. `codling adapt` fine-tunes the bundle on most of its files; the
rest, held out with all that is related to it, is what both bundles are measured on, in the same run. A lexical token is
right when all its sub-words are.

modes    static: the network alone · dynamic: with the n-gram cache of the file · maintenance: of the files that were
         learned from, too. The gate that mixes the cache in is the base's for both.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from context import commit, cpu

from codling.bundle import Bundle, default_model, load_bundle
from codling.config import override, parse_assignments
from codling.corpus.own import OwnFile
from codling.engine.gate import load_gate
from codling.engine.model import load_model
from codling.errors import CodlingError
from codling.evaluate.modes import MODES, hits_of, index_projects, predict
from codling.evaluate.sources import SourceFile, draw_files
from codling.evaluate.tally import accuracies
from codling.lm.adapt import Adaptation, AdaptConfig, adapt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a project that the model was not trained on")
    parser.add_argument("--model", help="bundle to start from; by default the one that completes Python")
    parser.add_argument("--minutes", type=float, default=AdaptConfig().minutes)
    parser.add_argument("--other", type=Path, help="other code, to see what was forgotten")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as lr=0.0005")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        report = measure(options)
    except CodlingError as error:
        sys.exit(f"adapt.py: {error}")
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        show(report)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Adapt, and measure both bundles in all modes."""
    base = load_bundle(options.model or default_model("python"))
    config = override(AdaptConfig(minutes=options.minutes), parse_assignments(options.set))
    with tempfile.TemporaryDirectory() as work:
        result = adapt(
            base,
            options.folder,
            config,
            other=options.other,
            out=Path(work) / "adapted",
            run=Path(work) / "run",
            on_step=lambda text: print(text, file=sys.stderr),
        )
        if result.was_interrupted:
            raise KeyboardInterrupt
        bundles = {base.name: base} | ({"adapted": result.bundle} if result.bundle else {})
        rows = [row for name, bundle in bundles.items() for row in accuracy_rows(name, bundle, result)]
    return {
        "command": " ".join(["python", "benchmarks/adapt.py", *sys.argv[1:]]),
        "commit": commit(),
        "machine": f"{cpu()}, {platform.platform()}, Python {platform.python_version()}",
        "seed": config.seed,
        "model": f"{base.name}: {base.num_bytes / 1e6:.1f} MB",
        "adaptation": result.summary(),
        "rows": rows,
    }


def accuracy_rows(name: str, bundle: Bundle, result: Adaptation) -> list[dict[str, Any]]:
    """Accuracy over the lexical tokens of the held-out files, a row per mode."""
    model, gate = load_model(bundle, threads=0), load_gate(bundle)
    learned = [source(file) for file in (*result.dealt.train, *result.dealt.valid) if file not in result.dealt.test]
    sample = draw_files([source(file) for file in result.dealt.test])
    projects = index_projects(model, learned, ["project"])
    rows = []
    for mode in MODES:
        print(f"measuring {name}, {mode}", file=sys.stderr)
        began = time.perf_counter()
        predictions = predict(model, sample.files, mode, gate=gate, projects=projects)
        found = accuracies(list(hits_of(model, sample, predictions).values()))
        rows.append(
            {
                "model": name,
                "mode": mode,
                "accuracy": found["accuracy"],
                "identifiers": found["identifiers"],
                "seconds": round(time.perf_counter() - began, 1),
            }
        )
    return rows


def source(file: OwnFile) -> SourceFile:
    return SourceFile(name=file.path, text=file.text, language=file.language, project="project", path=file.path)


def show(report: dict[str, Any]) -> None:
    for name in ("command", "commit", "machine", "seed", "model"):
        print(f"{name}: {report[name]}")
    done = report["adaptation"]
    print(
        f"{done['files']:,} files of {done['lines']:,} lines; {done['steps']:,} steps, {done['tokens']:,} tokens, "
        f"{done['tokens_per_s']:,.0f} tokens/s on {done['device']}; {done['seconds']:,.0f} s in all ({done['ended']})"
    )
    print(f"\n{'':28} {'sub-words':>10} {'loss':>7} {'adapted':>8} {'accuracy':>9} {'adapted':>8}")
    for row in done["measures"]:
        before, after = row["before"], row["after"]
        print(
            f"{row['on']:28} {row['units']:10,} {before['loss_nats']:7.3f} {after['loss_nats']:8.3f} "
            f"{before['accuracy']:9.3f} {after['accuracy']:8.3f}"
        )
    print(f"\n{'held-out files':14} {'mode':12} {'lexical tokens':>24} {'ratio':>7} {'identifiers':>24} {'ratio':>7}")
    first = report["rows"][0]
    for row in report["rows"]:
        cells = "".join(f" {interval(row[kind]):>24} {ratio(row[kind], first[kind])}" for kind in KINDS)
        print(f"{row['model']:14} {row['mode']:12}{cells}")
    print(
        f"{first['accuracy']['n']:,} lexical tokens, {first['identifiers']['n']:,} of them identifiers; 95 % intervals"
    )
    for note in done["notes"]:
        print(f"note: {note}")


KINDS = ("accuracy", "identifiers")


def interval(share: dict[str, Any]) -> str:
    ends = share["interval"]
    return f"{share['value']:.3f}" + (f" ({ends[0]:.3f}–{ends[1]:.3f})" if ends else "")


def ratio(share: dict[str, Any], first: dict[str, Any]) -> str:
    return f"{share['value'] / first['value']:6.2f}×"


if __name__ == "__main__":
    main()
