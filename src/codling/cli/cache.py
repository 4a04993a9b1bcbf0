"""codling cache: what is kept of your projects between sessions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codling.cli.output import JsonOption, print_json
from codling.errors import InputError

if TYPE_CHECKING:
    from codling.search.places import KeptIndex

__all__ = ["app"]

app = typer.Typer(
    help="Show or delete what is kept of your projects; it never leaves this machine.", no_args_is_help=True
)


@app.command()
def show(json: JsonOption = False) -> None:
    """List the projects of which n-grams or a search index are kept, and where."""
    import datetime

    from codling.engine.project_store import StoredProject, list_stored, stores
    from codling.search.places import list_indexes

    rows, kept = list_stored(), list_indexes()
    if json:
        print_json(
            {
                "folder": str(stores()),
                "projects": [
                    {
                        "root": row.root,
                        "files": row.num_files,
                        "tokens": row.num_tokens,
                        "bytes": row.num_bytes,
                        "written": datetime.datetime.fromtimestamp(row.written, datetime.UTC).isoformat(),
                        "path": str(row.path),
                    }
                    if isinstance(row, StoredProject)
                    else {"error": str(row)}
                    for row in rows
                ],
                "indexes": [
                    {
                        "root": row.root,
                        "bytes": row.num_bytes,
                        "written": datetime.datetime.fromtimestamp(row.written, datetime.UTC).isoformat(),
                        "path": str(row.folder),
                    }
                    | ({"error": row.error} if row.error else {})
                    for row in kept
                ],
            }
        )
        return
    if not rows and not kept:
        print(f"nothing is kept ({stores()})")
        return
    _print_indexes(kept)
    if not rows:
        return
    print(f"{'written':16} {'files':>7} {'tokens':>11} {'MB':>6}  project")
    for row in rows:  # not a table, which would cut long paths off
        if isinstance(row, StoredProject):
            written = datetime.datetime.fromtimestamp(row.written).strftime("%Y-%m-%d %H:%M")
            print(f"{written} {row.num_files:7,} {row.num_tokens:11,} {row.num_bytes / 1e6:6.1f}  {row.root}")
        else:
            print(row)


@app.command()
def clear(
    project: Annotated[Path | None, typer.Argument(help="A project's folder; without one, everything goes.")] = None,
    json: JsonOption = False,
) -> None:
    """Delete what is kept of a project, or of all; it is made again when the project is opened or searched next."""
    from codling.engine.project_store import StoredProject, clear_stored, list_stored
    from codling.search.places import clear_indexes, list_indexes

    root = project.resolve() if project is not None else None
    known = {row.root for row in list_stored() if isinstance(row, StoredProject)} | {row.root for row in list_indexes()}
    if root is not None and str(root) not in known:
        raise InputError(f"nothing is kept of {root}; `codling cache show` lists what is")
    num = clear_stored(root) + clear_indexes(root)
    if json:
        print_json({"deleted": num})
    else:
        print(f"deleted {num} {'file' if num == 1 else 'files'}")


def _print_indexes(kept: Sequence[KeptIndex]) -> None:
    import datetime

    if kept:
        print(f"{'written':16} {'MB':>7}  search index of")
    for row in kept:
        written = datetime.datetime.fromtimestamp(row.written).strftime("%Y-%m-%d %H:%M")
        print(f"{written} {row.num_bytes / 1e6:7.1f}  {row.root or row.error}")
