"""Keeps captured requests in memory and writes them to S3 a little later, so that no request waits for it.

    s3://{destination}/{endpoint}/{variant}/yyyy/mm/dd/hh/mm-ss-mmm-{uuid}.jsonl

What has not been written is lost with a server that is killed: the last `interval` seconds. A server that is stopped
writes first. Where the destination takes nothing, what was captured waits, up to `MOST_HELD` bytes of it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any

from potager.deploy.capture import lines, terms
from potager.deploy.capture.terms import Terms
from potager.deploy.router import Exchange, Watcher
from potager.kernel import ids
from potager.kernel.errors import Fault, LimitReached, Unavailable
from potager.store import sealing
from potager.store.objects import Objects
from potager.store.rows import Row
from potager.store.sealing import Wish

log = logging.getLogger(__name__)

MOST_HELD = 64 * 2**20
"""Bytes of requests and answers that may wait to be written; more are passed over, and the log says how many."""

ENOUGH = 4 * 2**20
"""Bytes that are written without waiting longer."""

OVERHEAD = 512
"""Bytes that one exchange costs beside its bodies, about."""

Place = tuple[Terms, str, str]
"""Terms, endpoint and variant of what goes to the same folder."""


class Recorder:
    """Writes what the endpoints of this server capture. Belongs to one event loop.

    interval : seconds that something captured waits at most.
    """

    def __init__(self, objects: Objects, interval: float) -> None:
        self._objects = objects
        self._interval = interval
        self._waiting: dict[Place, list[Exchange]] = {}
        self._held = 0
        self._fresh = 0
        self._lost = 0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def watch(self, row: Row, deployment: Mapping[str, Any]) -> Watcher | None:
        """The watcher of an endpoint's route, None where nothing is captured."""
        config = deployment.get("capture")
        if not terms.enabled(config):
            return None
        asked, endpoint = terms.read(config or {}), row.name

        def captured(exchange: Exchange) -> None:
            whole = exchange.answer is not None and not exchange.streamed
            if whole and random.random() * 100 < asked.percentage:  # noqa: S311 - a sample
                self._keep((asked, endpoint, exchange.variant), exchange)

        return captured

    def watch_component(self, row: Row, deployment: Mapping[str, Any]) -> Watcher | None:
        """The same for an inference component, whose endpoint says what is captured."""
        return self.watch(replace(row, name=row.doc["EndpointName"]), deployment)

    def _keep(self, place: Place, exchange: Exchange) -> None:
        size = _size(exchange)
        if self._held + size > MOST_HELD:
            self._lost += 1
            return
        self._held += size
        self._fresh += size
        self._waiting.setdefault(place, []).append(exchange)
        if self._fresh >= ENOUGH and not self._writing:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._begin)

    @property
    def _writing(self) -> bool:
        return self._task is not None and not self._task.done()

    def _begin(self) -> None:
        """Writes what waits; once more after the interval where something is being written still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._begin)
        else:
            self._task = asyncio.create_task(self._write(), name="data capture")

    async def _write(self) -> None:
        waiting, self._waiting, self._fresh = self._waiting, {}, 0
        if self._lost:
            log.warning("data capture: %d requests passed over, for too much waits to be written", self._lost)
            self._lost = 0
        for place, exchanges in waiting.items():
            for _, same_hour in groupby(exchanges, _hour):
                await self._write_one(place, list(same_hour))

    async def _write_one(self, place: Place, exchanges: Sequence[Exchange]) -> None:
        """Writes an object. What fails for the moment is kept for the next time; what fails for good is given up."""
        asked, endpoint, variant = place
        key = f"{asked.prefix}{endpoint}/{variant}/{_name(exchanges[0])}"
        try:
            content = await asyncio.to_thread(lines.written, asked, exchanges)
            wish = Wish(sealing.KMS, key=asked.key) if asked.key else None
            await self._objects.keep(asked.bucket, key, content, wish=wish)
        except (LimitReached, Unavailable, OSError) as error:
            log.warning("data capture of endpoint %s waits: s3://%s/%s: %s", endpoint, asked.bucket, key, error)
            self._waiting.setdefault(place, [])[:0] = exchanges
            self._timer = self._timer or asyncio.get_running_loop().call_later(self._interval, self._begin)
            return
        except Exception as error:
            text = "data capture of endpoint %s: %d requests are lost: s3://%s/%s: %s"
            unforeseen = None if isinstance(error, Fault) else error
            log.warning(text, endpoint, len(exchanges), asked.bucket, key, error, exc_info=unforeseen)
        self._held -= sum(map(_size, exchanges))

    async def flush(self) -> None:
        """Writes what waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            await self._task
        await self._write()

    async def close(self) -> None:
        """Writes what waits; what cannot be written is lost."""
        await self.flush()
        if self._timer is not None:
            self._timer.cancel()
        if left := sum(map(len, self._waiting.values())):
            log.warning("data capture: %d requests are lost, for their destination takes nothing", left)


def _size(exchange: Exchange) -> int:
    answered = len(exchange.answer.body) if exchange.answer else 0
    return len(exchange.query.body) + answered + OVERHEAD


def _hour(exchange: Exchange) -> datetime:
    return lines.moment(exchange).replace(minute=0, second=0, microsecond=0)


def _name(exchange: Exchange) -> str:
    """Where an object goes whose first request this is."""
    at = lines.moment(exchange)
    return f"{at:%Y/%m/%d/%H/%M-%S}-{at.microsecond // 1000:03d}-{ids.request_id()}.jsonl"
