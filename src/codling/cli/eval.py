"""codling eval: how good is a model, on whose files?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.eval_files import ModeName
from codling.cli.eval_lines import lines
from codling.cli.eval_typing import typing
from codling.cli.output import JsonOption, print_json, progress

if TYPE_CHECKING:
    from codling.evaluate.completers import Completers
    from codling.evaluate.hits import Hits
    from codling.evaluate.sources import Sample

__all__ = ["app"]

app = typer.Typer(help="Measure how well a model predicts code.", no_args_is_help=True)
app.command("lines")(lines)
app.command("typing")(typing)


@app.command("lm")
def lm(
    paths: Annotated[
        list[Path], typer.Argument(help="Files, or folders whose source files are taken; a folder is a project.")
    ],
    model: Annotated[str | None, typer.Option(help="A bundle's name or path.")] = None,
    mode: Annotated[
        list[ModeName] | None,
        typer.Option(
            help="What the model may know: the network alone (static), the cache of the file (dynamic), of the project "
            "as well (maintenance). May be given several times; static is always measured."
        ),
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(min=0, help="Draw files until they have so many lexical tokens; 0 for all files.")
    ] = 50_000,
    ranks: Annotated[
        int, typer.Option(min=0, help="Places at which the list of next tokens is asked for, for the MRR; 0 for none.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    raw: Annotated[
        bool, typer.Option("--raw", help="Read files as they are, instead of cleaned as the model's training text was.")
    ] = False,
    per_file: Annotated[bool, typer.Option("--per-file", help="Give every file's own score too.")] = False,
    threads: Annotated[int, typer.Option(min=0, help="Cores to use; 0 for all.")] = 0,
    json: JsonOption = False,
) -> None:
    """Measure loss and accuracy of a language model on files that it should not have seen.

    Each file is a document of its own, predicted unit by unit from all that comes before; a lexical token is right when
    all its units are. What counts as one is in docs/evaluation.md.
    """
    import time

    from codling.bundle import default_model, load_bundle
    from codling.cli.eval_files import read_files
    from codling.engine.evaluation import total
    from codling.engine.gate import load_gate
    from codling.engine.model import load_model
    from codling.evaluate.completers import Completers
    from codling.evaluate.modes import MODES, hits_of, index_projects, predict
    from codling.evaluate.sources import draw_files
    from codling.evaluate.tally import accuracies

    bundle = load_bundle(model or default_model())
    network = load_model(bundle, threads=threads)
    found = read_files(paths, network.card, raw)
    sample = draw_files(found.files, max_tokens, seed)
    started = time.perf_counter()
    modes = [each for each in MODES if each == "static" or (mode and each in mode)]
    projects = {}
    if "maintenance" in modes:
        projects = index_projects(network, found.files, sorted({file.project for file in sample.files}))
    gate = load_gate(bundle) if len(modes) > 1 else None
    results: dict[str, dict[str, Any]] = {}
    hits: dict[str, dict[str, Hits]] = {}
    with progress() as bar:
        task = bar.add_task("characters", total=len(modes) * sum(len(file.text) for file in sample.files))
        for each in modes:
            rows = predict(
                network, sample.files, each, gate=gate, projects=projects, progress=lambda num: bar.advance(task, num)
            )
            scores = [row.score(len(file.text)) for row, file in zip(rows, sample.files, strict=True)]
            hits[each] = hits_of(network, sample, rows)
            results[each] = {"loss_nats": total(scores).loss_nats} | accuracies(list(hits[each].values()), seed)
            if each == "static":
                score, of_files = total(scores), [row.score() for row in scores]
    for each in modes if ranks else ():
        results[each] |= _ranks(Completers(bundle, sample.files, each, threads=threads), sample, ranks, seed)
    report = {
        "model": network.name,
        "loss_nats": score.loss_nats,
        "bits_per_char": score.bits_per_char,
        "accuracy": score.accuracy,
        "num_units": score.num_units,
        "num_chars": score.num_chars,
        "num_files": score.num_files,
        "num_files_found": len(found.files),
        "tokens": results,
        "seed": seed,
        "cleaned": not raw,
        "dropped": dict(sorted(found.dropped.items())),
        "unparsed": list(sample.unparsed),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if json:
        files = [
            {
                "path": file.name,
                "loss_nats": one.loss_nats,
                "bits_per_char": one.bits_per_char,
                "accuracy": one.accuracy,
                "num_units": one.num_units,
                "num_chars": one.num_chars,
                "tokens": {each: _of_file(hits[each].get(file.name)) for each in modes},
            }
            for file, one in zip(sample.files, of_files, strict=True)
        ]
        print_json(report | ({"files": files} if per_file else {}))
        return
    print(f"{'loss, nats':>10} {'bits/char':>10} {'accuracy':>9} {network.vocab.unit + 's':>12}")
    for file, one in zip(sample.files, of_files, strict=True) if per_file else []:
        print(f"{one.loss_nats:10.4f} {one.bits_per_char:10.4f} {one.accuracy:9.4f} {one.num_units:12,} {file.name}")
    of = f"{score.num_files:,} of {len(found.files):,} files" if max_tokens else f"{score.num_files:,} files"
    print(
        f"{score.loss_nats:10.4f} {score.bits_per_char:10.4f} {score.accuracy:9.4f} {score.num_units:12,} "
        f"{network.name} on {of}, {'as they are' if raw else 'cleaned'}"
    )
    _print_tokens(results)
    for reason, count in sorted(found.dropped.items()):
        print(f"dropped {count:,}: {reason}")
    if sample.unparsed:
        print(f"without lexical tokens, for they do not parse: {len(sample.unparsed):,} files")


def _ranks(asked: Completers, sample: Sample, num: int, seed: int) -> dict[str, Any]:
    """Where the true token stands in the list that the completer gives."""
    from codling.evaluate.ranks import LIST, draw_ranks, measure_ranks, summarise_ranks

    cases = draw_ranks(sample, num, seed)
    with progress() as bar:
        task = bar.add_task("lists", total=len(cases))
        ranks = measure_ranks(
            cases,
            lambda case: asked.ask(case.path, case.prefix, kind="token", limit=LIST),
            lambda one: bar.advance(task, one),
        )
    return summarise_ranks(cases, ranks, seed)


def _of_file(hits: Hits | None) -> dict[str, int]:
    return {"num": len(hits.right) if hits else 0, "num_right": int(hits.right.sum()) if hits else 0}


def _print_tokens(results: dict[str, dict[str, Any]]) -> None:
    """A row per measure, a column per mode."""
    names = {"accuracy": "lexical tokens", "codexglue": "as CodeXGLUE counts"}
    print(f"\n{'accuracy':>24}" + "".join(f"{mode:>24}" for mode in results) + f"{'n':>10}")
    for name in next(iter(results.values())):
        rows = [result.get(name) for result in results.values()]
        num = rows[0]["n"] if isinstance(rows[0], dict) else 0
        if num:
            columns = "".join(f"{_with_interval(row):>24}" for row in rows)
            print(f"{names.get(name, name):>24}{columns}{num:10,}")


def _with_interval(row: dict[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return "–"
    ends = f" ({row['interval'][0]:.3f}–{row['interval'][1]:.3f})" if row["interval"] else ""
    return f"{row['value']:.3f}{ends}"
