"""What meters make of exchanges."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from potager.compute.faults import ModelError
from potager.deploy.router import Exchange, Instance
from potager.deploy.telemetry import Meter
from potager.kernel import clock
from potager.kernel.errors import WireError
from potager.kernel.names import Scope
from potager.kernel.prediction import Answer, Query
from potager.store.database import Database
from potager.store.metrics import Metrics

HERE = Scope("000000000000", "us-east-1")
NOON = 1_800_000_000.0
GOOD = Answer(b"", "text/csv")


@pytest.fixture
async def metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metrics]:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    database = await Database.open(f"sqlite:///{tmp_path}/rows.db")
    yield Metrics(database)
    await database.close()


async def found(metrics: Metrics, name: str, statistic: str) -> list[float | None]:
    by = {"EndpointName": "claims", "VariantName": "blue"}
    points = await metrics.query(HERE, "AWS/SageMaker", name, by, NOON, NOON + 180, 60)
    return [point.values.statistic(statistic) for point in points]


async def test_each_outcome_is_counted_in_its_minute(metrics: Metrics) -> None:
    meter = Meter(metrics, HERE, "claims", "blue")
    meter.instances = 2
    metrics.gather.append(meter.settle)
    outcomes = [None, None, ModelError("no", 400), ModelError("oh", 500), WireError("ServiceUnavailable", "", 503)]
    for error in outcomes:
        answer = None if error else GOOD
        meter.tell(Exchange(Query(b"1", "text/csv", ""), "blue", NOON, 0.002, answer, error, 0.0005))
    meter.tell(Exchange(Query(b"1", "text/csv", ""), "blue", NOON + 60, 0.004, GOOD))
    assert await found(metrics, "Invocations", "Sum") == [5, 1]
    assert await found(metrics, "InvocationsPerInstance", "Sum") == [2.5, 0.5]
    assert await found(metrics, "Invocation4XXErrors", "Sum") == [1, 0]
    assert await found(metrics, "Invocation4XXErrors", "Average") == [0.2, 0]
    assert await found(metrics, "Invocation5XXErrors", "Sum") == [2, 0]
    assert await found(metrics, "InvocationModelErrors", "Sum") == [2, 0]
    assert await found(metrics, "ModelLatency", "p99") == pytest.approx([2000, 4000])
    assert await found(metrics, "OverheadLatency", "Maximum") == pytest.approx([500, 0])
    assert meter.outcomes == {"2xx": 3, "4xx": 1, "5xx": 2}
    assert (sum(meter.model.counts), meter.model.sum) == (6, pytest.approx(0.014))


async def test_what_is_under_way_makes_points_of_ten_seconds(metrics: Metrics) -> None:
    meter = Meter(metrics, HERE, "claims", "blue")
    metrics.gather.append(meter.settle)
    busy, idle = Instance((), outstanding=3), Instance(())
    for second in range(10):
        meter.look([busy, idle] if second < 5 else [idle, idle], NOON + second)
    for second in range(10, 30):
        meter.look([idle, idle], NOON + second)
    by = {"EndpointName": "claims", "VariantName": "blue"}
    points = await metrics.query(HERE, "AWS/SageMaker", "ConcurrentRequestsPerModel", by, NOON, NOON + 30, 10)
    assert [(point.at, point.values.statistic("Average"), point.values.greatest) for point in points] == [
        (NOON, 0.75, 3.0)
    ]


async def test_a_shorter_minute_has_finer_points(metrics: Metrics) -> None:
    metrics.resolution = 1
    meter = Meter(metrics, HERE, "claims", "blue", minute=1)
    metrics.gather.append(meter.settle)
    for second in (0, 0.5, 2):
        meter.tell(Exchange(Query(b"1", "text/csv", ""), "blue", NOON + second, 0.0, GOOD))
    by = {"EndpointName": "claims", "VariantName": "blue"}
    points = await metrics.query(HERE, "AWS/SageMaker", "InvocationsPerInstance", by, NOON, NOON + 3, 1)
    assert [(point.at, point.values.sum) for point in points] == [(NOON, 2), (NOON + 2, 1)]


async def test_what_copies_of_a_component_have_under_way_is_told_by_its_name(metrics: Metrics) -> None:
    meter = Meter(metrics, HERE, "claims", "blue", component="copies")
    metrics.gather.append(meter.settle)
    meter.look([Instance((), outstanding=2)], NOON)
    meter.look([], NOON + 10)
    by = {"InferenceComponentName": "copies"}
    points = await metrics.query(HERE, "AWS/SageMaker", "ConcurrentRequestsPerCopy", by, NOON, NOON + 10, 10)
    assert [point.values.statistic("Average") for point in points] == [2]
