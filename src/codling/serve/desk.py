"""Who is computed for: a small pool of threads, sessions in which newer requests overtake older ones, and no queue
that grows without bound.

A model's call blocks, so it runs on a thread and the event loop stays free. Every piece of work is handed a
``cancelled`` function, which turns true as soon as nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from codling.errors import BusyError, CancelledError

__all__ = ["AbandonedError", "Cancelled", "Desk", "Reason", "Ticket"]

T = TypeVar("T")
Cancelled = Callable[[], bool]
Reason = Literal["superseded", "disconnected", "timeout", "shutdown"]

_WAITING_PER_THREAD = 8  # requests that may wait for each thread: at 10 ms each, the last waits about 0.1 s


class AbandonedError(CancelledError):
    """Work was given up before its answer came."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"given up: {reason}")
        self.reason: Reason = reason


class Ticket:
    """One request's claim to be computed for, until somebody cancels it. Made and cancelled on the event loop."""

    def __init__(self) -> None:
        self._flag = threading.Event()  # read by the working thread
        self.abandoned: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        "Done as soon as nobody waits any more, with why."

    def cancelled(self) -> bool:
        return self._flag.is_set()

    def cancel(self, reason: Reason) -> None:
        """Give up; only the first reason counts."""
        self._flag.set()
        if not self.abandoned.done():
            self.abandoned.set_result(reason)


class Desk:
    """Runs blocking work for requests."""

    def __init__(self, threads: int, timeout_s: float, on_cancel: Callable[[Reason], object] = lambda _: None) -> None:
        """Args:
        threads: pieces of work that run at once.
        timeout_s: when even work that looks at its budget is given up.
        on_cancel: told of every piece of work that is given up, for the metrics.
        """
        self.capacity = threads * (1 + _WAITING_PER_THREAD)
        self.in_flight = 0
        "Requests that run or wait for a thread."
        self._timeout_s = timeout_s
        self._on_cancel = on_cancel
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="codling")
        self._newest: dict[str, Ticket] = {}
        self._tickets: set[Ticket] = set()
        self._closed = False

    async def run(self, work: Callable[[Cancelled], T], ticket: Ticket) -> T:
        """Run work on a thread and wait for it, unless the ticket is cancelled first.

        Raises:
            AbandonedError: nobody waits any more, or it took too long; the thread is told to stop.
        """
        if ticket.abandoned.done():  # before it began
            raise AbandonedError(ticket.abandoned.result())
        job = self._pool.submit(work, ticket.cancelled)
        self.in_flight += 1
        answer = asyncio.wrap_future(job)
        answer.add_done_callback(self._free)  # when the thread is free again, which may be after we gave up
        waited_for: set[asyncio.Future[Any]] = {answer, ticket.abandoned}
        await asyncio.wait(waited_for, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if answer.done() and not ticket.abandoned.done():
            return answer.result()
        if not ticket.abandoned.done():
            ticket.cancel("timeout")
        job.cancel()  # when it still waits for a thread, it never gets one
        raise AbandonedError(ticket.abandoned.result())

    async def stream(self, work: Callable[[Cancelled], Iterator[T]], ticket: Ticket) -> AsyncGenerator[T]:
        """Run work that yields, and hand on what it yields as it comes.

        Raises:
            AbandonedError: as in run. When the consumer goes away, the ticket is cancelled.
        """
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[T | None] = asyncio.Queue()

        def produce(cancelled: Cancelled) -> None:
            try:
                with contextlib.closing(_closable(work(cancelled))) as found:
                    for piece in found:
                        loop.call_soon_threadsafe(pieces.put_nowait, piece)
                        if cancelled():
                            return
            finally:
                loop.call_soon_threadsafe(pieces.put_nowait, None)

        running = asyncio.ensure_future(self.run(produce, ticket))
        running.add_done_callback(lambda _: pieces.put_nowait(None))  # given up before it got a thread
        running.add_done_callback(_look_at)
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            await running
        finally:
            if not running.done():
                ticket.cancel("disconnected")

    def take_ticket(self, session: str | None = None) -> Ticket:
        """Begin a request; an older one of the same session is overtaken.

        Raises:
            BusyError: as many requests run and wait as the server takes.
            AbandonedError: the server stops.
        """
        if self._closed:
            raise AbandonedError("shutdown")
        older = self._newest.get(session) if session is not None else None
        if older is not None:
            older.cancel("superseded")
        if self.in_flight >= self.capacity:
            raise BusyError(f"the server already works on {self.in_flight} requests; try again in a second")
        ticket = Ticket()
        self._tickets.add(ticket)
        if session is not None:
            self._newest[session] = ticket
        return ticket

    def give_back(self, ticket: Ticket, session: str | None = None) -> None:
        """End a request, however it went."""
        self._tickets.discard(ticket)
        if ticket.abandoned.done():
            self._on_cancel(ticket.abandoned.result())
        if session is not None and self._newest.get(session) is ticket:
            del self._newest[session]

    def close(self) -> None:
        """Give up everything; for the server's shutdown."""
        self._closed = True
        for ticket in list(self._tickets):
            ticket.cancel("shutdown")
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _free(self, answer: asyncio.Future[Any]) -> None:
        self.in_flight -= 1
        _look_at(answer)


def _closable(pieces: Iterator[T]) -> Generator[T]:
    """An iterator that can be closed, and with it the work behind it, whatever still refers to that."""
    yield from pieces


def _look_at(future: asyncio.Future[T]) -> None:
    """Fetch an outcome that nobody waits for any more, so that asyncio does not complain of it."""
    if not future.cancelled():
        future.exception()
