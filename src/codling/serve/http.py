"""The HTTP application: JSON and Server-Sent Events for programs, the page for people."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from codling.complete.acceptance import Acceptance
from codling.errors import BusyError, CodlingError
from codling.npi.model import SHIPPED
from codling.serve.api import Api
from codling.serve.codebase import Codebase, NotIndexedError
from codling.serve.desk import AbandonedError, Desk
from codling.serve.feedback import FeedbackApi
from codling.serve.guard import Guard, error_response
from codling.serve.messages import encode
from codling.serve.metrics import Counted, Metrics
from codling.serve.models import Shelf, UnknownModelError
from codling.serve.npiapi import NpiApi
from codling.serve.openai import OpenAiApi
from codling.serve.page import Page
from codling.serve.running import Identity
from codling.serve.searchapi import SearchApi
from codling.serve.writeapi import WriteApi
from codling.serve.writing import WRITER, LazyWriter

__all__ = ["Limits", "make_app"]

_CLIENT_GONE = 499  # nginx's number for it; nobody reads it but the metrics
_RETRY = {"retry-after": "1"}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one server grants its clients; size and time of a request's body are limited in body.py."""

    threads: int = 2
    "Requests that models work on at the same time."
    budget_ms: float = 2_000
    "Time for one completion; what has been found by then is the answer."
    timeout_s: float = 30
    "When a request is given up altogether (503): the budget was not kept, as on an overloaded machine."


def make_app(
    shelf: Shelf,
    *,
    token: str | None = None,
    loopback: bool = True,
    host: str = "localhost",
    limits: Limits | None = None,
    page: Page | None = None,
    code: Codebase | None = None,
    identity: Identity | None = None,
    programs: str | Path = SHIPPED,
    writer: str | Path | LazyWriter = WRITER,
) -> Starlette:
    """The application that `codling serve` runs.

    Args:
        shelf: the models.
        token: what every request but /healthz must show; None when none is asked for.
        loopback: only this machine can reach it; requests that name another host are refused.
        host: the name that it listens on.
        code: what is searched; None for nothing.
        identity: lets it prove that it is the server that left a notice; None for one that left none.
        programs: the bundle of learned programs, by name or path; it may be missing.
        writer: the bundle that writes programs from descriptions, likewise, or one that was opened.

    Returns:
        An ASGI application; its ``state.desk`` can be closed to give up all work under way.
    """
    limits = limits or Limits()
    counts = Metrics()
    desk = Desk(limits.threads, limits.timeout_s, lambda reason: counts.cancelled.labels(reason).inc())
    counts.in_flight.set_function(lambda: desk.in_flight)
    page = page or Page()
    code = code or Codebase()
    identity, acceptance = identity or Identity(), Acceptance()
    pen = writer if isinstance(writer, LazyWriter) else LazyWriter(writer)
    api = Api(shelf=shelf, desk=desk, counts=counts, page=page, writer=pen, budget_ms=limits.budget_ms)

    async def server(request: Request) -> Response:
        message = identity.message(request.query_params.get("nonce", ""), [row.name for row in shelf.list().models])
        return Response(encode(message), media_type="application/json")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        code.start()
        yield
        desk.close()
        acceptance.flush()
        code.close()
        shelf.close()

    app = Starlette(
        routes=[
            Route("/api/complete", api.complete, methods=["POST"]),
            Route("/api/complete/stream", api.complete_stream, methods=["POST"]),
            Route("/api/sample", api.sample, methods=["POST"]),
            Route("/api/models", api.models),
            Route("/api/models/{name:path}", api.model),
            *SearchApi(code=code, desk=desk).routes,
            *NpiApi(desk=desk, bundle=programs).routes,
            *WriteApi(desk=desk, writer=pen).routes,
            *FeedbackApi(acceptance=acceptance, desk=desk).routes,
            *OpenAiApi(shelf=shelf, desk=desk, budget_ms=limits.budget_ms).routes,
            Route("/api/server", server),
            Route("/healthz", api.healthz),
            Route("/metrics", api.metrics),
            Route("/", api.index),
            *(Route(f"/{path}", api.page_file) for path in page.paths),
        ],
        middleware=[
            Middleware(Counted, metrics=counts),
            Middleware(Guard, token=token, loopback=loopback, host=host),
        ],
        exception_handlers={
            AbandonedError: _abandoned,
            CodlingError: _user_error,
            ClientDisconnect: _gone,
            HTTPException: _http_error,
            Exception: _our_error,
        },
        lifespan=lifespan,
    )
    app.state.desk = desk
    return app


async def _user_error(_: Request, error: Exception) -> Response:
    if isinstance(error, (UnknownModelError, NotIndexedError)):
        return error_response(404, str(error))
    if isinstance(error, BusyError):
        return error_response(429, str(error), _RETRY)
    return error_response(400, str(error))


async def _abandoned(_: Request, error: Exception) -> Response:
    assert isinstance(error, AbandonedError)
    if error.reason == "superseded":
        return error_response(409, "superseded")
    if error.reason == "disconnected":
        return error_response(_CLIENT_GONE, "the client went away")
    words = "the server stops" if error.reason == "shutdown" else "it took too long; the machine may be overloaded"
    return error_response(503, words, _RETRY)


async def _gone(_: Request, __: Exception) -> Response:
    return error_response(_CLIENT_GONE, "the client went away")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {
        404: f"nothing is at {request.url.path}",
        405: f"{request.method} is not for {request.url.path}",
    }.get(error.status_code, error.detail)
    return error_response(error.status_code, words, dict(error.headers or {}))


async def _our_error(_: Request, __: Exception) -> Response:
    return error_response(500, "something in codling broke; its log says more")  # uvicorn writes the traceback there
