"""What happened, told to those who asked: rows that are written with the change itself, and read behind a cursor.

    record   in the transaction of the change ─► a row, if that is committed
    since    async for event in events.since(cursor)     each event once, in their order, for ever
    follow   async for event in events.follow("name")    the same, from where the one of that name came to

`follow` keeps its cursor after what was taken, so that each event is told at least once, however often a server is
killed. Events are kept for a week, and a million of them at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from potager.kernel import clock
from potager.store import schema
from potager.store.database import Database
from potager.store.entries import Entry, Note

log = logging.getLogger(__name__)

PAGE = 100
"""Events that are read at once, and after which a cursor is kept."""
KEPT_FOR = 7 * 86_400.0
"""Seconds that an event is kept."""
MOST = 1_000_000
"""Events that are kept."""
TRIM = 3600.0
"""Seconds between two looks for events that are too old."""

_t, _cursors = schema.events, schema.cursors
_COLUMNS = [_t.c[name] for name in ("id", "time", "source", "name", "resource", "doc")]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    id : greater than those of the events before it.
    time : seconds since 1970.
    source : the service that it happened in, such as `s3`.
    name : what, as that service calls it.
    resource : to what, an ARN.
    doc : what else there is to say.
    """

    id: int
    time: float
    source: str
    name: str
    resource: str
    doc: Mapping[str, Any]


Told = tuple[str, str, str, Mapping[str, Any]]
"""An event to be: its source, name, resource and document."""


class Events:
    """The events of one server."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._trimming: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Removes events that are too old, now and then."""
        self._trimming = asyncio.get_running_loop().create_task(self._trim_always(), name="events")

    async def close(self) -> None:
        """Stops that."""
        if self._trimming:
            self._trimming.cancel()
            with suppress(asyncio.CancelledError):
                await self._trimming

    def record(self, connection: Connection, source: str, name: str, resource: str, doc: Mapping[str, Any]) -> None:
        """Writes an event down, in a transaction; it has happened once that is committed."""
        values = {"time": clock.now(), "source": source, "name": name, "resource": resource, "doc": dict(doc)}
        connection.execute(insert(_t), values)
        for woken, loop in list(self._waiting.items()):
            with suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(woken.set)

    def note(self, describe: Callable[[str, Entry], Told | None]) -> Note:
        """What tells of an object, by what `describe` says of S3's name of an event and the object; None: nothing."""

        def note(connection: Connection, name: str, entry: Entry) -> None:
            if (told := describe(name, entry)) is not None:
                self.record(connection, *told)

        return note

    async def newest(self) -> int:
        """The id of the last event so far, 0 before the first: a cursor for those who want what comes."""
        return await self._database.read(lambda connection: connection.scalar(select(func.max(_t.c.id))) or 0)

    async def since(self, cursor: int = 0) -> AsyncGenerator[Event, None]:
        """The events behind a cursor, then those to come."""
        async with aclosing(self._pages(cursor)) as pages:
            async for page in pages:
                for event in page:
                    yield event

    async def follow(self, name: str) -> AsyncGenerator[Event, None]:
        """As `since`, from behind the last event that was taken by that name.

        Events are taken when those that follow them are asked for, and told again where that was not written down yet.
        """
        cursor = await self._database.read(lambda connection: _cursor(connection, name))
        async with aclosing(self._pages(cursor)) as pages:
            async for page in pages:
                for event in page:
                    yield event
                await self.keep(name, page[-1].id)

    async def _pages(self, cursor: int) -> AsyncGenerator[list[Event], None]:
        woken = asyncio.Event()
        self._waiting[woken] = asyncio.get_running_loop()
        try:
            while True:
                while page := await self._page(cursor):
                    cursor = page[-1].id
                    yield page
                await woken.wait()
                woken.clear()
                await self._database.write(_nothing)  # behind the transaction that woke us: what it wrote is there
        finally:
            del self._waiting[woken]

    async def keep(self, name: str, cursor: int) -> None:
        """Writes down how far the one of that name has come."""

        def write(connection: Connection) -> None:
            here = _cursors.c.name == name
            if not connection.execute(update(_cursors).where(here).values(event=cursor)).rowcount:
                connection.execute(insert(_cursors), {"name": name, "event": cursor})

        await self._database.write(write)

    async def trim(self) -> int:
        """Removes events that are too old or too many; how many those were."""

        def write(connection: Connection) -> int:
            last: int = connection.scalar(select(func.max(_t.c.id))) or 0
            old = (_t.c.time < clock.now() - KEPT_FOR) | (_t.c.id <= last - MOST)
            return connection.execute(delete(_t).where(old, _t.c.id < last)).rowcount

        return await self._database.write(write)

    async def _page(self, cursor: int) -> list[Event]:
        query = select(*_COLUMNS).where(_t.c.id > cursor).order_by(_t.c.id).limit(PAGE)
        return await self._database.read(lambda connection: [Event(*row) for row in connection.execute(query)])

    async def _trim_always(self) -> None:
        while True:
            try:
                await self.trim()
            except Exception:
                log.exception("old events could not be removed, trying again")
            await asyncio.sleep(TRIM)


def _cursor(connection: Connection, name: str) -> int:
    return connection.scalar(select(_cursors.c.event).where(_cursors.c.name == name)) or 0


def _nothing(connection: Connection) -> None:
    """What one waits for when one waits for those before it."""
