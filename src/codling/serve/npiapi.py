"""The endpoints of learned programs: which there are, and a run of one, told step by step."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from codling.errors import BundleError, CancelledError, InputError, TaskError
from codling.npi.model import SHIPPED, Interpreter, load_interpreter
from codling.npi.task import Task
from codling.npi.tasks import TASKS, find_task
from codling.npi.trace import trace
from codling.serve.body import read_message
from codling.serve.desk import Cancelled, Desk
from codling.serve.events import answer
from codling.serve.npi_messages import (
    ProgramRunRequest,
    ProgramRunResponse,
    ProgramsResponse,
    ProgramTaskMessage,
    ProofMessage,
)

__all__ = ["NpiApi"]

_MAX_PROBLEM_CHARS = 1_000  # a picture of more is looked at by nobody, and each step of a run copies its rows


class NpiApi:
    """Runs the tasks of one bundle, which is opened when it is first asked for."""

    def __init__(self, *, desk: Desk, bundle: str | Path = SHIPPED) -> None:
        self._desk, self._bundle = desk, bundle
        self._interpreter: Interpreter | None = None
        self._opening = threading.Lock()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/api/npi/tasks", self.tasks),
            Route("/api/npi/run", self.run, methods=["POST"]),
        ]

    async def tasks(self, request: Request) -> Response:
        return await answer(request, self._desk, lambda _: self._list())

    async def run(self, request: Request) -> Response:
        message = await read_message(request, ProgramRunRequest)
        return await answer(request, self._desk, lambda cancelled: self._run(message, cancelled), message.session)

    def _open(self) -> Interpreter:
        with self._opening:
            if self._interpreter is None:
                self._interpreter = load_interpreter(self._bundle)
            return self._interpreter

    def _list(self) -> ProgramsResponse:
        try:
            interpreter = self._open()
        except BundleError as error:
            return ProgramsResponse(model=None, reason=str(error), tasks=[])
        rows = []
        for name, kind in TASKS.items():
            try:
                task = _task(interpreter, name)
                proof = _proof(interpreter, task)
            except TaskError:  # not learned, or another version of it: it cannot be run
                continue
            rows.append(
                ProgramTaskMessage(
                    name=name, summary=task.summary, usage=kind.usage, example=list(kind.example), proof=proof
                )
            )
        reason = "" if rows else f"bundle {interpreter.name} has learned none of the tasks that ship with codling"
        return ProgramsResponse(model=interpreter.name, reason=reason, tasks=rows)

    def _run(self, message: ProgramRunRequest, cancelled: Cancelled) -> ProgramRunResponse:
        start = time.perf_counter()
        num_chars = sum(len(word) + 1 for word in message.words)
        if num_chars > _MAX_PROBLEM_CHARS:
            raise InputError(
                f"a problem that is watched has at most {_MAX_PROBLEM_CHARS:,} characters, this one has {num_chars:,}; "
                f"`codling npi solve` takes any"
            )
        interpreter = self._open()
        task = _task(interpreter, message.task)
        problem = task.parse(message.words)

        def look(_: int, __: int) -> None:
            if cancelled():
                raise CancelledError("nobody waits for this run any more")

        found = trace(interpreter, task, problem, max_steps=message.max_steps, progress=look)
        proof = _proof(interpreter, task)
        told: dict[str, Any] = found.to_json()
        return ProgramRunResponse(trace=told, proof=proof, ms=(time.perf_counter() - start) * 1000)


def _task(interpreter: Interpreter, name: str) -> Task:
    """A task as the bundle learned it.

    Raises:
        TaskError: there is none of that name, or the bundle has not learned it.
    """
    kind = find_task(name)
    known = interpreter.known.get(kind.name)
    task = kind(known.recursion) if known else kind()
    interpreter.check(task)
    return task


def _proof(interpreter: Interpreter, task: Task) -> ProofMessage | None:
    """What its certificate says, if that speaks of this very graph."""
    certificate = interpreter.check(task).certificate
    if certificate is None or not interpreter.is_verified(task):
        return None
    return ProofMessage(
        sizes=certificate.sizes,
        frames=certificate.num_frames,
        decisions=certificate.num_decisions,
        margin_nats=certificate.margin_nats,
        assumes=list(certificate.assumes),
    )
