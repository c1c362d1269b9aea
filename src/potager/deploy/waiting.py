"""Requests that come while their endpoint has no instance up: they wait for one, a while, and not too many of them.

    Route.invoke ─► NoInstance ─► until the route changes ─► the route as it is now ─► ...

An instance is down for the moment between its worker's death and the next one's start, or after the server's own start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from potager.deploy.router import Key, NoInstance, Route, Router, Variant
from potager.kernel.prediction import Answer

PATIENCE = 10.0
"""Seconds that a request waits for an instance."""
MOST = 1024
"""Requests that wait at a time, of all endpoints; more are told at once."""

Ask = Callable[[Route], Awaitable[tuple[Answer, Variant]]]


class Waiting:
    """The requests that wait, of one server.

    routers : of endpoints, and of inference components. Where both have a name, a change of one wakes who waits for the
        other, to wait again.
    """

    def __init__(self, *routers: Router) -> None:
        self._changes: dict[Key, asyncio.Event] = {}
        self._count = 0
        for router in routers:
            router.changed.append(self._changed)

    async def answered(self, key: Key, find: Callable[[], Awaitable[Route]], ask: Ask) -> tuple[Answer, Variant]:
        """What `ask` gives of the route that `find` finds, as soon as that has an instance; `NoInstance` in the end."""
        until = monotonic() + PATIENCE
        while True:
            change = self._changes.get(key) or self._changes.setdefault(key, asyncio.Event())
            try:
                return await ask(await find())
            except NoInstance as error:
                if not await self._change(change, until - monotonic()):
                    error.tell()
                    raise

    async def _change(self, change: asyncio.Event, seconds: float) -> bool:
        """Whether the route changed in that time; at once where too many wait."""
        if seconds <= 0 or self._count >= MOST:
            return False
        self._count += 1
        try:
            async with asyncio.timeout(seconds):
                await change.wait()
        except TimeoutError:
            return False
        finally:
            self._count -= 1
        return True

    def _changed(self, key: Key) -> None:
        if (change := self._changes.pop(key, None)) is not None:
            change.set()
