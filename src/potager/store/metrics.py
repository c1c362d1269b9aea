"""Metrics: what was counted and measured, folded into minutes as CloudWatch does.

    add, Series.add ─► a summary a period, in memory ─► every few seconds and at the end, one transaction ─► points
    query           ─► what is in memory is written first, so that it is seen

Hot paths keep a `Series` and add to it in less than a microsecond; others name the metric each time. Points of a second
are kept for 3 hours, of a minute for 15 days, of 5 minutes for 63 days, of an hour for 455 days, each then merged into
the next longer one. A server that is killed loses what it had not written: the last `FLUSH` seconds.

All of it is for one thread, that of the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, insert, select, update

from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store import schema
from potager.store.database import Database
from potager.store.summary import Summary

log = logging.getLogger(__name__)

FLUSH = 5.0
"""Seconds between two writes."""
ROLL = 3600.0
"""Seconds between two looks for points that have become old."""
KEPT = ((1, 3 * 3600), (60, 15 * 86_400), (300, 63 * 86_400), (3600, 455 * 86_400))
"""For how many seconds points of a period are kept; older ones are merged into the next period's, the last go."""
CHUNK = 500
"""Points that one transaction rolls up, and ids that one statement names."""
MOST_NAMED = 10_000
"""Metrics that are found without a look for their name's summary."""

