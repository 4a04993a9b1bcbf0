"""Options of the commands that mine projects for pairs, and how they get their sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import progress, stderr

if TYPE_CHECKING:
    from codling.corpus.readers import LocalSource
    from codling.corpus.sources import Request

__all__ = [
    "ExcludedProjects",
    "IndexUrls",
    "MinedSources",
    "Settings",
    "SourcesFiles",
    "fetched",
    "requests_of",
    "say_failed",
]

MinedSources = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE...", help="A folder, a git repository, an archive, or pypi:NAME[==VERSION]."),
]
SourcesFiles = Annotated[
    list[Path] | None, typer.Option("--sources", metavar="FILE", help="File of sources, one a line.")
]
ExcludedProjects = Annotated[
    list[str] | None, typer.Option(metavar="PROJECT", help="Project that stays out by name. Repeatable.")
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as max_per_project=500.")
]
IndexUrls = Annotated[list[str] | None, typer.Option(metavar="URL", help="Package index; pip's, or PyPI, without it.")]


def requests_of(sources: Sequence[str] | None, files: Sequence[Path] | None) -> list[Request]:
    """Named sources, and those that files name."""
    from codling.corpus.sources import Request, read_sources_file

    requests = [Request(source) for source in sources or ()]
    for path in files or ():
        requests += read_sources_file(path)
    return requests


@contextmanager
def fetched(
    requests: Sequence[Request], record: Path, index_urls: Sequence[str] | None
) -> Iterator[tuple[list[LocalSource], dict[str, str], Callable[[int, int], None]]]:
    """Fetch sources under a progress bar, which goes on for the block.

    Args:
        record: what has been fetched, should it be cut off; gone when the block has ended well.

    Yields:
        What is there; what could not be had, and why; and what shows how far mining is.

    Raises:
        CorpusError: nothing was asked for.
    """
    from codling.corpus.sources import fetch_all
    from codling.errors import CorpusError

    if not requests:
        raise CorpusError("name sources, or a file of them with --sources")
    with progress() as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        record.parent.mkdir(parents=True, exist_ok=True)
        found, failed = fetch_all(
            list(requests), record, index_urls or (), lambda done, total: show("fetching", done, total)
        )
        yield [source for _, source in found], failed, lambda done, total: show("mining", done, total)
        record.unlink(missing_ok=True)


def say_failed(failed: dict[str, str]) -> None:
    """Which sources gave nothing, and why, on stderr."""
    for source, error in failed.items():
        stderr().print(f"codling: {source}: {error}", markup=False)
