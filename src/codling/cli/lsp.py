"""codling lsp: completion and search in editors, over the Language Server Protocol."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["lsp"]


def lsp(
    model: Annotated[
        str | None, typer.Option(help="A bundle's name or path; by default the one for each file's language.")
    ] = None,
    stdio: Annotated[  # noqa: ARG001 - editors add it by themselves
        bool, typer.Option("--stdio", help="Speak over stdin and stdout, as it does in any case.")
    ] = False,
) -> None:
    """Serve an editor: ghost text, a list of next tokens, symbols of the workspace.

    An editor starts it and ends it, and speaks the Language Server Protocol with it over stdin and stdout.
    """
    import logging
    import sys

    from codling.serve.lsp.server import serve_stdio

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it calls a client's mistakes exceptions
    serve_stdio(model)
