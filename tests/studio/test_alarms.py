"""Alarms in a browser: which ring, what they watch, and switching and deleting one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.studio.conftest import Studio, Visitor


@pytest.fixture(scope="module")
def cloudwatch(server: Any) -> Any:
    return server.client("cloudwatch")


def put(cloudwatch: Any, **members: Any) -> str:
    """An alarm on a metric that has been told of."""
    name = f"rain/{uuid.uuid4().hex[:8]}"
    metric = {"Namespace": "Weather", "MetricName": "Rain"}
    dimensions = [{"Name": "EndpointName", "Value": name.partition("/")[2]}]
    datum = {"MetricName": "Rain", "Dimensions": dimensions, "Value": 7.0, "Timestamp": datetime.now(UTC)}
    cloudwatch.put_metric_data(Namespace="Weather", MetricData=[datum])
    told = {"Statistic": "Sum", "Period": 60, "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "Threshold": 5.0}
    rings = {"ComparisonOperator": "GreaterThanThreshold", "Dimensions": dimensions}
    cloudwatch.put_metric_alarm(AlarmName=name, **metric | told | rings | members)
    return name


def test_an_alarm_tells_what_it_watches_and_is_switched_off_and_deleted(studio: Studio, cloudwatch: Any) -> None:
    name = put(cloudwatch)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="it rains")
    page = studio.visit(f"/alarms?name={name}", check=False)
    assert "Sum of Rain over 60 s > 5, 2 of 3 times" in page.inner_text("#rows")
    studio.check()
    page.get_by_role("link", name=name).click()
    page.get_by_role("heading", level=1).wait_for()
    page.locator("po-chart[drawn]").wait_for()
    studio.check()
    subject = page.get_by_role("link", name=name.partition("/")[2], exact=True)
    assert subject.get_attribute("href") == f"/_studio/endpoints/{name.partition('/')[2]}"
    assert "created" in page.inner_text("main")
    page.get_by_role("button", name="Keep it from acting").click()
    page.get_by_role("button", name="Let it act").wait_for()
    assert not cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["ActionsEnabled"]
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/alarms")
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_alarms_are_filtered_by_state(visitor: Visitor, cloudwatch: Any) -> None:
    name = put(cloudwatch)
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    quiet = visitor.get(f"/alarms?name={name}&state=ALARM").text
    assert "Nothing fits these filters" in quiet
    assert name in visitor.get(f"/alarms?name={name}").text
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_an_expression_has_its_chart(visitor: Visitor, cloudwatch: Any) -> None:
    name = f"sum-{uuid.uuid4().hex[:8]}"
    stat = {"Metric": {"Namespace": "Weather", "MetricName": "Rain"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "rain", "MetricStat": stat, "ReturnData": False},
        {"Id": "double", "Expression": "rain * 2", "ReturnData": True},
    ]
    cloudwatch.put_metric_data(Namespace="Weather", MetricData=[{"MetricName": "Rain", "Value": 7.0}])
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert "an expression &gt; 5" in visitor.get(f"/alarms/{name}").text
    chart = visitor.get(f"/alarms/{name}/chart").json
    assert chart["series"][0]["points"][-1][1] >= 14
    assert chart["marks"][0]["y"] == 5
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert visitor.get(f"/alarms/{name}").status == 404
