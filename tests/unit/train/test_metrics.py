"""Metrics out of logs, by expressions of ours and of strangers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from potager.compute import catalog
from potager.kernel import logfile
from potager.kernel.errors import Invalid
from potager.train import matching, metrics

ENDLESS = r"([a-zA-Z0-9_ =,.<>:#-]+)+Z@"
EVENTS = [(1000, "loss=0.9 auc=0.5"), (2000, "loss=0.4"), (3000, "loss=soon"), (4000, "#quality " * 20)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "algo.log"
    path.write_bytes(b"".join(logfile.encode(at, text) for at, text in EVENTS))
    return path


def algorithm(*regexes: str, image: str = "linear-learner") -> dict[str, Any]:
    """A job's document whose metrics are called m0, m1 and so on."""
    definitions = [{"Name": f"m{number}", "Regex": regex} for number, regex in enumerate(regexes)]
    return {"AlgorithmSpecification": {"TrainingImage": image, "MetricDefinitions": definitions}}


async def test_the_last_value_of_each_metric_counts(log: Path) -> None:
    found = await metrics.final(algorithm(r"loss=(\S+)", r"auc=([0-9.]+)", "x"), [log])
    assert found == [
        {"MetricName": "m0", "Value": 0.4, "Timestamp": 2.0},
        {"MetricName": "m1", "Value": 0.5, "Timestamp": 1.0},
    ]
    assert list(matching.events([str(log)])) == EVENTS


async def test_the_last_value_of_all_hosts_counts(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "algo-2.log"
    other.write_bytes(logfile.encode(1500, "loss=0.9") + logfile.encode(1600, "auc=0.7"))
    found = await metrics.final(algorithm(r"loss=(\S+)", r"auc=([0-9.]+)"), [log, other])
    assert [(metric["Value"], metric["Timestamp"]) for metric in found] == [(0.4, 2.0), (0.7, 1.6)]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
async def test_a_last_value_that_is_no_finite_number_is_none(log: Path, value: str) -> None:
    with log.open("ab") as file:
        file.write(logfile.encode(5000, f"loss={value}"))
    found = await metrics.final(algorithm(r"loss=(\S+)", r"auc=([0-9.]+)"), [log])
    assert [metric["MetricName"] for metric in found] == ["m1"]


async def test_an_expression_without_end_is_left_out_while_the_loop_runs_on_and_the_log_says_so(log: Path) -> None:
    work = asyncio.create_task(metrics.final(algorithm(r"loss=(\S+)", ENDLESS, r"auc=(\S+)"), [log], limit=0.5))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100
    assert [found["MetricName"] for found in work.result()] == ["m0", "m2"]
    *before, (_, told) = matching.events([str(log)])
    assert before == EVENTS
    assert "'m1'" in told
    assert "took longer than 0.5 seconds" in told


async def test_an_images_own_definitions_need_no_process(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "PROGRAM", ("/no/such/program",))
    image = catalog.find("linear-learner:1")
    assert image is not None
    line = "#quality_metric: host=algo-1, train mse <loss>=0.25"
    log.write_bytes(logfile.encode(5000, line))
    own = {"TrainingImage": "linear-learner:1", "MetricDefinitions": image.metric_definitions()}
    for asked in (own, {"TrainingImage": "linear-learner:1"}):
        found = await metrics.final({"AlgorithmSpecification": asked}, [log])
        assert found == [{"MetricName": "train:mse", "Value": 0.25, "Timestamp": 5.0}]
    assert await metrics.final(algorithm(image="python:3"), [log]) == []
    with pytest.raises(FileNotFoundError):
        await metrics.final(algorithm("loss"), [log])


async def test_a_job_that_printed_nothing_has_no_metrics(tmp_path: Path) -> None:
    assert await metrics.final(algorithm("loss"), [tmp_path / "absent.log"]) == []


async def test_a_search_that_nobody_waits_for_any_more_ends(log: Path) -> None:
    started: list[asyncio.subprocess.Process] = []
    real = asyncio.create_subprocess_exec

    async def start(*arguments: Any, **more: Any) -> asyncio.subprocess.Process:
        started.append(await real(*arguments, **more))
        return started[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", start)
        work = asyncio.create_task(metrics.final(algorithm(ENDLESS), [log], limit=600))
        while not started:
            await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert await asyncio.wait_for(started[0].wait(), 30) == -9


@pytest.mark.parametrize("regex", ["(", "a{99999999999999999999}"])
def test_a_regular_expression_that_is_none_is_refused_by_name(regex: str) -> None:
    with pytest.raises(Invalid, match="broken"):
        metrics.compiled([{"Name": "broken", "Regex": regex}])
