"""codling cache: what is kept of your projects between sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codling.cli.output import JsonOption, print_json
from codling.errors import InputError

__all__ = ["app"]

app = typer.Typer(
    help="Show or delete what is kept of your projects; it never leaves this machine.", no_args_is_help=True
)


@app.command()
def show(json: JsonOption = False) -> None:
    """List the projects of which n-grams are kept, and where."""
    import datetime

    from codling.engine.project_store import StoredProject, list_stored, stores

    rows = list_stored()
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
            }
        )
        return
    if not rows:
        print(f"nothing is kept ({stores()})")
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
    """Delete what is kept of a project, or of all; it is counted again when the project is opened next."""
    from codling.engine.project_store import StoredProject, clear_stored, list_stored

    root = project.resolve() if project is not None else None
    if root is not None and all(not isinstance(row, StoredProject) or row.root != str(root) for row in list_stored()):
        raise InputError(f"nothing is kept of {root}; `codling cache show` lists what is")
    num = clear_stored(root)
    if json:
        print_json({"deleted": num})
    else:
        print(f"deleted {num} {'file' if num == 1 else 'files'}")
