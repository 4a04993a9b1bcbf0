"""codling bundle: what models are here, and are they whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, stderr, stdout
from codling.errors import BundleError

if TYPE_CHECKING:
    from codling.bundle import Bundle

__all__ = ["app"]

app = typer.Typer(help="List, show and check the models that codling runs.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A bundle's name, or the path of its folder or zip.")]


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List every bundle, the user's own first, then those that ship."""
    from rich.markup import escape
    from rich.table import Table

    from codling.bundle import Card, list_bundles

    rows = list_bundles()
    if json:
        print_json(
            [
                {"name": path.name, "path": str(path), "kind": card.kind, "description": card.description}
                if isinstance(card, Card)
                else {"name": path.name, "path": str(path), "error": str(card)}
                for path, card in rows
            ]
        )
        return
    table = Table("name", "kind", "MB", "what", box=None, header_style="bold")
    for path, card in rows:
        if isinstance(card, Card):
            num_bytes = sum(row.bytes for row in card.files.values())
            table.add_row(escape(path.name), card.kind, f"{num_bytes / 1e6:.1f}", escape(card.description))
        else:
            table.add_row(escape(path.name), "damaged", "", escape(str(card)))
    stdout().print(table)


@app.command()
def show(name: Name, json: JsonOption = False) -> None:
    """Show a bundle's card: what it was trained on, how, and what it scored."""
    from rich.markup import escape
    from rich.table import Table

    from codling.bundle import load_bundle
    from codling.config import to_mapping

    bundle = load_bundle(name)
    card = bundle.card
    if json:
        print_json({"path": str(bundle.path)} | to_mapping(card))
        return
    console = stdout()
    console.print(f"[bold]{escape(card.name)}[/bold]: {escape(card.description)}")
    console.print(
        escape(f"{bundle.path} · {bundle.num_bytes / 1e6:.1f} MB · {card.licence} · {', '.join(card.languages)}")
    )
    if card.scores:
        table = Table("scored on", "graph", "loss, nats", "bits/char", "accuracy", box=None, header_style="bold")
        for score in card.scores:
            cells = f"{score.loss_nats:.4f}", f"{score.bits_per_char:.4f}", f"{score.accuracy:.4f}"
            table.add_row(escape(score.on), score.graph, *cells)
        console.print(table)
    for title, mapping in (("training", card.training), ("data", card.data)):
        for key, value in mapping.items():
            shown = f"{len(value)} entries (see --json)" if isinstance(value, list | dict) and len(value) > 8 else value
            console.print(f"{title}.{key}: {shown}", markup=False)


@app.command()
def check(name: Name, json: JsonOption = False) -> None:
    """Check a bundle: every hash, the vocabulary, and that what it holds loads and answers."""
    from codling.bundle import load_bundle

    bundle = load_bundle(name)
    checks = {"npi": _programs, "write": _writer, "search": _encoder}
    found = checks.get(bundle.card.kind, _language_model)(bundle)
    report = {"name": bundle.name, "path": str(bundle.path), "bytes": bundle.num_bytes, "files": len(bundle.card.files)}
    if json:
        print_json(report | found)
    else:
        what = f"{bundle.num_bytes:,} bytes in {len(bundle.card.files)} files, {bundle.path}"
        stdout().print(f"{bundle.name}: whole ({what})", markup=False)


def _language_model(bundle: Bundle) -> dict[str, Any]:
    """A language model: its graph predicts."""
    import numpy as np

    from codling.engine import load_model

    model = load_model(bundle)
    log_probs, _ = model.run([[0]], model.initial_state(1))
    if not np.isfinite(log_probs).all():
        raise BundleError(f"bundle {bundle.name}: the graph's probabilities are not finite; get the bundle again")
    return {"vocabulary": model.vocab.size}


def _encoder(bundle: Bundle) -> dict[str, Any]:
    """An encoder of code and queries: it makes a vector of words."""
    import numpy as np

    from codling.search.encoder import read_encoder

    encoder = read_encoder(bundle)
    vector = encoder.encode_queries(["read a file line by line"])[0]
    if not np.isclose(np.linalg.norm(vector), 1.0, atol=1e-3):
        raise BundleError(f"bundle {bundle.name}: it makes no vector of a query; get the bundle again")
    return {"vocabulary": len(encoder.pieces), "dimensions": encoder.dim}


