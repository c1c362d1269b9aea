"""BatchGetMetrics: the curves of training jobs, through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.road import Road
from tests.clients.scripts import Scripts

SCRIPT = """
    for step in range(3):
        print(f"loss={1 / (step + 1)} auc={step / 10}", flush=True)
"""


def query(arn: str, name: str, **changes: str) -> dict[str, Any]:
    asked = {"MetricName": name, "ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber"}
    return asked | {"XAxisType": "IterationNumber"} | changes


@pytest.fixture
def metrics(server: Any) -> Any:
    return server.client("sagemaker-metrics")


def test_an_algorithm_s_own_metrics_have_their_course(server: Any, metrics: Any) -> None:
    job = Road(server).train("curves")
    arn = job["TrainingJobArn"]
    found = metrics.batch_get_metrics(
        MetricQueries=[
            query(arn, "train:objective_loss"),
            query(arn, "train:objective_loss", XAxisType="Timestamp"),
            query(arn, "train:nothing"),
        ]
    )["MetricQueryResults"]
    last = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert [each["Status"] for each in found] == ["Complete"] * 3
    assert found[0]["XAxisValues"] == [0, 1, 2, 3, 4]
    assert found[0]["MetricValues"] == found[1]["MetricValues"]
    assert found[0]["MetricValues"][-1] == pytest.approx(last["train:objective_loss"])
    times = found[1]["XAxisValues"]
    assert times == sorted(times)
    assert job["TrainingStartTime"].timestamp() * 1000 - 1 <= times[0] <= times[-1]
    assert times[-1] <= job["TrainingEndTime"].timestamp() * 1000 + 1
    assert found[2]["MetricValues"] == []


def test_a_script_s_metrics_are_what_its_definitions_say(server: Any, metrics: Any) -> None:
    definitions = [{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "auc", "Regex": r"auc=(\S+)"}]
    job = Scripts(server).script("curve", {"train.py": SCRIPT}, algorithm={"MetricDefinitions": definitions})
    arn = job["TrainingJobArn"]
    found = metrics.batch_get_metrics(MetricQueries=[query(arn, "loss"), query(arn, "auc", MetricStat="Max")])
    assert [each["MetricValues"] for each in found["MetricQueryResults"]] == [[1.0, 0.5, 1 / 3], [0.0, 0.1, 0.2]]


def test_what_cannot_be_answered_is_said_query_by_query(server: Any, metrics: Any) -> None:
    arn = Road(server).train("refused")["TrainingJobArn"]
    found = metrics.batch_get_metrics(
        MetricQueries=[
            query(arn + "x", "train:objective_loss"),
            query(arn, "train:objective_loss", Period="OneHour"),
            query(arn, "train:objective_loss"),
        ]
    )["MetricQueryResults"]
    assert [each["Status"] for each in found] == ["ValidationError", "ValidationError", "Complete"]
    assert arn + "x" in found[0]["Message"]
    assert "Timestamp" in found[1]["Message"]
