"""Answers from the desk: whole as JSON, or in pieces as Server-Sent Events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from codling.errors import CodlingError
from codling.serve.desk import AbandonedError, Cancelled, Desk, Ticket
from codling.serve.messages import ErrorMessage, encode

__all__ = ["answer", "event", "event_stream", "until_gone"]


def event(name: str, message: object) -> bytes:
    """One event; JSON has no line breaks of its own, so its data is one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(message))


@contextlib.asynccontextmanager
async def until_gone(request: Request, ticket: Ticket) -> AsyncIterator[None]:
    """Cancel a ticket when the client hangs up."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        ticket.cancel("disconnected")

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


async def answer(
    request: Request, desk: Desk, work: Callable[[Cancelled], object], session: str | None = None
) -> Response:
    """What work gives, as JSON, written on the desk's thread too: it may have some megabytes."""
    ticket = desk.take_ticket(session)
    try:
        async with until_gone(request, ticket):
            body = await desk.run(lambda cancelled: encode(work(cancelled)), ticket)
            return Response(body, media_type="application/json")
    finally:
        desk.give_back(ticket, session)


async def event_stream(
    request: Request, desk: Desk, work: Callable[[Cancelled], Iterator[bytes]], session: str | None
) -> Response:
    """Stream what work yields. It begins with the first event, so that an error before that has its own status;
    a later one is an event named "error".
    """
    ticket = desk.take_ticket(session)
    events = desk.stream(work, ticket)
    try:
        async with until_gone(request, ticket):
            first = await anext(events, b"")
    except BaseException:
        await _end(desk, ticket, session, events)
        raise
    return _Events(first, events, lambda: _end(desk, ticket, session, events))


async def _end(desk: Desk, ticket: Ticket, session: str | None, events: AsyncGenerator[bytes]) -> None:
    await events.aclose()
    desk.give_back(ticket, session)


class _Events(StreamingResponse):
    """A stream that is closed however it ends, even when its client leaves before it begins."""

    def __init__(self, first: bytes, events: AsyncGenerator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        super().__init__(_body(first, events), media_type="text/event-stream")
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._close()


async def _body(first: bytes, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for piece in events:
            yield piece
    except AbandonedError as error:
        yield event("error", ErrorMessage(error.reason))
    except CodlingError as error:
        yield event("error", ErrorMessage(" ".join(str(error).split())))
