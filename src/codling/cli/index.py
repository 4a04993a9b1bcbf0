"""codling index: make the index of a project, or bring it up to date."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codling.cli.output import JsonOption, print_json, progress, stderr

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from codling.search.index import CodeIndex
    from codling.search.update import UpdateReport

__all__ = ["index", "made"]

FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", file_okay=False, help="Where the index is kept; your cache folder if left out."),
]
NeuralOption = Annotated[
    bool | None,
    typer.Option("--neural/--no-neural", help="Search by meaning, too, or by words alone.", show_default=False),
]


def index(
    root: Annotated[Path, typer.Argument(help="The project's folder, or with --env a Python environment.")] = Path(),
    env: Annotated[bool, typer.Option("--env", help="Index the packages installed in a Python environment.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and take up changes as they happen.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make it anew, whatever is there.")] = False,
    neural: NeuralOption = None,
    folder: FolderOption = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per processor.")] = None,
    json: JsonOption = False,
) -> None:
    """Index a folder for `codling search`: every function, class, constant and piece of text in it.

    An index that is there already is brought up to date, which reads only what has changed. It lies in your cache
    folder, and nothing leaves the machine. What .gitignore names stays out.
    """
    found, report = made(root, env=env, rebuild=rebuild, neural=neural, folder=folder, workers=workers)
    _print(found, report, json)
    if watch:
        _watch(found, json)


def made(
    root: Path,
    *,
    env: bool = False,
    rebuild: bool = False,
    neural: bool | None = None,
    folder: Path | None = None,
    workers: int | None = None,
    wait_s: float = 60.0,
) -> tuple[CodeIndex, UpdateReport | None]:
    """An index that is up to date, with a progress bar; no report if it was made anew.

    Args:
        wait_s: how long to wait for another writer of an index that is there.
    """
    from codling.errors import CodlingError
    from codling.search.index import CodeIndex
    from codling.search.places import NoIndexError

    workers = workers or os.cpu_count() or 1
    found = None
    if not rebuild:
        try:
            found = CodeIndex.open(root, folder=folder)
        except NoIndexError:
            pass
        except CodlingError as error:
            stderr().print(f"{error}; making it again")
    if found is not None and neural in (None, found.options.encoder is not None):
        with _bar("reading") as advance:
            return found, found.update(workers=workers, wait_s=wait_s, progress=advance)
    with _bar("indexing") as advance:
        found = CodeIndex.build(
            root,
            folder=folder,
            encoder=None if neural is False else "search",
            scope="environment" if env or (root / "pyvenv.cfg").exists() else "project",
            workers=workers,
            progress=advance,
        )
    return found, None


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar that begins with the first file: rich takes time to load, and mostly there is nothing to do."""
    with contextlib.ExitStack() as stack:
        bars: list[tuple[Progress, TaskID]] = []

        def advance(done: int, total: int) -> None:
            if not bars:
                bar = stack.enter_context(progress())
                bars.append((bar, bar.add_task(what, total=total)))
            bar, task = bars[0]
            bar.update(task, completed=done, total=total)

        yield advance


def _print(found: CodeIndex, report: UpdateReport | None, json: bool) -> None:
    if json:
        print_json(_plain(found, report), indent=None)
        return
    size = f"{found.num_files:,} files, {found.num_units:,} units, {found.num_bytes / 1e6:.1f} MB"
    if report is None:
        print(f"indexed {found.root}: {size}")
    else:
        print(f"{found.root}: {report.num_read:,} read, {report.num_removed:,} gone in {report.ms:.0f} ms; {size}")


def _plain(found: CodeIndex, report: UpdateReport | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "root": str(found.root),
        "folder": str(found.folder),
        "files": found.num_files,
        "units": found.num_units,
        "bytes": found.num_bytes,
        "neural": found.options.encoder is not None,
    }
    if report is not None:
        row |= {"read": report.num_read, "removed": report.num_removed, "ms": round(report.ms, 3)}
    return row


def _watch(found: CodeIndex, json: bool) -> None:
    import threading

    stderr().print(f"watching {found.root}; Ctrl-C ends it")
    found.watch(threading.Event(), lambda report: _print(found, report, json))