def _writer(bundle: Bundle) -> dict[str, Any]:
    """A writer: its graphs load, and it writes something for any words."""
    from codling.write import Writer

    writer = Writer(bundle)
    if not writer.write("set x to 1").candidates:
        raise BundleError(f"bundle {bundle.name}: it writes no program; get the bundle again")
    return {"productions": len(writer.model.lexicon.productions)}


def _programs(bundle: Bundle) -> dict[str, Any]:
    """A bundle of learned programs: each task that ships solves its example."""
    from codling.npi.model import load_interpreter
    from codling.npi.tasks import TASKS

    interpreter = load_interpreter(bundle.path)
    for name in interpreter.known.keys() & TASKS.keys():
        task = TASKS[name](interpreter.known[name].recursion)
        problem = task.parse(task.example)
        (outcome,) = interpreter.solve(task, [problem], max_steps=10_000)
        if outcome.result != task.answer(problem):
            raise BundleError(f"bundle {bundle.name}: {name} does not solve its example; get the bundle again")
    return {"tasks": sorted(interpreter.known)}


@app.command()
def make(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `codling train`; its best weights are taken.")],
    corpus: Annotated[Path, typer.Option(help="The corpus it was trained on; its held-out splits are scored.")],
    out: Annotated[Path, typer.Option(help="Folder of the bundle; its name is the bundle's.")],
    before: Annotated[
        list[Path] | None,
        typer.Option(metavar="RUN", help="A run that this one came on from, for the card; repeat it, oldest first."),
    ] = None,
    description: Annotated[str, typer.Option(help="One line for the card.")] = "",
    json: JsonOption = False,
) -> None:
    """Make a bundle from a run, ended or not: float32 and int8 are scored, and int8 is kept where it holds."""
    from codling.lm.runs import export_folder

    console = stderr()
    bundle = export_folder(
        run,
        corpus,
        out,
        before=before or (),
        description=description,
        on_step=lambda text: console.print(text, markup=False),
    )
    if json:
        print_json({"name": bundle.name, "path": str(bundle.path), "bytes": bundle.num_bytes})
    else:
        stdout().print(f"{bundle.name}: {bundle.num_bytes / 1e6:.1f} MB, {bundle.path}", markup=False)


@app.command("fit-gate")
def fit_gate(
    name: Name,
    corpus: Annotated[Path, typer.Option(help="Corpus whose held-out projects are replayed.")],
    split: Annotated[str, typer.Option(help="Split of the corpus that the model was not trained on.")] = "valid",
    tokens: Annotated[int, typer.Option(min=1_000, help="Tokens to replay, shared out among the projects.")] = 150_000,
    threads: Annotated[int, typer.Option(min=0, help="Cores to use; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option(help="Decides which files are replayed.")] = 0,
    json: JsonOption = False,
) -> None:
    """Learn how much to believe the project cache, and write the bundle again with what was learned."""
    import dataclasses

    from codling.cli.output import progress
    from codling.lm.gate import fit_bundle_gate

    with progress() as bar:
        task = bar.add_task("tokens replayed", total=tokens)
        bundle, scores = fit_bundle_gate(
            name,
            corpus,
            split=split,
            num_tokens=tokens,
            seed=seed,
            threads=threads,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if json:
        print_json({"path": str(bundle.path), "scores": [dataclasses.asdict(score) for score in scores]})
        return
    print(f"{'loss, nats':>10} {'bits/char':>10} {'accuracy':>9} {'tokens':>9}")
    for score in scores:
        row = f"{score.loss_nats:10.4f} {score.bits_per_char:10.4f} {score.accuracy:9.4f} {score.num_units:9,}"
        print(f"{row}  {score.on}")
    stdout().print(f"{bundle.name}: the gate is in {bundle.path}", markup=False)
