"""Work for one editor: on threads, dropped as soon as nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from codling.errors import BusyError, CancelledError
from codling.serve.desk import AbandonedError, Cancelled, Desk, Reason, Ticket

__all__ = ["Jobs"]

T = TypeVar("T")

THREADS = 2  # pieces of work at once: a newer request need not wait until the older one has looked up
TIMEOUT_S = 30  # for one of them; loading a model on a busy machine takes seconds


class Jobs:
    """Used on the event loop only."""

    def __init__(self) -> None:
        self.desk = Desk(THREADS, TIMEOUT_S)
        self._tickets: dict[str, set[Ticket]] = {}
        self._tasks: set[asyncio.Future[object]] = set()

    async def run(self, work: Callable[[Cancelled], T], session: str | None = None, uri: str = "") -> T | None:
        """Run something on a thread; None when nobody waits for it any more, or there is too much to do.

        Args:
            session: a newer request of the same one overtakes this one.
            uri: of the text that it is about.
        """
        try:
            ticket = self.desk.take_ticket(session)
        except (BusyError, AbandonedError):
            return None
        tickets = self._tickets.setdefault(uri, set())
        tickets.add(ticket)
        try:
            return await self.desk.run(work, ticket)
        except CancelledError:
            return None
        except asyncio.CancelledError:
            ticket.cancel("disconnected")
            raise
        finally:
            self.desk.give_back(ticket, session)
            tickets.discard(ticket)
            if not tickets and self._tickets.get(uri) is tickets:
                del self._tickets[uri]

    def drop(self, uri: str, reason: Reason) -> None:
        """Give up all work about a text."""
        for ticket in self._tickets.get(uri, ()):
            ticket.cancel(reason)

    def background(self, work: Coroutine[Any, Any, object]) -> None:
        """Have something done that nobody waits for."""
        task: asyncio.Future[object] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        self.desk.close()
