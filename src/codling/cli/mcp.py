"""codling mcp: code search for agents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["mcp"]


def mcp(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            "--root",
            "-r",
            exists=True,
            file_okay=False,
            help="Folder of a project to search; may be given repeatedly. The current one if left out.",
        ),
    ] = None,
    neural: Annotated[
        bool, typer.Option("--neural/--no-neural", help="Search by meaning, too; without it, by words alone.")
    ] = True,
) -> None:
    """Give an agent code search: tools over the Model Context Protocol, on stdin and stdout.

    An agent's client starts it and ends it. The index is made when there is none, and kept up to date meanwhile.
    """
    from codling.errors import InputError

    here = Path.cwd()
    if not root and here in (Path.home(), Path(here.anchor)):  # where some clients start their servers
        raise InputError(f"{here} is no project; name the project's folder with --root")
    from codling.serve.codebase import Codebase

    try:
        from codling.serve.mcp import make_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "pydantic", "anyio"):
            raise
        raise InputError("codling mcp needs the package mcp; pip install 'codling[mcp]' brings it") from None
    make_server(Codebase(root or [here], neural=neural)).run("stdio")
