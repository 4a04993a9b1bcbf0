"""The endpoints: each parses, has a model do the work on a thread, and writes the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from codling.complete import Completer
from codling.engine.sampling import SamplingConfig
from codling.serve.body import read_message
from codling.serve.desk import Cancelled, Desk
from codling.serve.events import event, event_stream, until_gone
from codling.serve.messages import (
    CompleteRequest,
    CompleteResponse,
    SampleDone,
    SamplePiece,
    SampleRequest,
    StageMessage,
    encode,
)
from codling.serve.metrics import Metrics
from codling.serve.models import Shelf, answer
from codling.serve.page import Page
from codling.serve.writing import LazyWriter
from codling.types import Completion, Kind

__all__ = ["Api"]

_STAGES: dict[Kind, tuple[Kind, ...]] = {
    "token": ("token",),
    "line": ("token", "line"),
    "block": ("token", "line", "block"),
}


@dataclass(frozen=True, kw_only=True)
class Api:
    shelf: Shelf
    desk: Desk
    counts: Metrics
    page: Page
    writer: LazyWriter
    budget_ms: float
    "Time for one completion; what has been found by then is the answer."

    async def complete(self, request: Request) -> Response:
        message = await read_message(request, CompleteRequest)
        model = self.shelf.check(message.model, message.language)

        def work(cancelled: Cancelled) -> Completion:
            return self._complete(self.shelf.completer(model), message, message.kind, cancelled)

        ticket = self.desk.take_ticket(message.session)
        try:
            async with until_gone(request, ticket):
                completion = await self.desk.run(work, ticket)
        finally:
            self.desk.give_back(ticket, message.session)
        return _json(CompleteResponse.of(completion, model))

    async def complete_stream(self, request: Request) -> Response:
        """Answers that reach further and further: the next token at once, then the line, then the block."""
        message = await read_message(request, CompleteRequest)
        model = self.shelf.check(message.model, message.language)

        def work(cancelled: Cancelled) -> Iterator[bytes]:
            completer = self.shelf.completer(model)
            for kind in _STAGES[message.kind]:
                found = CompleteResponse.of(self._complete(completer, message, kind, cancelled), model)
                stage = StageMessage(kind=kind, suggestions=found.suggestions, ms=found.ms, model=found.model)
                yield event("suggestions", stage)
            yield event("done", {})

        return await event_stream(request, self.desk, work, message.session)

    async def sample(self, request: Request) -> Response:
        message = await read_message(request, SampleRequest)
        model = self.shelf.check(message.model)
        config = SamplingConfig(
            temperature=message.temperature,
            top_k=message.top_k,
            top_p=message.top_p,
            max_chars=message.max_chars,
            stop=tuple(message.stop),
            seed=message.seed,
        )

        def work(cancelled: Cancelled) -> Iterator[bytes]:
            start = time.perf_counter()
            completer = self.shelf.completer(model)
            num_chars = 0
            for piece in completer.sample(message.prompt, config, cancelled=cancelled):
                num_chars += len(piece)
                yield event("piece", SamplePiece(piece))
            ms = (time.perf_counter() - start) * 1000
            yield event("done", SampleDone(chars=num_chars, ms=ms, model=model))

        return await event_stream(request, self.desk, work, message.session)

    async def models(self, _: Request) -> Response:
        return _json(self.shelf.list())

    async def model(self, request: Request) -> Response:
        return _json(self.shelf.card(request.path_params["name"]))

    async def healthz(self, _: Request) -> Response:
        return _json({"status": "ok"})

    async def metrics(self, _: Request) -> Response:
        return Response(self.counts.text(), media_type=self.counts.content_type)

    async def index(self, _: Request) -> Response:
        return self.page.index()

    async def page_file(self, request: Request) -> Response:
        return self.page.file(request.url.path.removeprefix("/"))

    def _complete(self, completer: Completer, message: CompleteRequest, kind: Kind, cancelled: Cancelled) -> Completion:
        return answer(
            completer, message, kind=kind, programs=self.writer.programs, budget_ms=self.budget_ms, cancelled=cancelled
        )


def _json(message: object) -> Response:
    return Response(encode(message), media_type="application/json")
