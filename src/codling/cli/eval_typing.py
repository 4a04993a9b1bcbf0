"""codling eval typing: how many keystrokes do suggestions save?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from codling.cli.eval_files import ModeName
from codling.cli.eval_lines import print_shares
from codling.cli.output import JsonOption, print_json, progress

__all__ = ["typing"]


def typing(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders whose source files are taken.")],
    model: Annotated[str | None, typer.Option(help="A bundle's name or path.")] = None,
    stretches: Annotated[int, typer.Option(min=1, help="Places to type at, per language.")] = 25,
    lines: Annotated[int, typer.Option(min=1, help="Lines to type at each.")] = 12,
    listed: Annotated[int, typer.Option(min=0, max=50, help="Next tokens in the list; 0 for no list.")] = 5,
    sure: Annotated[float | None, typer.Option(help="Where lines are cut short; as in editors if left out.")] = None,
    mode: Annotated[
        ModeName,
        typer.Option(help="What the model may know: itself (static), the file (dynamic), the project (maintenance)."),
    ] = ModeName.dynamic,
    suffix: Annotated[bool, typer.Option("--suffix", help="Lines stand below what is typed.")] = False,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    raw: Annotated[
        bool, typer.Option("--raw", help="Read files as they are, instead of cleaned as the model's training text was.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Type stretches of files, taking every suggestion that is right and saves keystrokes.

    A character costs 1, Tab costs 1, the n-th token of the list costs n. Indentation costs nothing either way.
    """
    import time

    from codling.bundle import default_model, load_bundle
    from codling.cli.eval_files import read_files
    from codling.complete.completer import SURE
    from codling.errors import InputError
    from codling.evaluate.completers import Completers
    from codling.evaluate.keystrokes import Stretch, draw_stretches, summarise_typing, type_stretch
    from codling.evaluate.sources import parsed_by_language

    bundle = load_bundle(model or default_model())
    found = read_files(paths, bundle.card, raw)
    sure = SURE if sure is None else sure
    completers = Completers(bundle, found.files, mode.value, sure=sure)

    def suggest(stretch: Stretch, typed: str) -> tuple[str, Sequence[str]]:
        where = (stretch.path, stretch.prefix + typed, stretch.suffix if suffix else "")
        return completers.first(*where), completers.ask(*where, kind="token", limit=listed) if listed else []

    started = time.perf_counter()
    languages: dict[str, Any] = {}
    by_language, unparsed = parsed_by_language(found.files)
    for language, texts in by_language.items():
        drawn = draw_stretches(texts, language, num=stretches, num_lines=lines, seed=seed)
        if drawn:
            with progress() as bar:
                task = bar.add_task(f"{language} characters", total=sum(len(stretch.text) for stretch in drawn))
                rows = [type_stretch(stretch, suggest, partial(bar.advance, task)) for stretch in drawn]
            languages[language] = summarise_typing(rows, seed)
    if not languages:
        raise InputError("there is nothing to type: no file parses, or all are too short; name others")
    report = {
        "model": bundle.name,
        "mode": mode.value,
        "listed": listed,
        "sure": sure,
        "suffix": suffix,
        "languages": languages,
        "seed": seed,
        "cleaned": not raw,
        "dropped": dict(sorted(found.dropped.items())),
        "unparsed": unparsed,
        "seconds": round(time.perf_counter() - started, 3),
    }
    if json:
        print_json(report)
        return
    for language, summary in languages.items():
        print(f"{bundle.name}, {mode.value}, typing {language}, {listed} tokens listed")
        print_shares(summary)
