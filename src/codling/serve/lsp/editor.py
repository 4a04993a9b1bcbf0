"""One editor's session: what it asks and what it says, from the first message to the last."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard, cast, get_args

import msgspec
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codling import __version__
from codling.complete.place import place
from codling.errors import BundleError, CodlingError, InputError
from codling.search.query import Filters
from codling.search.results import Hit
from codling.search.unit import KINDS
from codling.serve.desk import Cancelled
from codling.serve.lsp.adapting import ADAPT, adapt
from codling.serve.lsp.documents import MAX_CHARS, Document, Encoding, path_of
from codling.serve.lsp.ghosts import Ghosts
from codling.serve.lsp.items import ACCEPTED, ghost_items, symbols, token_items, uri_of
from codling.serve.lsp.jobs import Jobs
from codling.serve.lsp.protocol import Protocol
from codling.serve.lsp.settings import Settings, read_settings
from codling.serve.lsp.tally import Tally
from codling.serve.lsp.watching import report_indexing
from codling.serve.lsp.workbench import Workbench
from codling.serve.messages import CompleteRequest, CompleteResponse, SuggestionMessage
from codling.serve.search_messages import SearchRequest
from codling.serve.writing import LazyWriter

__all__ = ["Editor"]

_log = logging.getLogger("codling")

MAX_SUFFIX = 8_192  # characters behind the cursor; as many as the models look at
MAX_SYMBOLS = 100

_NAMED = frozenset(KINDS) - {"chunk", "module"}


class Editor:
    """Answers one editor."""

    def __init__(self, server: LanguageServer, protocol: Protocol, model: str | None = None) -> None:
        """Args:
        model: name or path of the bundle to use when the client's settings name none.
        """
        self.settings = Settings()
        self.workbench: Workbench | None = None
        self.ghosts = Ghosts()
        self._server, self._protocol, self._documents = server, protocol, protocol.documents
        self._model, self._writer = model, LazyWriter()
        self._jobs, self._tally = Jobs(), Tally()
        self._folders: list[Path] = []
        self._languages: frozenset[str] | None = None
        self._state: tuple[str, str | None] = ("starting", None)
        self._last: tuple[str, float] | None = None
        self._said: set[str] = set()
        self._is_adapting = False

    # -- the session

    def initialize(self, params: types.InitializeParams) -> None:
        self._documents.encoding = _encoding(self._server.workspace.position_encoding)
        self._take_settings(params.initialization_options)
        if params.client_info is not None:
            self._tally.client = params.client_info.name.strip().lower() or "lsp"
        folders = [path_of(folder.uri) for folder in params.workspace_folders or []]
        if not folders:
            folders = [path_of(params.root_uri) if params.root_uri else params.root_path]
        self._folders = [Path(folder) for folder in folders if folder]

    async def initialized(self, _: object) -> None:
        self._jobs.background(self._set_up())

    async def changed_configuration(self, params: types.DidChangeConfigurationParams) -> None:
        given = params.settings
        before = self.settings
        self._take_settings(given.get("codling", given) if isinstance(given, dict) else given)
        self.ghosts.forget()
        if any(
            getattr(before, key) != getattr(self.settings, key) for key in ("model", "project", "index", "use_server")
        ):
            self._jobs.background(self._set_up())

    async def changed_folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_of(folder.uri) for folder in params.event.removed}
        added = [Path(path) for folder in params.event.added if (path := path_of(folder.uri))]
        self._folders = [*(folder for folder in self._folders if str(folder) not in gone), *added]
        self._jobs.background(self._set_up())

    def close(self) -> None:
        """Keep what is known for the next session."""
        self._jobs.close()
        self._tally.flush()
        if self.workbench is not None:
            self.workbench.close()

    def exit(self, code: int) -> None:
        """End the process, also when a thread still waits for a message that never comes."""
        self.close()
        logging.shutdown()
        os._exit(code)

    # -- what an editor asks

    async def inline_completion(self, params: types.InlineCompletionParams) -> types.InlineCompletionList | None:
        started = time.perf_counter()
        document = self._documents.get(params.text_document.uri)
        if document.text is None or not self.settings.enabled:
            return None
        offset = document.offset(params.position)
        asked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        start, end, lead, where = offset, offset, "", types.Range(params.position, params.position)
        selected = params.context.selected_completion_info
        if selected is not None:  # an entry of the list of completions: ghost text goes on behind it
            start, end = document.offset(selected.range.start), document.offset(selected.range.end)
            where, lead = selected.range, selected.text
            if not start <= offset <= end or not lead.startswith(document.text[start:offset]):
                return None
        elif not asked and document.was_shortened:
            return None  # somebody takes text away, and wants none
        before, after = document.text[:start] + lead, document.text[end:]
        if not self._allows(document, before):
            return None
        everything = asked and self.settings.alternatives > 1
        offers = self.ghosts.continuing(document.uri, before, after, complete=everything)
        if not offers:
            version = document.version
            found = await self._suggestions(document, before, after, everything)
            if document.version != version or self._documents.known(document.uri) is not document:
                return None
            language = document.language_id
            offers = self.ghosts.offer(document.uri, before, after, found, language, complete=everything)
        if not asked:
            offers = tuple(offer for offer in offers if offer.origin != "code" or offer.score >= self._threshold)
        self.ghosts.given(offers)
        if offers and self.settings.stats and not self.settings.shown_by_client:
            self._tally.shown(offers[0])
            self._counted()
        self._took(started)
        return ghost_items(offers, where, lead)

    async def completion(self, params: types.CompletionParams) -> types.CompletionList | None:
        document = self._documents.get(params.text_document.uri)
        if document.text is None or not (self.settings.enabled and self.settings.tokens):
            return None
        offset = document.offset(params.position)
        before = document.text[:offset]
        if not self._allows(document, before):
            return None
        version = document.version
        message = self._message(document, before, document.text[offset:])
        message = msgspec.structs.replace(message, kind="token", limit=self.settings.tokens)
        found = await self._ask(document.uri, f"list {document.uri}", message)
        if found is None or document.version != version:
            return None
        return token_items(document, offset, found.suggestions, params.position)

    async def workspace_symbol(self, params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol] | None:
        if not params.query.strip() or self.workbench is None or not self.workbench.code.repos:
            return None
        indexes, encoding = self.workbench.code.indexes(), self._documents.encoding

        def work(_: Cancelled) -> list[types.WorkspaceSymbol]:
            filters = Filters(kinds=_NAMED)
            hits: Sequence[Hit] = indexes.search(params.query, MAX_SYMBOLS, filters, neural=False).hits
            return symbols((hit for hit in hits if hit.name), encoding)

        return await self._jobs.run(work, "symbols")

    async def search(self, params: Any) -> Any:
        """``codling/search``: as POST /api/search, and a URI with each hit."""
        try:
            message = msgspec.convert(params, SearchRequest)
        except msgspec.ValidationError as error:
            raise InputError(f"the request is not understood: {error}") from None
        if self.workbench is None:
            return None
        code = self.workbench.code

        def work(_: Cancelled) -> Any:
            from codling.serve.searchapi import SearchApi  # with the parts of HTTP, which nothing else here needs

            roots = {repo.name: repo.root for repo in code.repos}
            found = msgspec.to_builtins(SearchApi(code=code, desk=self._jobs.desk).find(message))
            for hit in found["hits"]:
                hit["uri"] = uri_of(roots[hit["repo"]] / hit["path"])
            return found

        return await self._jobs.run(work, "search")

    async def status(self, _: Any) -> dict[str, Any]:
        """``codling/status``, also sent as a notification when it changes."""
        state, error = self._state
        workbench = self.workbench
        return {
            "state": state if self.settings.enabled else "off",
            "error": error,
            "model": self._last[0] if self._last else None,
            "ms": round(self._last[1], 1) if self._last else None,
            "languages": sorted(self._languages or ()),
            "server": workbench.server if workbench else None,
            "folders": [msgspec.to_builtins(repo.message) for repo in workbench.code.repos] if workbench else [],
            "version": __version__,
        }

    # -- what an editor says

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        self.ghosts.forget(params.text_document.uri)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        self._jobs.drop(params.text_document.uri, "superseded")  # for a text that is no more

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        self.ghosts.forget(params.text_document.uri)
        self._jobs.drop(params.text_document.uri, "disconnected")

    async def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        path, workbench = path_of(params.text_document.uri), self.workbench
        if path is not None and workbench is not None:
            await self._jobs.run(lambda _: workbench.saved(path))

    async def accepted(self, *arguments: object) -> None:
        """``codling.accepted``: the id of a suggestion, and how many UTF-16 units of it were taken if not all.

        Raises:
            InputError: these are not the arguments.
        """
        number, *more = arguments or (None,)
        taken = more[0] if more else None
        if not _is_count(number) or not (taken is None or _is_count(taken)):
            raise InputError(f"{ACCEPTED} takes the id of a suggestion and perhaps a number of characters")
        offer = self.ghosts.known(number)
        if offer is not None and self.settings.stats:
            self.ghosts.given([self._tally.accepted(offer, taken)])
            self._counted()

    def shown(self, params: Any) -> None:
        """``codling/shown``: the client shows a suggestion."""
        number = params.get("id") if isinstance(params, dict) else None
        offer = self.ghosts.known(number) if _is_count(number) else None
        if offer is not None and self.settings.stats:
            self._tally.shown(offer)
            self._counted()

    async def adapt(self, *arguments: object) -> dict[str, Any]:
        """``codling.adapt``: fine-tune a model on a workspace folder.

        Raises:
            InputError: the argument is no URI of a folder of the workspace, or it could not be done.
        """
        if len(arguments) > 1 or not all(isinstance(each, str) for each in arguments):
            raise InputError(f"{ADAPT} takes the URI of a folder")
        folders = self.workbench.folders if self.workbench is not None else []
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
            return await adapt(self._server, chosen[0], self.settings.model or self._model)
        finally:
            self._is_adapting = False

    # -- within

    async def _suggestions(
        self, document: Document, before: str, after: str, everything: bool
    ) -> list[SuggestionMessage]:
        """The line that is shown unasked; then, if everything is wanted, the others that are probable."""
        message = self._message(document, before, after)
        found = await self._ask(document.uri, f"ghost {document.uri}", message)
        rows = list(found.suggestions) if found is not None else []
        if everything and found is not None:
            message = msgspec.structs.replace(message, limit=self.settings.alternatives)
            others = await self._ask(document.uri, f"ghost {document.uri}", message)
            texts = {row.text for row in rows}
            rows += [row for row in (others.suggestions if others else ()) if row.text not in texts]
        if found is not None:
            self._last = found.model, 0.0
        return rows[: self.settings.alternatives]

    def _message(self, document: Document, before: str, after: str) -> CompleteRequest:
        return CompleteRequest(
            language=document.language_id,
            prefix=before[-MAX_CHARS:],
            suffix=after[:MAX_SUFFIX],
            path=document.path,
            kind=self.settings.kind,
            in_comments=self.settings.in_comments,
            from_comments=self.settings.from_comments,
            session=document.uri[-150:],
        )

    async def _ask(self, uri: str, session: str, message: CompleteRequest) -> CompleteResponse | None:
        """A model's answer; None when it is no longer wanted, or there is no model."""
        workbench = self.workbench
        if workbench is None:
            return None
        try:
            return await self._jobs.run(lambda cancelled: workbench.complete(message, cancelled), session, uri)
        except BundleError as error:
            self._fail(str(error))
            return None

    def _allows(self, document: Document, before: str) -> bool:
        """Whether the client wants suggestions here."""
        settings, language = self.settings, document.language_id
        known = self._languages is None or language in self._languages
        if not settings.allows_language(language, known):
            return False
        if document.path is not None:
            folder = self.workbench.folder_of(document.path) if self.workbench is not None else None
            path = Path(document.path)
            below = path.relative_to(folder) if folder is not None else path.relative_to(path.anchor)
            if not settings.allows_path(below.as_posix()):
                return False
        if settings.in_comments and settings.in_strings:
            return True
        where = place(before, language)
        return where == "code" or (settings.in_comments if where == "comment" else settings.in_strings)

    @property
    def _threshold(self) -> float:
        chosen = self.settings.threshold
        return (self._tally.threshold or 0.0) if chosen is None else chosen

    def _counted(self) -> None:
        if self._tally.is_due:
            self._jobs.background(self._jobs.run(lambda _: self._tally.flush()))

    def _took(self, started: float) -> None:
        if self._last is not None:
            self._last = self._last[0], (time.perf_counter() - started) * 1_000
            self._tell()

    def _take_settings(self, given: object) -> None:
        self.settings, wrong = read_settings(given)
        for line in wrong:
            self._warn(line)

    async def _set_up(self) -> None:
        """Models and indexes for the folders and settings as they are now."""
        before, settings = self.workbench, self.settings
        try:
            self.workbench = workbench = Workbench(
                self._folders,
                model=settings.model or self._model,
                project=settings.project,
                index=settings.index,
                use_server=settings.use_server,
                writer=self._writer,
            )
        except CodlingError as error:
            self._fail(str(error))
            return
        self.ghosts.forget()
        self._set_state("loading")

        def load(_: Cancelled) -> frozenset[str]:
            if before is not None:
                before.close()
            self._tally.load()
            languages = workbench.languages
            workbench.start()
            return languages

        try:
            self._languages = await self._jobs.run(load)
        except CodlingError as error:
            self._fail(str(error))
            return
        except Exception:
            _log.exception("models and indexes could not be set up")
            self._fail("something in codling broke; its log says more")
            return
        self._set_state("ready")
        self._jobs.background(report_indexing(self._server, workbench.code, self._tell))

    def _fail(self, words: str) -> None:
        self._set_state("error", words)
        self._warn(words)

    def _warn(self, words: str) -> None:
        """Show a line to the user, once."""
        if words not in self._said and len(self._said) < MAX_SYMBOLS:
            self._said.add(words)
            self._server.window_show_message(
                types.ShowMessageParams(type=types.MessageType.Warning, message=f"codling: {words}")
            )

    def _set_state(self, state: str, error: str | None = None) -> None:
        self._state = state, error
        self._tell()

    def _tell(self) -> None:
        if self.settings.status:
            task = asyncio.ensure_future(self.status(None))
            task.add_done_callback(lambda done: self._protocol.notify("codling/status", done.result()))


def _encoding(chosen: object) -> Encoding:
    for each in get_args(Encoding):
        if chosen == each:  # an enumeration's member, or its value
            return cast(Encoding, each)
    return "utf-16"


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
