"""What the browser asks. A server that is away is no error to it: there is nothing to suggest then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from jupyter_server.base.handlers import APIHandler
from msgspec import Meta, Struct
from tornado import web

from codling.complete.acceptance import Acceptance
from codling.errors import InputError
from codling.serve.messages import (
    CompleteRequest,
    CompleteResponse,
    FeedbackRequest,
    ModelList,
    SuggestionMessage,
    decode,
    encode,
)
from codling_jupyter.backend import AwayError, Backend

__all__ = ["CompleteHandler", "FeedbackHandler", "StatusHandler"]

CLIENT = "JupyterLab"


class Question(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A place in a notebook or file where something may be suggested."""

    language: Annotated[str, Meta(max_length=50)]
    prefix: Annotated[str, Meta(max_length=200_000)]
    suffix: Annotated[str, Meta(max_length=50_000)]
    path: Annotated[str, Meta(max_length=4_000)] = ""
    "From the root of Jupyter's files."
    kind: Literal["line", "block"] = "line"
    alternatives: Annotated[int, Meta(ge=1, le=10)] = 1
    automatic: bool = True
    "Nobody asked: nothing comes that is less probable than the threshold."
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    "None for what `codling stats --set-threshold` set."
    in_comments: bool = False
    model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    session: Annotated[str, Meta(min_length=1, max_length=200)]


class Answer(Struct, frozen=True, kw_only=True):
    suggestions: list[SuggestionMessage]
    state: str


class Status(Struct, frozen=True, kw_only=True):
    state: Literal["starting", "ready", "away"]
    error: str
    languages: list[str]


class Said(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What became of a suggestion."""

    language: Annotated[str, Meta(max_length=50)]
    score: Annotated[float, Meta(ge=0, le=1)]
    shown: Annotated[int, Meta(ge=0, le=1)] = 0
    accepted: Annotated[int, Meta(ge=0, le=1)] = 0
    chars: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class _Handler(APIHandler):
    """What all share: the server that is asked, messages in and out, and an end when the browser hangs up."""

    _task: asyncio.Task[tuple[int, bytes]] | None = None

    @property
    def backend(self) -> Backend:
        return cast(Backend, self.settings["codling_backend"])

    def read(self, message: type[Any]) -> Any:
        try:
            return decode(self.request.body, message)
        except InputError as error:
            raise web.HTTPError(400, str(error), reason="this message is not understood") from None

    def give(self, message: Struct) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(encode(message))

    async def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Raises:
        AwayError: the server is not there.
        asyncio.CancelledError: the browser hung up.
        """
        self._task = asyncio.ensure_future(self.backend.ask(method, path, body))
        try:
            return await self._task
        finally:
            self._task = None

    def on_connection_close(self) -> None:
        if self._task is not None:
            self._task.cancel()


class CompleteHandler(_Handler):
    @web.authenticated
    async def post(self) -> None:
        question: Question = self.read(Question)
        try:
            rows = await self._suggest(question)
        except AwayError:
            state = "away" if self.backend.error else "starting"
            self.give(Answer(suggestions=[], state=state))
        except asyncio.CancelledError:
            return
        else:
            self.give(Answer(suggestions=rows, state="ready"))

    async def _suggest(self, question: Question) -> list[SuggestionMessage]:
        """The one that is shown first, as far as the model is sure of it; then whole lines, the most probable first."""
        message = CompleteRequest(
            language=question.language,
            prefix=question.prefix,
            suffix=question.suffix,
            path=self._path(question.path),
            kind=question.kind,
            model=question.model,
            in_comments=question.in_comments,
            session=question.session,
        )
        rows = await self._complete(message)
        if not rows or (question.automatic and rows[0].score < await self._threshold(question)):
            return []
        if question.alternatives > 1:
            more = await self._complete(msgspec.structs.replace(message, limit=question.alternatives))
            rows += [row for row in more if row.text != rows[0].text]
        return rows[: question.alternatives]

    async def _complete(self, message: CompleteRequest) -> list[SuggestionMessage]:
        status, body = await self.ask("POST", "api/complete", encode(message))
        if status != 200:  # nothing is shown; the log says why, unless it was overtaken or there is too much to do
            level = logging.DEBUG if status in (409, 429, 503) else logging.WARNING
            self.log.log(level, "codling answers %d: %s", status, body[:200].decode("utf-8", "replace"))
            return []
        try:
            return list(decode(body, CompleteResponse).suggestions)
        except InputError as error:  # of another version, perhaps
            self.log.warning("codling's answer is not understood: %s", error)
            return []

    def _path(self, path: str) -> str | None:
        """Where the file is on this machine, if it is below the root. Nothing is read there."""
        root: Path = self.settings["codling_root"]
        try:
            found = (root / path.lstrip("/")).resolve()
        except (ValueError, OSError, RuntimeError):  # no path, or a link that leads to itself
            return None
        return str(found) if path and found.is_relative_to(root) else None

    async def _threshold(self, question: Question) -> float:
        if question.threshold is not None:
            return question.threshold
        known = self.settings.get("codling_threshold")
        if known is None:  # as editors do: a new one counts from the next start on
            known = await asyncio.to_thread(lambda: Acceptance().threshold) or 0.0
            self.settings["codling_threshold"] = known
        return float(known)


class FeedbackHandler(_Handler):
    @web.authenticated
    async def post(self) -> None:
        said: Said = self.read(Said)
        message = FeedbackRequest(
            language=said.language,
            score=said.score,
            client=CLIENT,
            shown=said.shown,
            accepted=said.accepted,
            chars=said.chars,
        )
        with contextlib.suppress(AwayError, asyncio.CancelledError):  # one count is missing
            await self.ask("POST", "api/feedback", encode(message))
        if not self._finished:
            self.give(Said(language=said.language, score=said.score))


class StatusHandler(_Handler):
    @web.authenticated
    async def get(self) -> None:
        languages: list[str] = []
        try:
            status, body = await self.ask("GET", "api/models")
            if status == 200:
                languages = sorted({each for row in decode(body, ModelList).models for each in row.languages})
        except (AwayError, InputError, asyncio.CancelledError):
            pass
        if self._finished:
            return
        state: Literal["starting", "ready", "away"] = "away" if self.backend.error else "starting"
        self.give(Status(state="ready" if languages else state, error=self.backend.error, languages=languages))
