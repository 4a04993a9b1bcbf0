"""codling train-encoders: descriptions with functions in, encoders out that lay both into one space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json, stderr, stdout
from codling.errors import ConfigError

__all__ = ["train_encoders"]


def train_encoders(
    out: Annotated[
        Path | None, typer.Argument(metavar="OUT", help="Folder for the encoders.", show_default=False)
    ] = None,
    pairs: Annotated[
        list[Path] | None, typer.Option("--pairs", help='JSON Lines of {"text", "code"} to train on; repeatable.')
    ] = None,
    writer: Annotated[
        Path | None,
        typer.Option(help="A writer's run (of train-writer): what reads descriptions begins as its reader."),
    ] = None,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="Take the writer's shape and vocabulary, and none of its weights.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as epochs=3 or code=bag.")
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the whole configuration and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Train an encoder of descriptions, the writer's, and one of functions' syntax trees, so that what a function is
    said to do lies near it.

    benchmarks/aligned_encoders.py tells what they are worth in search, beside the encoder that ships.
    """
    from codling.config import override, parse_assignments, to_mapping
    from codling.trees.aligned import AlignConfig, align, described, save_aligned
    from codling.trees.writing.pairs import read_rows

    config = override(AlignConfig(), parse_assignments(settings or []))
    if show:
        print_json(to_mapping(config))
        return
    if out is None or not pairs or writer is None:
        raise ConfigError(
            "name a folder to write to, files of pairs with --pairs FILE, and a writer's run with --writer FOLDER"
        )
    console = stderr()
    rows = [(row.text, row.code) for path in pairs for row in read_rows(path)]
    kept = described(rows, config)
    console.print(f"{len(kept):,} of {len(rows):,} pairs are described functions to learn from")
    epochs: list[dict[str, float]] = []

    def report(epoch: int, nats: float, pairs_per_s: float) -> None:
        epochs.append({"epoch": epoch, "nats": nats, "pairs_per_s": pairs_per_s})
        console.print(f"epoch {epoch}: {nats:.4f} nats, {pairs_per_s:,.0f} pairs/s")

    save_aligned(align(kept, writer, config, pretrained=not scratch, report=report), out)
    if json:
        print_json({"encoders": str(out), "pairs": len(kept), "epochs": epochs})
    else:
        stdout().print(str(out), markup=False)