_m, _p = schema.metrics, schema.points

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted."""


class Name(NamedTuple):
    """What a series of values is known by."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: Dimensions
    unit: str = "None"

    @property
    def id(self) -> int:
        """Its key in the database: 63 bits of a digest."""
        text = json.dumps(self, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


@dataclass(frozen=True, slots=True)
class Point:
    """The values from `at`, in seconds since 1970, to the end of its period."""

    at: float
    values: Summary


class Series:
    """Values of one metric, on their way."""

    __slots__ = ("_begin", "_end", "_metrics", "_period", "_summary", "name")

    def __init__(self, metrics: Metrics, name: Name, period: int) -> None:
        self.name = name
        self._metrics = metrics
        self._period = period
        self._summary: Summary | None = None
        self._begin = self._end = 0.0

    def add(self, value: float, at: float | None = None, count: float = 1.0) -> None:
        """Takes in a value of `at`, or of now."""
        at = clock.now() if at is None else at
        summary = self._summary
        if summary is None or not self._begin <= at < self._end:
            summary = self._turn(at)
        summary.add(value, count)

    def at(self, moment: float) -> Summary:
        """The summary that values of a moment go into; good until the next `await`."""
        if self._summary is None or not self._begin <= moment < self._end:
            return self._turn(moment)
        return self._summary

    def _turn(self, at: float) -> Summary:
        begin = int(at // self._period) * self._period
        self._begin, self._end = begin, begin + self._period
        self._summary = self._metrics.pending(self, begin, self._period)
        return self._summary

    def forget(self) -> None:
        """What it had is being written: the next value begins anew."""
        self._summary = None


class Metrics:
    """The metrics of one server.

    Attributes
    ----------
    gather : called before anything is written, for those who count by themselves and add now and then.
    resolution : seconds of a point where nobody says otherwise: 60, or 1.
    """

    def __init__(self, database: Database, flush: float = FLUSH, resolution: int = 60) -> None:
        self.gather: list[Callable[[], None]] = []
        self.resolution = resolution
        self._database = database
        self._flush = flush
        self._series: dict[tuple[Name, int], Series] = {}
        self._turned: list[Series] = []
        self._pending: dict[tuple[Name, int, int], Summary] = {}
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Writes every few seconds, and merges what has become old now and then."""
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(self._always(self.flush, self._flush, 1.0), name="metrics"),
            loop.create_task(self._always(self.roll, ROLL), name="metrics-roll"),
        ]

    async def close(self) -> None:
        """Stops that, and writes what is left."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        with suppress(Exception):  # logged
            await self.flush()

    def series(
        self,
        scope: Scope,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        unit: str = "None",
        *,
        resolution: int | None = None,
    ) -> Series:
        """What values are added to; to keep where they are many. `resolution`: 60 seconds, or 1."""
        resolution = resolution or self.resolution
        named = _named(scope, namespace, name, dimensions, unit)
        found = self._series.get((named, resolution))
        if found is None:
            found = self._series[named, resolution] = Series(self, named, resolution)
        return found

    def add(
        self,
        scope: Scope,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str = "None",
        at: float | None = None,
        count: float = 1.0,
        *,
        resolution: int | None = None,
    ) -> None:
        """Takes in a value of `at` (seconds since 1970), or of now, `count` times."""
        self.series(scope, namespace, name, dimensions, unit, resolution=resolution).add(value, at, count)

    def pending(self, series: Series, begin: int, period: int) -> Summary:
        """What is not written yet of a period; for `Series`."""
        key = (series.name, period, begin)
        found = self._pending.get(key)
        if found is None:
            found = self._pending[key] = Summary()
        self._turned.append(series)
        return found

    def _forget(self) -> None:
        """Has every series look for its summary anew."""
        for series in self._turned:
            series.forget()
        self._turned.clear()

    async def flush(self) -> None:
        """Writes what there is. When that fails it is kept, and the error raised."""
        async with self._writing:
            for gather in self.gather:
                gather()
            pending, self._pending = self._pending, {}
            self._forget()
            if len(self._series) > MOST_NAMED:
                self._series.clear()
            if not pending:
                return
            try:
                await self._database.write(lambda connection: _write(connection, pending))
            except BaseException:
                for key, summary in pending.items():
                    self._pending[key] = summary.merge(self._pending.get(key, Summary()))
                self._forget()
                raise

    async def query(
        self,
        scope: Scope,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        start: float,
        end: float,
        period: float,
        unit: str | None = None,
    ) -> list[Point]:
        """The points from `start` to before `end`, each of `period` seconds, the first of which begins at `start`.

        Periods without values have no point. Values of all units go together where none is named.
        """
        await self._written()
        units = [unit] if unit else await self._units(scope, namespace, name, dimensions)
        ids = [_named(scope, namespace, name, dimensions, each).id for each in units]
        here = and_(_p.c.metric.in_(ids), _p.c.at >= start, _p.c.at < end)
        statement = select(_p.c.at, *_VALUES).where(here)
        found: dict[float, Summary] = {}
        for at, *values in await self._database.read(lambda connection: connection.execute(statement).all()):
            begin = start + (at - start) // period * period
            found.setdefault(begin, Summary()).merge(Summary.unpacked(*values))
        return [Point(at, found[at]) for at in sorted(found)]

    async def units(self, scope: Scope, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[str]:
        """The units that a metric's values came with."""
        await self._written()
        return await self._units(scope, namespace, name, dimensions)

    async def _units(self, scope: Scope, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[str]:
        statement = select(_m.c.unit).where(
            _m.c.account == scope.account,
            _m.c.region == scope.region,
            _m.c.namespace == namespace,
            _m.c.name == name,
            _m.c.dimensions == _text(_sorted(dimensions)),
        )
        return await self._database.read(lambda connection: sorted(connection.scalars(statement)))

    async def names(
        self, scope: Scope, namespace: str | None = None, name: str | None = None, since: float = 0.0
    ) -> list[Name]:
        """The metrics that had a value since then, in order, each with one of its units."""
        await self._written()
        here = [_m.c.account == scope.account, _m.c.region == scope.region, _m.c.last >= since]
        here += [_m.c.namespace == namespace] if namespace else []
        here += [_m.c.name == name] if name else []
        columns = (_m.c.namespace, _m.c.name, _m.c.dimensions)
        statement = select(*columns).where(*here).distinct().order_by(*columns)
        found = await self._database.read(lambda connection: connection.execute(statement).all())
        return [Name(*scope, one, two, _dimensions(text)) for one, two, text in found]

    async def roll(self) -> int:
        """Merges points that have become old into longer ones, and forgets the oldest; how many those were."""
        now, done = clock.now(), 0
        longer = [*(period for period, _ in KEPT[1:]), 0]
        for (period, age), next_period in zip(KEPT, longer, strict=True):
            before = int(now - age)
            before -= before % (next_period or 1)
            while number := await self._database.write(lambda c: _roll(c, period, next_period, before)):  # noqa: B023
                done += number
        forgotten = delete(_m).where(_m.c.last < now - KEPT[-1][1])
        await self._database.write(lambda connection: connection.execute(forgotten).rowcount)
        return done

    async def _written(self) -> None:
        """What is in memory is in the database, where that can be."""
        try:
            await self.flush()
        except Exception:
            log.exception("metrics could not be written, they are kept in memory")

    async def _always(self, work: Callable[[], Awaitable[object]], pause: float, first: float | None = None) -> None:
        await asyncio.sleep(pause if first is None else first)
        while True:
            try:
                await work()
            except Exception:
                log.exception("metrics could not be kept, trying again")
            await asyncio.sleep(pause)


_KEY = [_p.c[name] for name in ("metric", "period", "at")]
_VALUES = [_p.c[name] for name in ("count", "sum", "least", "greatest", "buckets")]


def _named(scope: Scope, namespace: str, name: str, dimensions: Mapping[str, str], unit: str) -> Name:
    return Name(scope.account, scope.region, namespace, name, _sorted(dimensions), unit)


def _sorted(dimensions: Mapping[str, str]) -> Dimensions:
    return tuple(dimensions.items()) if len(dimensions) < 2 else tuple(sorted(dimensions.items()))


def _text(dimensions: Dimensions) -> str:
    return json.dumps(dimensions, ensure_ascii=False, separators=(",", ":"))


def _dimensions(text: str) -> Dimensions:
    return tuple((name, value) for name, value in json.loads(text))


def _write(connection: Connection, pending: Mapping[tuple[Name, int, int], Summary]) -> None:
    """Merges summaries into the points that there are."""
    ids = {name: name.id for name, _, _ in pending}
    _announce(connection, ids, pending)
    _merge(connection, {(ids[name], period, at): summary for (name, period, at), summary in pending.items()})


def _announce(connection: Connection, ids: Mapping[Name, int], pending: Iterable[tuple[Name, int, int]]) -> None:
    """Writes down the metrics that there are, and when each had its last value."""
    last: dict[Name, int] = {}
    for name, _, at in pending:
        last[name] = max(last.get(name, at), at)
    known: dict[int, float] = {}
    for some in _chunks(list(ids.values())):
        known |= {row.id: row.last for row in connection.execute(select(_m.c.id, _m.c.last).where(_m.c.id.in_(some)))}
    fresh = [
        {**name._asdict(), "dimensions": _text(name.dimensions), "id": ids[name], "last": at}
        for name, at in last.items()
        if ids[name] not in known
    ]
    if fresh:
        connection.execute(insert(_m), fresh)
    for name, at in last.items():
        if known.get(ids[name], at) < at:
            connection.execute(update(_m).where(_m.c.id == ids[name]).values(last=at))


def _merge(connection: Connection, fresh: Mapping[tuple[int, int, int], Summary]) -> None:
    begins = [at for _, _, at in fresh]
    metrics = sorted({metric for metric, _, _ in fresh})
    there: dict[tuple[int, int, int], Summary] = {}
    for some in _chunks(metrics):
        here = and_(_p.c.metric.in_(some), _p.c.at >= min(begins), _p.c.at <= max(begins))
        for metric, period, at, *values in connection.execute(
            select(_p.c.metric, _p.c.period, _p.c.at, *_VALUES).where(here)
        ):
            if (metric, period, at) in fresh:
                there[metric, period, at] = Summary.unpacked(*values)
    rows: list[dict[str, object]] = []
    for (metric, period, at), summary in fresh.items():
        key = {"metric": metric, "period": period, "at": at}
        if (old := there.get((metric, period, at))) is None:
            rows.append(key | _values(summary))
        else:
            mine = and_(*(_p.c[column] == value for column, value in key.items()))
            connection.execute(update(_p).where(mine).values(_values(old.merge(summary))))
    if rows:
        connection.execute(insert(_p), rows)


def _values(summary: Summary) -> dict[str, object]:
    return {
        "count": summary.count,
        "sum": summary.sum,
        "least": summary.least,
        "greatest": summary.greatest,
        "buckets": summary.packed(),
    }


def _roll(connection: Connection, period: int, longer: int, before: int) -> int:
    """Merges some points of `period` that begin before `before` into points of `longer`, 0 for none; how many."""
    here = and_(_p.c.period == period, _p.c.at < before)
    some = select(_p.c.metric, _p.c.at, *_VALUES).where(here).order_by(_p.c.metric, _p.c.at).limit(CHUNK)
    merged: dict[tuple[int, int, int], Summary] = {}
    old = connection.execute(some).all()
    for metric, at, *values in old:
        if longer:
            merged.setdefault((metric, longer, at - at % longer), Summary()).merge(Summary.unpacked(*values))
    for metric in {row.metric for row in old}:
        begins = [row.at for row in old if row.metric == metric]
        mine = and_(_p.c.metric == metric, _p.c.period == period, _p.c.at >= min(begins), _p.c.at <= max(begins))
        connection.execute(delete(_p).where(mine))
    if merged:
        _merge(connection, merged)
    return len(old)


def _chunks(items: Sequence[int]) -> list[Sequence[int]]:
    return [items[place : place + CHUNK] for place in range(0, len(items), CHUNK)]
