"""Progress of an index in the making, as an editor's progress bar."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from codling.serve.codebase import Codebase

__all__ = ["begin", "report_indexing"]

_LOOK_S = 0.25


async def report_indexing(server: LanguageServer, code: Codebase, changed: Callable[[], None]) -> None:
    """Report until every folder has its index, or it is known that it gets none.

    Args:
        changed: called when the state of a folder is another one.
    """
    bars: dict[str, str | None] = {}
    states: dict[str, str] = {}
    while True:
        for repo in code.repos:
            message = repo.message
            if states.get(repo.name) != message.state:
                states[repo.name] = message.state
                changed()
            if message.state == "indexing" and repo.name not in bars:
                bars[repo.name] = await begin(server, f"codling: indexing {repo.name}")
            bar = bars.get(repo.name)
            if bar is not None and message.state == "indexing" and message.total:
                server.work_done_progress.report(
                    bar,
                    types.WorkDoneProgressReport(
                        message=f"{message.done:,} of {message.total:,} files",
                        percentage=100 * message.done // message.total,
                    ),
                )
            if bar is not None and message.state != "indexing":
                server.work_done_progress.end(bar, types.WorkDoneProgressEnd(message=message.error))
                bars[repo.name] = None
        if all(repo.message.state in ("ready", "failed") for repo in code.repos):
            return
        await asyncio.sleep(_LOOK_S)


async def begin(server: LanguageServer, title: str, *, cancellable: bool = False) -> str | None:
    """Open a progress bar; its token, or None where the client can show none."""
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        return None
    token = f"codling-{uuid.uuid4()}"
    try:
        await server.work_done_progress.create_async(token)
    except JsonRpcException:
        return None
    server.work_done_progress.begin(
        token, types.WorkDoneProgressBegin(title=title, percentage=0, cancellable=cancellable)
    )
    return token
