"""The endpoints of programs from descriptions: candidates with how each came about, at once or as they are found."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codling.errors import BusyError, CancelledError
from codling.serve.body import read_message
from codling.serve.desk import Cancelled, Desk
from codling.serve.events import answer, event, event_stream
from codling.serve.models import UnknownModelError
from codling.serve.write_messages import (
    FoundMessage,
    ProgramMessage,
    ResultMessage,
    StepMessage,
    WriteRequest,
    WriteResponse,
    WriterMessage,
)
from codling.serve.writing import LazyWriter
from codling.write import Candidate, Writer
from codling.write.derivation import Step, derivation
from codling.write.examples import Tried, searching
from codling.write.reading import read_examples
from codling.write.sandbox import Outcome

__all__ = ["WriteApi"]

_MAX_VALUE = 200  # characters of what a program gave
_BUSY_S = 2.0  # to wait for another search by examples, which may just have been overtaken


@dataclass(frozen=True, slots=True)
class _State:
    """How far a search has come."""

    rows: tuple[Candidate | Tried, ...]
    words: tuple[str, ...]
    tried: int
    ms: float
    model: str


class WriteApi:
    """Writes with one bundle."""

    def __init__(self, *, desk: Desk, writer: LazyWriter) -> None:
        self._desk, self._writer = desk, writer
        self._running = threading.Lock()  # one search by examples at a time, which leaves the other threads to typing

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/api/write", self.about),
            Route("/api/write", self.write, methods=["POST"]),
            Route("/api/write/stream", self.stream, methods=["POST"]),
        ]

    async def about(self, request: Request) -> Response:
        return await answer(request, self._desk, lambda _: self._about())

    async def write(self, request: Request) -> Response:
        message = await read_message(request, WriteRequest)

        def work(cancelled: Cancelled) -> WriteResponse:
            writer, last = self._writer.open(), None
            for state in self._states(writer, message, cancelled):
                last = state
            assert last is not None
            return _response(writer, message, last)

        return await answer(request, self._desk, work, message.session)

    async def stream(self, request: Request) -> Response:
        """What is found, as it is found, and then the whole answer."""
        message = await read_message(request, WriteRequest)

        def work(cancelled: Cancelled) -> Iterator[bytes]:
            writer, last = self._writer.open(), None
            for state in self._states(writer, message, cancelled):
                if last is None or state.rows != last.rows or state.tried != last.tried:
                    found = [_program(writer, row, with_steps=False) for row in state.rows]
                    yield event("found", FoundMessage(candidates=found, tried=state.tried, ms=state.ms))
                last = state
            assert last is not None
            yield event("done", _response(writer, message, last))

        return await event_stream(request, self._desk, work, message.session)

    def _about(self) -> WriterMessage:
        try:
            card = self._writer.open().model.card
        except UnknownModelError as error:
            return WriterMessage(model=None, reason=str(error), description="")
        return WriterMessage(model=card.name, reason="", description=card.description)

    def _states(self, writer: Writer, message: WriteRequest, cancelled: Cancelled) -> Iterator[_State]:
        """Raises:
        InputError: no words, or what should be an example is none.
        CancelledError: cancelled() became true.
        """
        found = self._by_examples(writer, message) if message.examples else _by_model(writer, message)
        with contextlib.closing(found) as states:  # at once: it holds a sandbox, and the way to it
            for state in states:
                if cancelled():
                    raise CancelledError("nobody waits for these programs any more")
                yield state

    def _by_examples(self, writer: Writer, message: WriteRequest) -> Generator[_State]:
        examples = read_examples(message.examples)
        if not self._running.acquire(timeout=_BUSY_S):
            raise BusyError("programs are being tried for somebody else; try again in a few seconds")
        try:
            for found in searching(writer, message.text, examples, limit=message.limit, seconds=message.seconds):
                rows = found.found or found.nearest
                yield _State(rows, found.words, found.num_tried, found.ms, found.model)
        finally:
            self._running.release()


def _by_model(writer: Writer, message: WriteRequest) -> Generator[_State]:
    for written in writer.writing(message.text, limit=message.limit, beam=message.beam):
        yield _State(written.candidates, written.words, 0, written.ms, written.model)


def _response(writer: Writer, message: WriteRequest, state: _State) -> WriteResponse:
    return WriteResponse(
        candidates=[_program(writer, row, with_steps=message.steps) for row in state.rows],
        words=list(state.words),
        tried=state.tried,
        ms=state.ms,
        model=state.model,
    )


def _program(writer: Writer, row: Candidate | Tried, *, with_steps: bool) -> ProgramMessage:
    candidate = row.candidate if isinstance(row, Tried) else row
    results = zip(row.outcomes, row.right, strict=True) if isinstance(row, Tried) else ()
    steps = derivation(writer.model.lexicon.schema, candidate.grown) if with_steps else []
    return ProgramMessage(
        code=candidate.code,
        score=candidate.score,
        probability=candidate.probability,
        results=[_result(outcome, passed) for outcome, passed in results],
        steps=[_step(step, candidate.code) for step in steps],
    )


def _result(outcome: Outcome, passed: bool) -> ResultMessage:
    if outcome.stopped is not None:
        return ResultMessage(passed=False, value=None, why=outcome.why)
    text = repr(outcome.value)
    value = text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"
    return ResultMessage(passed=passed, value=value, why="")


def _step(step: Step, code: str) -> StepMessage:
    span = step.span
    if span is not None and not code.isascii():
        span = _units(code[: span[0]]), _units(code[: span[1]])
    return StepMessage(
        kind=step.kind,
        label=step.label,
        parent=step.parent,
        field=step.field,
        type=step.type,
        source=step.source,
        probability=step.probability,
        weights=[round(weight, 3) for weight in step.weights],
        parts=list(step.parts),
        span=span,
    )


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
