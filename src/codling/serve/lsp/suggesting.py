"""What an editor is suggested: ghost text, the list of next tokens, and what became of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, TypeGuard

import msgspec
from lsprotocol import types

from codling.complete.place import place
from codling.errors import BundleError, InputError
from codling.serve.lsp.documents import MAX_CHARS, Document
from codling.serve.lsp.ghosts import Ghosts
from codling.serve.lsp.items import ACCEPTED, ghost_items, token_items
from codling.serve.lsp.session import Session
from codling.serve.messages import CompleteRequest, CompleteResponse, SuggestionMessage

__all__ = ["Suggesting"]

MAX_SUFFIX = 8_192  # characters behind the cursor; as many as the models look at


class Suggesting:
    """Answers what an editor asks while somebody types."""

    def __init__(self, session: Session) -> None:
        self.ghosts = Ghosts()
        self._session = session
        session.on_new_models = self.ghosts.forget

    async def inline_completion(self, params: types.InlineCompletionParams) -> types.InlineCompletionList | None:
        started = time.perf_counter()
        document = self._session.documents.get(params.text_document.uri)
        if document.text is None or not self._session.settings.enabled:
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
        settings = self._session.settings
        everything = settings.alternatives > 1 and (asked or settings.alternatives_at_once)
        offers = self.ghosts.continuing(document.uri, before, after, complete=everything)
        if not offers:
            version = document.version
            found = await self._suggestions(document, before, after, everything)
            if document.version != version or self._session.documents.known(document.uri) is not document:
                return None
            language = document.language_id
            offers = self.ghosts.offer(document.uri, before, after, found, language, complete=everything)
        if not asked:
            offers = tuple(
                offer for offer in offers if offer.origin != "code" or offer.score >= self._session.threshold
            )
        self.ghosts.given(offers)
        if offers and self._session.settings.stats and not self._session.settings.shown_by_client:
            self._session.tally.shown(offers[0])
            self._counted()
        self._took(started)
        return ghost_items(offers, where, lead)

    async def completion(self, params: types.CompletionParams) -> types.CompletionList | None:
        document = self._session.documents.get(params.text_document.uri)
        if document.text is None or not (self._session.settings.enabled and self._session.settings.tokens):
            return None
        offset = document.offset(params.position)
        before = document.text[:offset]
        if not self._allows(document, before):
            return None
        version = document.version
        message = self._message(document, before, document.text[offset:])
        message = msgspec.structs.replace(message, kind="token", limit=self._session.settings.tokens)
        found = await self._ask(document.uri, f"list {document.uri}", message)
        if found is None or document.version != version:
            return None
        return token_items(document, offset, found.suggestions, params.position)

    # -- what becomes of it

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        self.ghosts.forget(params.text_document.uri)

    def changed(self, params: types.DidChangeTextDocumentParams) -> None:
        self._session.jobs.drop(params.text_document.uri, "superseded")  # for a text that is no more

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        self.ghosts.forget(params.text_document.uri)
        self._session.jobs.drop(params.text_document.uri, "disconnected")

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
        if offer is not None and self._session.settings.stats:
            self.ghosts.given([self._session.tally.accepted(offer, taken)])
            self._counted()

    def shown(self, params: Any) -> None:
        """``codling/shown``: the client shows a suggestion."""
        number = params.get("id") if isinstance(params, dict) else None
        offer = self.ghosts.known(number) if _is_count(number) else None
        if offer is not None and self._session.settings.stats:
            self._session.tally.shown(offer)
            self._counted()

    # -- within

    async def _suggestions(
        self, document: Document, before: str, after: str, everything: bool
    ) -> list[SuggestionMessage]:
        """The line that is shown unasked; then, if everything is wanted, the others that are probable."""
        message = self._message(document, before, after)
        found = await self._ask(document.uri, f"ghost {document.uri}", message)
        rows = list(found.suggestions) if found is not None else []
        if everything and found is not None:
            message = msgspec.structs.replace(message, limit=self._session.settings.alternatives)
            others = await self._ask(document.uri, f"ghost {document.uri}", message)
            texts = {row.text for row in rows}
            rows += [row for row in (others.suggestions if others else ()) if row.text not in texts]
        if found is not None:
            self._session.answered = found.model, 0.0
        return rows[: self._session.settings.alternatives]

    def _message(self, document: Document, before: str, after: str) -> CompleteRequest:
        return CompleteRequest(
            language=document.language_id,
            prefix=before[-MAX_CHARS:],
            suffix=after[:MAX_SUFFIX],
            path=document.path,
            kind=self._session.settings.kind,
            in_comments=self._session.settings.in_comments,
            from_comments=self._session.settings.from_comments,
            session=document.uri[-150:],
        )

    async def _ask(self, uri: str, session: str, message: CompleteRequest) -> CompleteResponse | None:
        """A model's answer; None when it is no longer wanted, or there is no model."""
        workbench = self._session.workbench
        if workbench is None:
            return None
        try:
            return await self._session.jobs.run(lambda cancelled: workbench.complete(message, cancelled), session, uri)
        except BundleError as error:
            self._session.fail(str(error))
            return None

    def _allows(self, document: Document, before: str) -> bool:
        """Whether the client wants suggestions here."""
        settings, language = self._session.settings, document.language_id
        known = self._session.languages is None or language in self._session.languages
        if not settings.allows_language(language, known):
            return False
        if document.path is not None:
            folder = self._session.workbench.folder_of(document.path) if self._session.workbench is not None else None
            path = Path(document.path)
            below = path.relative_to(folder) if folder is not None else path.relative_to(path.anchor)
            if not settings.allows_path(below.as_posix()):
                return False
        if settings.in_comments and settings.in_strings:
            return True
        where = place(before, language)
        return where == "code" or (settings.in_comments if where == "comment" else settings.in_strings)

    def _counted(self) -> None:
        if self._session.tally.is_due:
            self._session.jobs.background(self._session.jobs.run(lambda _: self._session.tally.flush()))

    def _took(self, started: float) -> None:
        if self._session.answered is not None:
            self._session.answered = self._session.answered[0], (time.perf_counter() - started) * 1_000
            self._session.tell()


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
