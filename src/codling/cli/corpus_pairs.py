"""codling corpus pairs: descriptions with programs out of the comments and documentation of projects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json, stdout
from codling.cli.sources import (
    ExcludedProjects,
    IndexUrls,
    MinedSources,
    Settings,
    SourcesFiles,
    fetched,
    requests_of,
    say_failed,
)

__all__ = ["pairs"]


def pairs(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File for the pairs, JSON Lines.")],
    sources: MinedSources = None,
    sources_file: SourcesFiles = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(metavar="PAIRS", help="JSON Lines of pairs whose descriptions must stay out. Repeatable."),
    ] = None,
    without: ExcludedProjects = None,
    settings: Settings = None,
    index_url: IndexUrls = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core without it.")] = None,
    json: JsonOption = False,
) -> None:
    """Collect descriptions with programs, for `codling train-writer`, from projects under permissive licences."""
    import dataclasses
    import os

    from codling.config import override, parse_assignments
    from codling.corpus.mine_pairs import PairsConfig, excluded_keys, mine_pairs

    config = override(PairsConfig(), parse_assignments(settings or []))
    config = dataclasses.replace(config, without=(*config.without, *(without or ())))
    excluded = [key for path in exclude or () for key in excluded_keys(path)]
    requests, record = requests_of(sources, sources_file), out.with_suffix(".fetched.json")
    with fetched(requests, record, index_url) as (found, failed, show):
        said = mine_pairs(
            out,
            found,
            config,
            excluded=excluded,
            failed=failed,
            num_workers=workers or os.cpu_count() or 1,
            progress=show,
        )
    if json:
        print_json(said)
        return
    stdout().print(f"{said['pairs']:,} pairs: " + ", ".join(f"{n:,} of {name}s" for name, n in said["kinds"].items()))
    say_failed(said["failed"])
