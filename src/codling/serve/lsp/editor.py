"""One editor's session: what it asks and what it says, from the first message to the last."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codling.errors import InputError
from codling.search.query import Filters
from codling.search.results import Hit
from codling.search.unit import KINDS
from codling.serve.desk import Cancelled
from codling.serve.lsp.adapting import ADAPT, adapt
from codling.serve.lsp.documents import Encoding, path_of
from codling.serve.lsp.items import symbols, uri_of
from codling.serve.lsp.protocol import Protocol
from codling.serve.lsp.session import Session
from codling.serve.lsp.suggesting import Suggesting
from codling.serve.search_messages import SearchRequest

__all__ = ["Editor"]

MAX_SYMBOLS = 100

_NAMED = frozenset(KINDS) - {"chunk", "module"}
_ABOUT_MODELS = ("model", "project", "index", "use_server")  # settings that take other models or indexes


class Editor:
    """Answers one editor, but for what it asks while somebody types, which is `suggesting`'s."""

    def __init__(self, server: LanguageServer, protocol: Protocol, model: str | None = None) -> None:
        """Args:
        model: name or path of the bundle to use when the client's settings name none.
        """
        self._session = Session(server, protocol, model)
        self.suggesting = Suggesting(self._session)
        self._is_adapting = False

    # -- the session

    def initialize(self, params: types.InitializeParams) -> None:
        self._session.documents.encoding = _encoding(self._session.server.workspace.position_encoding)
        self._session.take_settings(params.initialization_options)
        if params.client_info is not None:
            self._session.tally.client = params.client_info.name.strip().lower() or "lsp"
        folders = [path_of(folder.uri) for folder in params.workspace_folders or []]
        if not folders:
            folders = [path_of(params.root_uri) if params.root_uri else params.root_path]
        self._session.folders = [Path(folder) for folder in folders if folder]

    async def initialized(self, _: object) -> None:
        self._session.jobs.background(self._session.set_up())

    async def changed_configuration(self, params: types.DidChangeConfigurationParams) -> None:
        given = params.settings
        before = self._session.settings
        self._session.take_settings(given.get("codling", given) if isinstance(given, dict) else given)
        self.suggesting.ghosts.forget()
        if any(getattr(before, key) != getattr(self._session.settings, key) for key in _ABOUT_MODELS):
            self._session.jobs.background(self._session.set_up())

    async def changed_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_of(folder.uri) for folder in params.event.removed}
        added = [Path(path) for folder in params.event.added if (path := path_of(folder.uri))]
        self._session.folders = [*(folder for folder in self._session.folders if str(folder) not in gone), *added]
        self._session.jobs.background(self._session.set_up())

    def close(self) -> None:
        """Keep what is known for the next session."""
        self._session.jobs.close()
        self._session.tally.flush()
        if self._session.workbench is not None:
            self._session.workbench.close()

    def exit(self, code: int) -> None:
        """End the process, also when a thread still waits for a message that never comes."""
        self.close()
        logging.shutdown()
        os._exit(code)

    # -- what an editor asks

    async def workspace_symbol(self, params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol] | None:
        if not params.query.strip() or self._session.workbench is None or not self._session.workbench.code.repos:
            return None
        indexes, encoding = self._session.workbench.code.indexes(), self._session.documents.encoding

        def work(_: Cancelled) -> list[types.WorkspaceSymbol]:
            filters = Filters(kinds=_NAMED)
            hits: Sequence[Hit] = indexes.search(params.query, MAX_SYMBOLS, filters, neural=False).hits
            return symbols((hit for hit in hits if hit.name), encoding)

        return await self._session.jobs.run(work, "symbols")

    async def search(self, params: Any) -> Any:
        """``codling/search``: as POST /api/search, and a URI with each hit."""
        try:
            message = msgspec.convert(params, SearchRequest)
        except msgspec.ValidationError as error:
            raise InputError(f"the request is not understood: {error}") from None
        if self._session.workbench is None:
            return None
        code = self._session.workbench.code

        def work(_: Cancelled) -> Any:
            from codling.serve.searchapi import SearchApi  # with the parts of HTTP, which nothing else here needs

            roots = {repo.name: repo.root for repo in code.repos}
            found = msgspec.to_builtins(SearchApi(code=code, desk=self._session.jobs.desk).find(message))
            for hit in found["hits"]:
                hit["uri"] = uri_of(roots[hit["repo"]] / hit["path"])
            return found

        return await self._session.jobs.run(work, "search")

    async def status(self, _: Any) -> dict[str, Any]:
        """``codling/status``, also sent as a notification when it changes."""
        return self._session.status()

    async def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        path, workbench = path_of(params.text_document.uri), self._session.workbench
        if path is not None and workbench is not None:
            await self._session.jobs.run(lambda _: workbench.saved(path))

    async def adapt(self, *arguments: object) -> dict[str, Any]:
        """``codling.adapt``: fine-tune a model on a workspace folder.

        Raises:
            InputError: the argument is no URI of a folder of the workspace, or it could not be done.
        """
        if len(arguments) > 1 or not all(isinstance(each, str) for each in arguments):
            raise InputError(f"{ADAPT} takes the URI of a folder")
        folders = self._session.workbench.folders if self._session.workbench is not None else []
        path = path_of(str(arguments[0])) if arguments else None
        if not arguments and len(folders) == 1:
            chosen = folders
        else:  # the workbench's folders are resolved, a client's may be links to them
            chosen = [each for each in folders if path is not None and each == Path(path).resolve()]
        if not chosen:
            raise InputError(f"{ADAPT} takes the URI of one of the workspace's folders")
        if self._is_adapting:
            raise InputError("a model is being adapted already; wait until it is done, or cancel it")
        self._is_adapting = True
        try:
            return await adapt(self._session.server, chosen[0], self._session.model)
        finally:
            self._is_adapting = False


def _encoding(chosen: object) -> Encoding:
    for each in get_args(Encoding):
        if chosen == each:  # an enumeration's member, or its value
            return cast(Encoding, each)
    return "utf-16"
