"""codling corpus pairs: descriptions with programs out of the comments and documentation of projects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, progress, stderr, stdout

__all__ = ["pairs"]


def pairs(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File for the pairs, JSON Lines.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="A folder, a git repository, an archive, or pypi:NAME[==VERSION]."),
    ] = None,
    sources_file: Annotated[
        list[Path] | None, typer.Option("--sources", metavar="FILE", help="File of sources, one a line.")
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(metavar="PAIRS", help="JSON Lines of pairs whose descriptions must stay out. Repeatable."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="PROJECT", help="Project that stays out by name. Repeatable.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as max_per_project=500.")
    ] = None,
    index_url: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Package index; pip's, or PyPI, without it.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core without it.")] = None,
    json: JsonOption = False,
) -> None:
    """Collect descriptions with programs, for `codling train-writer`, from projects under permissive licences."""
    import dataclasses
    import os

    from codling.config import override, parse_assignments
    from codling.corpus.mine_pairs import PairsConfig, excluded_keys, mine_pairs
    from codling.corpus.sources import Request, fetch_all, read_sources_file
    from codling.errors import CorpusError

    requests = [Request(source) for source in sources or ()]
    for path in sources_file or ():
        requests += read_sources_file(path)
    if not requests:
        raise CorpusError("name sources, or a file of them with --sources")
    config = override(PairsConfig(), parse_assignments(settings or []))
    config = dataclasses.replace(config, without=(*config.without, *(without or ())))
    excluded = [key for path in exclude or () for key in excluded_keys(path)]
    out.parent.mkdir(parents=True, exist_ok=True)
    with progress() as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        record = out.with_suffix(".fetched.json")
        fetched, failed = fetch_all(
            requests, record, index_url or (), lambda done, total: show("fetching", done, total)
        )
        said = mine_pairs(
            out,
            [source for _, source in fetched],
            config,
            excluded=excluded,
            failed=failed,
            num_workers=workers or os.cpu_count() or 1,
            progress=lambda done, total: show("mining", done, total),
        )
        record.unlink(missing_ok=True)
    if json:
        print_json(said)
        return
    stdout().print(f"{said['pairs']:,} pairs: " + ", ".join(f"{n:,} of {name}s" for name, n in said["kinds"].items()))
    for source, error in said["failed"].items():
        stderr().print(f"codling: {source}: {error}", markup=False)
