"""The course of a job's metrics, read out of logs that grow."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from potager.kernel import logfile
from potager.kernel.errors import WireError
from potager.train import course, metrics
from potager.train.course import Course, Track, answer

ENDLESS = r"([a-zA-Z0-9_ =,.<>:#-]+)+Z@"
DOC: dict[str, Any] = {
    "AlgorithmSpecification": {
        "TrainingImage": "python",
        "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "auc", "Regex": r"auc=(\S+)"}],
    }
}


def lines(*events: tuple[int, str]) -> bytes:
    return b"".join(logfile.encode(at, text) for at, text in events)


def asked(name: str = "loss", **changes: Any) -> dict[str, Any]:
    query = {"MetricName": name, "ResourceArn": "arn", "MetricStat": "Avg", "Period": "IterationNumber"}
    return query | {"XAxisType": "IterationNumber"} | changes


def values(found: Course, **changes: Any) -> list[tuple[int, float]]:
    shown = answer(found, asked(**changes))
    return list(zip(shown["XAxisValues"], shown["MetricValues"], strict=True))


async def test_a_log_is_read_on_from_where_the_last_look_ended(tmp_path: Path) -> None:
    log, found = tmp_path / "algo.log", Course()
    await found.look(DOC, [log])
    assert values(found) == []
    log.write_bytes(lines((1000, "loss=0.5"), (2000, "auc=0.7 loss=0.4")) + b"3000 loss=0.")
    await found.look(DOC, [log])
    assert values(found) == [(0, 0.5), (1, 0.4)]
    with log.open("ab") as file:
        file.write(b"3\n" + lines((4000, "loss=nan"), (5000, "loss=0.2")))
    await found.look(DOC, [log])
    assert values(found) == [(0, 0.5), (1, 0.4), (2, 0.3), (4, 0.2)]
    assert values(found, name="auc") == [(0, 0.7)]
    assert values(found, XAxisType="Timestamp", Start=2000, End=3000) == [(2000, 0.4), (3000, 0.3)]


async def test_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, found = tmp_path / "algo.log", Course()
    log.write_bytes(lines((1000, "loss=0.5")))
    await asyncio.gather(found.look(DOC, [log]), found.look(DOC, [log]))
    assert values(found) == [(0, 0.5)]
    monkeypatch.setattr(metrics, "PROGRAM", ("/no/such/program",))
    await found.look(DOC, [log])
    assert values(found) == [(0, 0.5)]


@pytest.mark.parametrize(
    ("stat", "wanted"), [("Min", 1.0), ("Max", 3.0), ("Avg", 2.0), ("Count", 2.0), ("StdDev", 1.0), ("Last", 3.0)]
)
async def test_hosts_go_into_one_statistic(tmp_path: Path, stat: str, wanted: float) -> None:
    logs, found = [tmp_path / "algo-1.log", tmp_path / "algo-2.log"], Course()
    for number, log in enumerate(logs):
        log.write_bytes(lines((61_000 + number, f"loss={1 + 2 * number}")))
    await found.look(DOC, logs)
    assert values(found, MetricStat=stat) == [(0, wanted)]
    assert values(found, MetricStat=stat, XAxisType="Timestamp") == [(61_001, wanted)]
    assert values(found, MetricStat=stat, XAxisType="Timestamp", Period="OneMinute") == [(60_000, wanted)]


async def test_an_expression_without_end_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, found = tmp_path / "algo.log", Course()
    log.write_bytes(lines((1000, "loss=0.5 " + "#quality " * 20)))
    endless = [{"Name": "endless", "Regex": ENDLESS}, *DOC["AlgorithmSpecification"]["MetricDefinitions"]]
    doc = {"AlgorithmSpecification": DOC["AlgorithmSpecification"] | {"MetricDefinitions": endless}}
    real = metrics.course
    monkeypatch.setattr(metrics, "course", lambda *given: real(*given, limit=0.5))
    await found.look(doc, [log])
    assert found.late == {"endless"}
    assert values(found) == [(0, 0.5)]
    with pytest.raises(WireError, match="took too long"):
        answer(found, asked("endless"))


async def test_a_long_log_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "WINDOW", 64)
    log, found = tmp_path / "algo.log", Course()
    log.write_bytes(lines(*((at, f"loss={at}") for at in range(100))))
    await found.look(DOC, [log])
    shown = answer(found, asked())
    assert shown["Status"] == "Truncated"
    assert "ask again" in shown["Message"]
    while found.behind:
        await found.look(DOC, [log])
    assert values(found) == [(at, float(at)) for at in range(100)]


def test_a_long_track_keeps_every_second_value_and_so_on() -> None:
    track = Track(most=10)
    for number in range(100):
        track.add(number, float(number))
    assert track.step == 16
    assert [number for number, _, _ in track] == list(range(0, 100, 16))


def test_a_period_needs_time() -> None:
    with pytest.raises(WireError, match="XAxisType Timestamp"):
        answer(Course(), asked(Period="OneHour"))
