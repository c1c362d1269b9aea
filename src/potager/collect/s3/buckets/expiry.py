"""Lifecycle rules carried out: bucket by bucket, at each midnight UTC, in small transactions beside live traffic.

    wake(bucket) ─► keys that are old enough, page by page ─► decided and done in the transaction ─► sleep till midnight

A bucket is looked at when its rules change, when the server starts, and once the day is over: what came due while no
server ran goes soon after the next start. Naps are short, so that a clock that was set is noticed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from potager.collect.s3.buckets import rules
from potager.collect.s3.buckets.rules import DAY, Rule
from potager.kernel import clock
from potager.kernel.context import Context
from potager.kernel.reconcile import Reconciler
from potager.store.aging import Aging, Chain
from potager.store.objects import Bucket, Entry, NoBucket, Objects
from potager.store.uploads import NoUpload

LIFECYCLE = "LifecycleConfiguration"
"""Where a bucket's document has its rules."""
PAGE = 1000
"""Keys that are looked for at once."""
BATCH = 100
"""Keys of one transaction."""
NAP = 60.0
"""Seconds after which the clock is looked at again, at most."""


class Expirer:
    """Has buckets do away with what their rules name.

    Parameters
    ----------
    day : seconds that count as a day; where it is not 86,400 nothing waits for midnight.
    """

    def __init__(self, objects: Objects, aging: Aging, day: float = DAY) -> None:
        self.day = float(day)
        self._objects = objects
        self._aging = aging
        self._reconciler: Reconciler[str] = Reconciler("lifecycle", self._step)
        self._done: dict[str, tuple[Any, float]] = {}
        """The configuration by which a bucket was gone through, and on which day."""
        self._parsed: dict[str, tuple[Any, list[Rule]]] = {}

    async def start(self) -> None:
        """Looks at every bucket that has rules."""
        for bucket in await self._objects.buckets():
            if LIFECYCLE in bucket.doc:
                self.wake(bucket.name)

    def wake(self, bucket: str) -> None:
        """Looks at a bucket now."""
        self._reconciler.wake(bucket)

    async def close(self) -> None:
        """Stops looking; the next start does what is left."""
        await self._reconciler.close()

    def rules(self, bucket: Bucket) -> list[Rule]:
        """The rules of a bucket that are enabled."""
        configuration = bucket.doc.get(LIFECYCLE)
        if configuration is None:
            return []
        known = self._parsed.get(bucket.name)
        if known is None or known[0] is not configuration:
            known = self._parsed[bucket.name] = (configuration, rules.parsed(configuration))
        return known[1]

    def shown(self, bucket: Bucket, entry: Entry) -> dict[str, str]:
        """The member of an answer that says when a current object expires; none where it does not."""
        if LIFECYCLE not in bucket.doc:
            return {}
        said = rules.header(self.rules(bucket), entry, self.day)
        return {"Expiration": said} if said else {}

    async def _step(self, name: str) -> float | None:
        try:
            bucket = await self._objects.bucket(name)
        except NoBucket:
            bucket = None
        found = self.rules(bucket) if bucket else []
        if bucket is None or not found:
            self._done.pop(name, None)
            return None
        now = clock.now()
        turn = (bucket.doc[LIFECYCLE], now // DAY if self.day == DAY else now)
        if self._done.get(name) != turn:
            await self._go_through(bucket, found, now)
            self._done[name] = turn
        if self.day != DAY:
            return min(self.day / 8, NAP)
        return min(DAY - clock.now() % DAY, NAP)

    async def _go_through(self, bucket: Bucket, found: Sequence[Rule], now: float) -> None:
        def decide(chain: Chain) -> list[Entry]:
            return rules.doomed(found, chain, now, self.day)

        async for keys in self._pages(bucket.name, found, now):
            for at in range(0, len(keys), BATCH):
                await self._aging.apply(bucket.name, keys[at : at + BATCH], decide)
        await self._end_uploads(bucket, found, now)

    async def _pages(self, bucket: str, found: Sequence[Rule], now: float) -> AsyncIterator[list[str]]:
        """Keys of which something may have to go."""
        for rule in found:
            before = _youngest(rule, now, self.day)
            if before is not None:
                async for keys in _paged(
                    lambda after, rule=rule, before=before: self._aging.aged(bucket, rule.prefix, before, after, PAGE)
                ):
                    yield keys
            if rule.markers or rule.noncurrent is not None or before is not None:
                async for keys in _paged(
                    lambda after, rule=rule: self._aging.layered(bucket, rule.prefix, after, PAGE)
                ):
                    yield keys

    async def _end_uploads(self, bucket: Bucket, found: Sequence[Rule], now: float) -> None:
        if not any(rule.abort is not None for rule in found):
            return
        for upload in await self._aging.uploads(bucket.name, now):
            if rules.stale(found, upload.key, upload.initiated, now, self.day):
                with contextlib.suppress(NoUpload):
                    await self._objects.uploads.abort(upload)


async def announced(ctx: Context, entry: Entry) -> dict[str, str]:
    """As `Expirer.shown`, of an object that was just written."""
    return ctx[Expirer].shown(await ctx[Objects].bucket(entry.bucket), entry)


def _youngest(rule: Rule, now: float, day: float) -> float | None:
    """Until when an object must have been written to go by a rule; None where none goes."""
    if rule.date is not None:
        return math.inf if rule.date <= now else None
    return None if rule.days is None else now - rule.days * day


async def _paged(page: Callable[[str], Awaitable[list[str]]]) -> AsyncIterator[list[str]]:
    keys = await page("")
    while keys:
        yield keys
        keys = await page(keys[-1])
