"""Metrics: folded in memory, kept in the database, read as one, rolled up with age."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store import schema
from potager.store.database import Database
from potager.store.metrics import Metrics

HERE = Scope("000000000000", "us-east-1")
NOON = 1_800_000_000.0 - 1_800_000_000 % 86_400
BY = {"EndpointName": "fraud", "VariantName": "one"}


@pytest.fixture
def metrics(database: Database, monkeypatch: pytest.MonkeyPatch) -> Metrics:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return Metrics(database)


async def sums(
    metrics: Metrics, start: float, end: float, period: float, unit: str | None = None
) -> dict[float, float]:
    points = await metrics.query(HERE, "mine", "hits", BY, start, end, period, unit)
    return {point.at - NOON: point.values.sum for point in points}


async def test_what_is_not_written_yet_is_seen_and_periods_begin_at_the_start_that_is_asked(metrics: Metrics) -> None:
    for second in range(0, 300, 20):
        metrics.add(HERE, "mine", "hits", BY, 1, at=NOON + second)
    assert await sums(metrics, NOON, NOON + 300, 60) == {0: 3, 60: 3, 120: 3, 180: 3, 240: 3}
    assert await sums(metrics, NOON + 60, NOON + 300, 120) == {60: 6, 180: 6}
    assert await sums(metrics, NOON, NOON + 60, 60) == {0: 3}


async def test_what_was_written_and_what_comes_are_one_also_for_another_server(
    metrics: Metrics, database: Database
) -> None:
    series = metrics.series(HERE, "mine", "hits", BY)
    for value in (1, 2, 3):
        series.add(value)
        await metrics.flush()
    series.add(4)
    await metrics.close()
    again = Metrics(database)
    again.add(HERE, "mine", "hits", dict(reversed(BY.items())), 5)
    [point] = await again.query(HERE, "mine", "hits", BY, NOON, NOON + 60, 60)
    assert (point.values.count, point.values.sum, point.values.least, point.values.greatest) == (5, 15, 1, 5)
    assert point.values.statistic("p100") == 5


async def test_seconds_are_told_apart_where_that_was_asked(metrics: Metrics) -> None:
    for second in (0, 1, 1):
        metrics.add(HERE, "mine", "hits", BY, 1, at=NOON + second, resolution=1)
    assert await sums(metrics, NOON, NOON + 60, 1) == {0: 1, 1: 2}
    assert await sums(metrics, NOON, NOON + 60, 60) == {0: 3}


async def test_units_are_apart_where_one_is_named(metrics: Metrics) -> None:
    metrics.add(HERE, "mine", "hits", BY, 1, "Count")
    metrics.add(HERE, "mine", "hits", BY, 2, "Bytes")
    assert await metrics.units(HERE, "mine", "hits", BY) == ["Bytes", "Count"]
    assert await sums(metrics, NOON, NOON + 60, 60, "Count") == {0: 1}
    assert await sums(metrics, NOON, NOON + 60, 60) == {0: 3}


async def test_metrics_are_listed_by_scope_and_by_when_they_had_values(metrics: Metrics) -> None:
    metrics.add(HERE, "mine", "hits", BY, 1, at=NOON - 7200)
    metrics.add(HERE, "mine", "hits", {}, 1)
    metrics.add(HERE, "yours", "hits", {}, 1, "Count")
    metrics.add(HERE, "yours", "hits", {}, 1, "Bytes")
    metrics.add(Scope(HERE.account, "eu-west-1"), "mine", "else", {}, 1)
    found = [(each.namespace, each.name, dict(each.dimensions)) for each in await metrics.names(HERE)]
    assert found == [("mine", "hits", BY), ("mine", "hits", {}), ("yours", "hits", {})]
    assert [each.namespace for each in await metrics.names(HERE, since=NOON - 3600)] == ["mine", "yours"]
    assert [each.namespace for each in await metrics.names(HERE, "yours", "hits")] == ["yours"]


async def test_old_points_are_merged_into_longer_ones_and_the_oldest_are_gone(
    metrics: Metrics, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 86_400
    for second in range(120):
        metrics.add(HERE, "mine", "hits", BY, 1, at=NOON + second, resolution=1)

    async def rows_after(days: float) -> tuple[int | None, dict[float, float]]:
        monkeypatch.setattr(clock, "now", lambda: NOON + days * day)
        await metrics.roll()
        number = await database.read(lambda c: c.scalar(select(func.count()).select_from(schema.points)))
        return number, await sums(metrics, NOON, NOON + day, 3600)

    assert await sums(metrics, NOON, NOON + day, 3600) == {0: 120}
    assert await rows_after(0.1) == (120, {0: 120})
    assert await rows_after(0.2) == (2, {0: 120})
    assert await rows_after(16) == (1, {0: 120})
    assert await rows_after(64) == (1, {0: 120})
    assert await sums(metrics, NOON, NOON + day, 60) == {0: 120}
    assert await rows_after(456) == (0, {})
    assert await metrics.names(HERE) == []


async def test_what_cannot_be_written_is_kept_and_written_later(
    metrics: Metrics, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(fn: object) -> None:
        series.add(10)
        raise OSError("the disk is full")

    series = metrics.series(HERE, "mine", "hits", BY)
    series.add(1)
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", broken)
        with pytest.raises(OSError, match="full"):
            await metrics.flush()
    series.add(100)
    assert await sums(metrics, NOON, NOON + 60, 60) == {0: 111}


async def test_those_who_count_by_themselves_are_asked_before_anything_is_read(metrics: Metrics) -> None:
    metrics.gather.append(lambda: metrics.add(HERE, "mine", "hits", BY, 7))
    assert await sums(metrics, NOON, NOON + 60, 60) == {0: 7}


async def test_many_metrics_at_once_are_written_in_one_go(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potager.store.metrics.MOST_NAMED", 10)
    kept = metrics.series(HERE, "mine", "hits", BY)
    for round_ in range(2):
        kept.add(1)
        for number in range(1200):
            metrics.add(HERE, "many", f"m{number}", {}, round_)
        await metrics.flush()
    assert len(await metrics.names(HERE, "many")) == 1200
    assert await sums(metrics, NOON, NOON + 60, 60) == {0: 2}
