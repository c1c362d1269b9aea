"""The requests that wait for asynchronous endpoints, and who has them answered, oldest first.

    add ─► Line of its endpoint ─► as many at a time as its instances take ─► delivery ─► notice ─► the row goes
            ▲                                                │
            └────────────── put back ◄───────────────────────┘  no instance, or the one that had it died

Lines are in memory and name rows; whoever holds an endpoint has its route (`Router`), and so its line. A route that
changes has its line looked at, and so has the clock, every few seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from potager.deploy.asynchronous import delivery, notices
from potager.deploy.asynchronous.delivery import Failed, Later
from potager.deploy.asynchronous.notices import Outcome
from potager.deploy.hosting import KIND as ENDPOINT
from potager.deploy.router import Key, Router
from potager.kernel import clock
from potager.kernel.context import House
from potager.kernel.errors import Fault, Stale
from potager.kernel.names import Scope
from potager.store.metrics import Metrics
from potager.store.objects import Objects
from potager.store.rows import Row, Rows

log = logging.getLogger(__name__)

KIND = "async-invocation"
QUEUED, ANSWERED = "Queued", "Answered"
"""Statuses of a row: an answered one is there only until its topic has been told."""

TRIES = 3
"""How often a request is given to a model whose worker dies over it."""
TICK = 5.0
"""Seconds between two looks at lines in which nothing happens."""

GONE = "ClientError: The endpoint was deleted before the request was answered. Send it to another one."


@dataclass(slots=True)
class Waiting:
    """A request that waits.

    Parameters
    ----------
    name : of its row.
    since, until : when it came, and when it expires, in seconds since 1970.
    again : whether an earlier server may have answered it.
    """

    name: str
    since: float
    until: float
    again: bool = False
    tries: int = 0


@dataclass(slots=True)
class Line:
    """The requests of one endpoint."""

    waiting: deque[Waiting] = field(default_factory=deque[Waiting])
    under_way: dict[str, float] = field(default_factory=dict[str, float])
    """When those came that are under way, by their names."""


class Queue:
    """The lines of the endpoints that are served here.

    Parameters
    ----------
    house : in whose name topics are told.
    now : the clock, in seconds since 1970.
    """

    def __init__(
        self,
        house: House,
        rows: Rows,
        objects: Objects,
        router: Router,
        metrics: Metrics,
        now: Callable[[], float] = clock.now,
    ) -> None:
        self.lines: dict[Key, Line] = {}
        self._house = house
        self._rows = rows
        self._objects = objects
        self._router = router
        self._metrics = metrics
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()
        self._clock: asyncio.Task[None] | None = None
        router.changed.append(self.look)

    async def start(self) -> None:
        """Takes up the requests that an earlier server left."""
        for row in await self._rows.read(lambda tx: tx.where(KIND, (QUEUED, ANSWERED))):
            self.add(row, again=True)
        self._clock = asyncio.get_running_loop().create_task(self._tick(), name="async-invocations")

    async def close(self) -> None:
        """Stops; what is under way is answered by the next server."""
        tasks = [*self._tasks, *([self._clock] if self._clock else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def add(self, row: Row, *, again: bool = False) -> None:
        """Puts a request at the end of its line."""
        key = (row.account, row.region, row.doc["endpoint"])
        waiting = Waiting(row.name, row.created, row.created + row.doc["ttl"], again)
        line = self.lines.setdefault(key, Line())
        if row.status == ANSWERED:
            self._begin(key, line, waiting, self._asked)
        else:
            line.waiting.append(waiting)
            self.look(key)

    def look(self, key: Key) -> None:
        """Gives requests to instances that take more, and ends those whose endpoint is gone."""
        route = self._router.get(key)
        if route is not None and route.concurrent:
            self.lines.setdefault(key, Line())
        if (line := self.lines.get(key)) is None:
            return
        if route is None:
            if line.waiting:
                self._spawn(self._orphans(key, line))
            elif not line.under_way:
                del self.lines[key]
            return
        while line.waiting and len(line.under_way) < route.concurrent * route.instances:
            self._begin(key, line, line.waiting.popleft(), self._asked)

    def expire(self, key: Key) -> None:
        """Ends the requests that waited too long, whether there are instances or not."""
        if (line := self.lines.get(key)) is None:
            return
        now = self._now()
        late = [waiting for waiting in line.waiting if waiting.until <= now]
        if late:
            line.waiting = deque(waiting for waiting in line.waiting if waiting.until > now)
        for waiting in late:
            self._begin(key, line, waiting, self._expired)

    def _begin(self, key: Key, line: Line, waiting: Waiting, work: Callable[[Key, Row, Waiting], Any]) -> None:
        line.under_way[waiting.name] = waiting.since
        self._spawn(self._one(key, line, waiting, work))

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one(self, key: Key, line: Line, waiting: Waiting, work: Callable[[Key, Row, Waiting], Any]) -> None:
        """Brings a request to its end, or back into its line."""
        back: Callable[[Waiting], None] | None = None
        try:
            row = await self._rows.get(KIND, Scope(*key[:2]), waiting.name)
            if row is not None:
                await self._end(row, None if row.status == ANSWERED else await work(key, row, waiting))
        except Later as later:
            back = line.waiting.appendleft
            log.info("asynchronous request %s waits: %s", waiting.name, later)
        except Exception:
            back, waiting.again = line.waiting.append, True  # at the end: others shall not wait for it
            log.exception("asynchronous request %s is tried again", waiting.name)
        finally:
            line.under_way.pop(waiting.name, None)
        if back:
            back(waiting)
        else:
            self.look(key)

    async def _asked(self, key: Key, row: Row, waiting: Waiting) -> Outcome:
        """What a model makes of a request, or an earlier server has made."""
        if waiting.again and (outcome := await delivery.found(self._objects, row)):
            return outcome
        if waiting.until <= self._now():
            return await self._expired(key, row, waiting)
        try:
            if (route := self._router.get(key)) is None:
                raise Later("The endpoint is not up.", counted=False)
            return await delivery.answer(self._objects, route, row)
        except Later as later:
            waiting.tries += later.counted
            if waiting.tries < TRIES:
                raise
            return await delivery.failed(self._objects, row, Failed(str(later)))
        except Failed as failure:
            return await delivery.failed(self._objects, row, failure)

    async def _expired(self, key: Key, row: Row, waiting: Waiting) -> Outcome:
        reason = f"ClientError: The request expired: it waited for {row.doc['ttl']} seconds, its RequestTTLSeconds."
        return await delivery.failed(self._objects, row, Failed(reason))

    async def _gone(self, key: Key, row: Row, waiting: Waiting) -> Outcome:
        return await delivery.failed(self._objects, row, Failed(GONE))

    async def _orphans(self, key: Key, line: Line) -> None:
        """Ends the requests of an endpoint that is no more."""
        endpoint = await self._rows.get(ENDPOINT, Scope(*key[:2]), key[2])
        if endpoint is None or endpoint.status in ("Deleting", "Failed"):
            while line.waiting:
                self._begin(key, line, line.waiting.popleft(), self._gone)

    async def _end(self, row: Row, outcome: Outcome | None) -> None:
        """Tells a topic, where one is wanted, and forgets the request. Without an outcome its row has the notice."""
        with suppress(Stale):
            if outcome is not None and (topic := notices.topic(row.doc, outcome)):
                told = notices.notice(row.doc, row.region, row.created, self._now(), outcome)
                doc = {**row.doc, "body": None, "_notice": {"topic": topic, "message": json.dumps(told)}}
                answered, done = row, doc
                row = await self._rows.write(lambda tx: tx.update(answered, doc=done, status=ANSWERED))
            if row.status == ANSWERED:
                await self._tell(row, row.doc["_notice"])
            last = row
            await self._rows.write(lambda tx: tx.delete(last))

    async def _tell(self, row: Row, notice: Mapping[str, str]) -> None:
        message = {"TopicArn": notice["topic"], "Message": notice["message"]}
        try:
            await self._house.acting("sagemaker", row.scope).call("sns", "Publish", message)
        except Fault as fault:
            log.warning("the topic %s was not told of request %s: %s", notice["topic"], row.name, fault.message)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for key in list(self.lines):
                self.expire(key)
                self.look(key)
                self.measure(key)

    def measure(self, key: Key) -> None:
        """Takes the metrics that AWS has of a line, whether requests wait or not."""
        route, line = self._router.get(key), self.lines.get(key)
        if route is None or line is None:
            return
        for name, (value, unit) in backlog(line, route.instances, self._now()).items():
            self._metrics.add(Scope(*key[:2]), "AWS/SageMaker", name, {"EndpointName": key[2]}, value, unit)


def backlog(line: Line, instances: int, now: float) -> dict[str, tuple[float, str]]:
    """AWS's metrics of a line, by name: value and unit. Requests count until they are answered, as on AWS."""
    came = [*(waiting.since for waiting in line.waiting), *line.under_way.values()]
    return {
        "ApproximateBacklogSize": (len(came), "Count"),
        "ApproximateBacklogSizePerInstance": (len(came) / max(1, instances), "Count"),
        "ApproximateAgeOfOldestRequest": (max(0.0, now - min(came, default=now)), "Seconds"),
        "HasBacklogWithoutCapacity": (float(bool(came) and not instances), "Count"),
    }
