"""codling serve: completions and search for editors, and the page."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["serve"]

PORT = 8642


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but this machine's own asks clients for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = PORT,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A bundle's name or path; may be given more than once, the first is the default."),
    ] = None,
    writer: Annotated[
        str | None, typer.Option(help="The bundle that writes programs from descriptions, by name or path.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="CODLING_TOKEN", help="Token that clients must show; made up when one is needed."),
    ] = None,
    project: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of a project, to search in; may be given repeatedly. Completions know the first one's files.",
        ),
    ] = None,
    open_: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open the page in a browser (when run from a terminal).")
    ] = None,
    index: Annotated[bool, typer.Option(help="Make the projects searchable.")] = True,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End when stdin does: for a program that starts this one for itself.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Requests to work on at once; each takes one core.")
    ] = None,
) -> None:
    """Serve completions and code search over HTTP, and a page to try them on.

    Prints the page's address on stdout when it is ready; Ctrl-C stops it.
    """
    import contextlib
    from urllib.parse import quote

    from codling.serve.codebase import Codebase
    from codling.serve.http import Limits, make_app
    from codling.serve.models import Shelf
    from codling.serve.running import Identity, announced
    from codling.serve.server import bind, interrupt_at_eof, new_token, run
    from codling.serve.writing import WRITER, LazyWriter

    address = bind(host, port)  # first, for it is quick to fail
    shelf = Shelf(model or (), project=project[0] if project else None)
    if not token:
        token = None if address.loopback else new_token()
    limits = Limits(threads=threads or min(4, os.cpu_count() or 1))
    code, identity = Codebase((project or ()) if index else ()), Identity(project or ())
    pen = LazyWriter(writer or WRITER)
    if writer is not None:
        pen.open()  # one that was asked for must be there; the one that ships may be missing
    app = make_app(
        shelf,
        token=token,
        loopback=address.loopback,
        host=host,
        limits=limits,
        code=code,
        identity=identity,
        writer=pen,
    )
    url = f"{address.url}?token={quote(token, safe='')}" if token else address.url

    def ready() -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody reads it; the server serves all the same
            print(url, flush=True)
        if until_eof:
            interrupt_at_eof()
        print(f"codling serves {shelf.default}; Ctrl-C stops it", file=sys.stderr)
        if open_ or (open_ is None and sys.stdout.isatty() and _has_screen()):
            _open(url)

    with contextlib.ExitStack() as stack:
        if address.loopback:
            numeric_host = address.socket.getsockname()[0]
            stack.enter_context(announced(numeric_host, address.port, token, identity.secret))
        run(app, address, ready)


def _has_screen() -> bool:
    """Would a browser find a screen? Without one, some systems open a text browser in the terminal."""
    return sys.platform in ("win32", "darwin") or any(
        os.environ.get(v) for v in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


def _open(url: str) -> None:
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()  # some browsers block until they close
