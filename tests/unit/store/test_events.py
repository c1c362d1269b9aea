"""Events: written with the change, told in order, to each at least once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy import Connection

from potager.kernel import clock
from potager.store import events as module
from potager.store.database import Database
from potager.store.events import Event, Events


@pytest.fixture
async def events(database: Database) -> AsyncIterator[Events]:
    made = Events(database)
    made.start()
    yield made
    await made.close()


def writing(events: Events, *names: str) -> Any:
    def write(connection: Connection) -> None:
        for name in names:
            events.record(connection, "s3", name, "arn:aws:s3:::b/k", {"name": name})

    return write


async def take(source: AsyncIterator[Event], number: int) -> list[str]:
    return [(await anext(source)).name for _ in range(number)]


async def test_events_are_told_in_their_order_and_those_to_come_as_they_are_committed(
    database: Database, events: Events
) -> None:
    await database.write(writing(events, "a", "b"))
    async with aclosing(events.since()) as told:
        assert await take(told, 2) == ["a", "b"]
        coming = asyncio.ensure_future(take(told, 3))
        await asyncio.gather(*(database.write(writing(events, "c")) for _ in range(3)))
        assert await asyncio.wait_for(coming, 60) == ["c", "c", "c"]


async def test_what_is_undone_is_not_told(database: Database, events: Events) -> None:
    def write(connection: Connection) -> None:
        writing(events, "never")(connection)
        raise ValueError("undone")

    async with aclosing(events.since(await events.newest())) as told:
        coming = asyncio.ensure_future(take(told, 1))
        with pytest.raises(ValueError, match="undone"):
            await database.write(write)
        await database.write(writing(events, "after"))
        assert await asyncio.wait_for(coming, 60) == ["after"]


async def test_many_who_ask_are_told_of_everything(database: Database, events: Events) -> None:
    sources = [events.since() for _ in range(3)]
    asked = [asyncio.ensure_future(take(source, 250)) for source in sources]
    for number in range(0, 250, 10):
        await database.write(writing(events, *(str(number + each) for each in range(10))))
    expected = [str(number) for number in range(250)]
    assert await asyncio.wait_for(asyncio.gather(*asked), 60) == [expected] * 3
    for source in sources:
        await source.aclose()


async def test_a_name_goes_on_where_it_came_to_and_nothing_is_lost_by_breaking_off(
    database: Database, events: Events
) -> None:
    await database.write(writing(events, "a", "b", "c"))
    async with aclosing(events.follow("queue")) as told:
        assert await take(told, 2) == ["a", "b"]
    async with aclosing(Events(database).follow("queue")) as told:
        assert await take(told, 3) == ["a", "b", "c"]
        coming = asyncio.ensure_future(take(told, 1))
        while await database.read(lambda connection: module._cursor(connection, "queue")) == 0:
            await asyncio.sleep(0)
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
    await database.write(writing(events, "d"))
    async with aclosing(events.follow("queue")) as told:
        assert await take(told, 1) == ["d"]
    async with aclosing(events.follow("topic")) as told:
        assert await take(told, 4) == ["a", "b", "c", "d"]


async def test_old_events_go_and_the_last_one_stays(
    database: Database, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(writing(events, "a", "b", "c"))
    last = await events.newest()
    monkeypatch.setattr(module, "MOST", 2)
    assert await events.trim() == 1
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + module.KEPT_FOR + 1)
    assert await events.trim() == 1
    assert await events.newest() == last
    async with aclosing(events.since()) as told:
        assert await take(told, 1) == ["c"]
