"""The language server: which of the protocol's methods an editor's session answers, and how it is started."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codling import __version__
from codling.serve.lsp.adapting import ADAPT
from codling.serve.lsp.editor import Editor
from codling.serve.lsp.items import ACCEPTED
from codling.serve.lsp.protocol import Protocol, Server, converter
from codling.serve.memory import share_arenas

__all__ = ["make_server", "serve_stdio"]


def make_server(model: str | None = None) -> tuple[LanguageServer, Editor]:
    """The server that `codling lsp` runs, and what it answers with.

    Args:
        model: name or path of the bundle to use when the client's settings name none.
    """
    server = Server("codling", __version__, protocol_cls=Protocol, converter_factory=converter)
    assert isinstance(server.protocol, Protocol)
    editor = Editor(server, server.protocol, model)
    suggesting = editor.suggesting
    server.protocol.on_exit = editor.exit
    for method, handler, options in (
        (types.INITIALIZE, editor.initialize, None),
        (types.INITIALIZED, editor.initialized, None),
        (types.WORKSPACE_DID_CHANGE_CONFIGURATION, editor.changed_configuration, None),
        (types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, editor.changed_folders, None),
        (types.TEXT_DOCUMENT_DID_OPEN, suggesting.opened, None),
        (types.TEXT_DOCUMENT_DID_CHANGE, suggesting.changed, None),
        (types.TEXT_DOCUMENT_DID_CLOSE, suggesting.closed, None),
        (types.TEXT_DOCUMENT_DID_SAVE, editor.saved, None),
        (types.TEXT_DOCUMENT_INLINE_COMPLETION, suggesting.inline_completion, types.InlineCompletionOptions()),
        (types.TEXT_DOCUMENT_COMPLETION, suggesting.completion, types.CompletionOptions(trigger_characters=["."])),
        (types.WORKSPACE_SYMBOL, editor.workspace_symbol, None),
        ("codling/search", editor.search, None),
        ("codling/status", editor.status, None),
        ("codling/shown", suggesting.shown, None),
    ):
        server.feature(method, options)(_plain(handler))
    server.command(ACCEPTED)(_plain(suggesting.accepted))
    server.command(ADAPT)(_plain(editor.adapt))
    return server, editor


def _plain(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method as a function of its own, which pygls can write its marks on, and whose types it does not ask."""

    async def wait(*arguments: Any) -> object:
        return await method(*arguments)

    def call(*arguments: Any) -> object:
        return method(*arguments)

    return wait if asyncio.iscoroutinefunction(method) else call


def serve_stdio(model: str | None = None) -> None:
    """Serve the editor that started this process, until it says exit or closes our stdin."""
    stdout, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing but messages may go there
    share_arenas()
    server, editor = make_server(model)
    server.start_io(stdout=stdout)
    editor.close()  # the editor went without a word
