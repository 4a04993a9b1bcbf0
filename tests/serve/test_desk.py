"""Who is computed for, with work that waits for its cancellation instead of a model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from codling.errors import BusyError
from codling.serve.desk import AbandonedError, Cancelled, Desk

PATIENCE_S = 10


def wait_for_cancel(cancelled: Cancelled) -> str:
    waiter = threading.Event()
    for _ in range(PATIENCE_S * 200):
        if cancelled():
            return "stopped"
        waiter.wait(0.005)
    raise AssertionError("nobody cancelled the work")


async def until(condition: object) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.002)


def test_an_answer_comes_back_and_frees_its_place() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)
        ticket = desk.take_ticket("s")
        assert await desk.run(lambda _: 42, ticket) == 42
        desk.give_back(ticket, "s")
        await until(lambda: desk.in_flight == 0)
        desk.close()

    asyncio.run(main())


def test_a_newer_request_overtakes_and_the_older_is_told_at_once() -> None:
    async def main() -> None:
        reasons: list[str] = []
        desk = Desk(1, PATIENCE_S, reasons.append)
        old = desk.take_ticket("s")
        running = asyncio.create_task(desk.run(wait_for_cancel, old))
        await until(lambda: desk.in_flight == 1)
        new = desk.take_ticket("s")
        with pytest.raises(AbandonedError) as caught:
            await running
        assert caught.value.reason == "superseded"
        desk.give_back(old, "s")
        assert await desk.run(lambda _: "new", new) == "new"  # the only thread is free again
        desk.give_back(new, "s")
        assert reasons == ["superseded"]
        desk.close()

    asyncio.run(main())


def test_sessions_do_not_disturb_each_other() -> None:
    async def main() -> None:
        desk = Desk(2, PATIENCE_S)
        one, two, none, other = (desk.take_ticket(session) for session in ("a", "b", None, None))
        assert not any(ticket.cancelled() for ticket in (one, two, none, other))
        desk.close()
        assert all(ticket.abandoned.result() == "shutdown" for ticket in (one, two, none, other))

    asyncio.run(main())


def test_giving_back_an_old_ticket_leaves_the_new_one_in_its_session() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)
        old, new = desk.take_ticket("s"), desk.take_ticket("s")
        desk.give_back(old, "s")
        newest = desk.take_ticket("s")
        assert new.abandoned.result() == "superseded" and not newest.cancelled()
        desk.close()

    asyncio.run(main())


def test_more_than_it_can_hold_is_refused_and_later_taken() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)
        tickets = [desk.take_ticket() for _ in range(desk.capacity)]
        running = [asyncio.create_task(desk.run(wait_for_cancel, ticket)) for ticket in tickets]
        await until(lambda: desk.in_flight == desk.capacity)
        with pytest.raises(BusyError):
            desk.take_ticket()
        for ticket in tickets:
            ticket.cancel("disconnected")
        outcomes = await asyncio.gather(*running, return_exceptions=True)
        assert all(isinstance(outcome, AbandonedError) for outcome in outcomes)
        await until(lambda: desk.in_flight == 0)
        assert await desk.run(lambda _: "again", desk.take_ticket()) == "again"
        desk.close()

    asyncio.run(main())


def test_what_takes_too_long_is_given_up() -> None:
    async def main() -> None:
        desk = Desk(1, 0.05)
        ticket = desk.take_ticket()
        with pytest.raises(AbandonedError) as caught:
            await desk.run(wait_for_cancel, ticket)
        assert caught.value.reason == "timeout"
        await until(lambda: desk.in_flight == 0)  # the thread heard of it
        desk.close()

    asyncio.run(main())


def test_an_error_in_the_work_is_the_request_s_error() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)
        with pytest.raises(ZeroDivisionError):
            await desk.run(lambda _: 1 / 0, desk.take_ticket())
        desk.close()

    asyncio.run(main())


def test_a_stream_hands_on_pieces_as_they_come_and_stops_with_its_reader() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)
        heard = threading.Event()

        def endless(cancelled: Cancelled) -> Iterator[int]:
            try:
                yield 1
                yield 2
                wait_for_cancel(cancelled)
                heard.set()
                yield 3
            except GeneratorExit:  # the reader left before the thread came back for more
                heard.set()
                raise

        stream = desk.stream(endless, desk.take_ticket())
        assert [await anext(stream), await anext(stream)] == [1, 2]
        await stream.aclose()
        await until(heard.is_set)
        await until(lambda: desk.in_flight == 0)
        desk.close()

    asyncio.run(main())


def test_a_stream_that_ends_by_itself_was_not_given_up() -> None:
    async def main() -> None:
        reasons: list[str] = []
        desk = Desk(1, PATIENCE_S, reasons.append)
        ticket = desk.take_ticket()
        assert [piece async for piece in desk.stream(lambda _: iter([1, 2, 3]), ticket)] == [1, 2, 3]
        desk.give_back(ticket)
        assert reasons == []
        desk.close()

    asyncio.run(main())


def test_a_closed_desk_takes_nobody() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)
        early = desk.take_ticket()
        desk.close()
        for attempt in (desk.take_ticket, lambda: asyncio.ensure_future(desk.run(lambda _: 1, early))):
            with pytest.raises(AbandonedError) as caught:
                await attempt()  # type: ignore[misc]
            assert caught.value.reason == "shutdown"

    asyncio.run(main())


def test_a_stream_ends_with_its_error() -> None:
    async def main() -> None:
        desk = Desk(1, PATIENCE_S)

        def broken(_: Cancelled) -> Iterator[int]:
            yield 1
            raise ValueError("broken")

        got = []
        with pytest.raises(ValueError, match="broken"):
            async for piece in desk.stream(broken, desk.take_ticket()):
                got.append(piece)
        assert got == [1]
        desk.close()

    asyncio.run(main())
