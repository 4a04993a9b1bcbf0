"""Progress of an index in the making, as an editor's progress bar."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codling.serve.codebase import Codebase, Repo

__all__ = ["report_indexing", "shows_progress"]

_LOOK_S = 0.25


def shows_progress(server: LanguageServer) -> bool:
    """Whether the client can show progress that it has not asked for."""
    window = server.client_capabilities.window
    return window is not None and bool(window.work_done_progress)


async def report_indexing(server: LanguageServer, code: Codebase, changed: Callable[[], None]) -> None:
    """Report until every folder has its index, or it is known that it gets none.

    Args:
        changed: called when the state of a folder is another one.
    """
    bars: dict[str, str] = {}
    states: dict[str, str] = {}
    while True:
        for repo in code.repos:
            message = repo.message
            if states.get(repo.name) != message.state:
                states[repo.name] = message.state
                changed()
            if message.state == "indexing" and repo.name not in bars and shows_progress(server):
                bars[repo.name] = await _begin(server, repo)
            if repo.name in bars and message.state == "indexing" and message.total:
                server.work_done_progress.report(
                    bars[repo.name],
                    types.WorkDoneProgressReport(
                        message=f"{message.done:,} of {message.total:,} files",
                        percentage=100 * message.done // message.total,
                    ),
                )
            if repo.name in bars and message.state != "indexing":
                server.work_done_progress.end(bars.pop(repo.name), types.WorkDoneProgressEnd(message=message.error))
        if all(repo.message.state in ("ready", "failed") for repo in code.repos):
            return
        await asyncio.sleep(_LOOK_S)


async def _begin(server: LanguageServer, repo: Repo) -> str:
    token = f"codling-{uuid.uuid4()}"
    await server.work_done_progress.create_async(token)
    title = types.WorkDoneProgressBegin(title=f"codling: indexing {repo.name}", percentage=0, cancellable=False)
    server.work_done_progress.begin(token, title)
    return token
