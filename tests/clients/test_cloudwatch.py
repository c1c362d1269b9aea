"""CloudWatch through boto3, over each protocol that it ever spoke: metrics, expressions, alarms and what they do."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.loaders
import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.receiver import receiver
from tests.clients.road import until

MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["json", "query", "smithy-rpc-v2-cbor"])
def cloudwatch(server: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that speaks one of the protocols, as boto3 of its time did."""
    load = botocore.loaders.Loader.load_service_model

    def one_protocol(self: Any, service_name: str, type_name: str, **more: Any) -> Any:
        found: Any = load(self, service_name, type_name, **more)
        if (service_name, type_name) == ("cloudwatch", "service-2"):
            metadata = {**found["metadata"], "protocol": request.param, "protocols": [request.param]}
            if request.param == "query":
                del metadata["awsQueryCompatible"]
            found = {**found, "metadata": metadata}
        return found

    monkeypatch.setattr(botocore.loaders.Loader, "load_service_model", one_protocol)
    client = server.session().client("cloudwatch")
    assert client.meta.service_model.resolved_protocol == request.param
    return client


@pytest.fixture
def plain(server: Any) -> Any:
    return server.client("cloudwatch")


@pytest.fixture
def space() -> str:
    return f"test/{uuid.uuid4().hex}"


@pytest.fixture
def then() -> datetime:
    """A whole minute, some minutes ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - 10 * MINUTE


def code_of(error: ClientError) -> str:
    response: Any = error.response
    return response["Error"]["Code"]


def put(client: Any, space: str, name: str, values: dict[datetime, float], **more: Any) -> None:
    data = [{"MetricName": name, "Timestamp": at, "Value": value, **more} for at, value in values.items()]
    client.put_metric_data(Namespace=space, MetricData=data)


def test_values_of_every_shape_are_taken_and_told_by_every_statistic(
    cloudwatch: Any, space: str, then: datetime
) -> None:
    by = [{"Name": "Host", "Value": "ü & <1>"}]
    common = {"MetricName": "m", "Dimensions": by, "Timestamp": then, "Unit": "Milliseconds"}
    cloudwatch.put_metric_data(
        Namespace=space,
        MetricData=[
            {**common, "Value": 1.5},
            {**common, "Values": [2.0, 4.0], "Counts": [3.0, 1.0]},
            {**common, "Values": [10.0]},
        ],
    )
    asked = {"Namespace": space, "MetricName": "m", "Dimensions": by, "Period": 60}
    window = {"StartTime": then, "EndTime": then + MINUTE}
    names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    [point] = cloudwatch.get_metric_statistics(**asked, **window, Statistics=names)["Datapoints"]
    assert point == {
        "Timestamp": then,
        "Unit": "Milliseconds",
        "SampleCount": 6.0,
        "Sum": 21.5,
        "Average": pytest.approx(21.5 / 6),
        "Minimum": 1.5,
        "Maximum": 10.0,
    }
    [point] = cloudwatch.get_metric_statistics(**asked, **window, ExtendedStatistics=["p50", "p100"])["Datapoints"]
    assert point["ExtendedStatistics"] == {"p50": pytest.approx(2.0, rel=0.01), "p100": 10.0}
    statistics = {"SampleCount": 10.0, "Sum": 50.0, "Minimum": 1.0, "Maximum": 9.0}
    cloudwatch.put_metric_data(
        Namespace=space, MetricData=[{**common, "Timestamp": then + MINUTE, "StatisticValues": statistics}]
    )
    window = {"StartTime": then + MINUTE, "EndTime": then + 2 * MINUTE}
    [point] = cloudwatch.get_metric_statistics(**asked, **window, Statistics=["Average", "Maximum"])["Datapoints"]
    assert (point["Average"], point["Maximum"]) == (5.0, 9.0)
    listed = cloudwatch.list_metrics(Namespace=space)["Metrics"]
    assert listed == [{"Namespace": space, "MetricName": "m", "Dimensions": by}]


def test_a_compressed_request_is_taken(cloudwatch: Any, space: str, then: datetime) -> None:
    seen: list[Any] = []
    cloudwatch.meta.events.register("before-send", lambda request, **_: seen.append(request.headers))
    cloudwatch.put_metric_data(
        Namespace=space,
        MetricData=[{"MetricName": "m" * 100 + str(n % 10), "Timestamp": then, "Value": float(n)} for n in range(500)],
    )
    assert "gzip" in str(seen[0]["Content-Encoding"])
    assert len(cloudwatch.list_metrics(Namespace=space)["Metrics"]) == 10


def test_queries_and_expressions_give_series(cloudwatch: Any, space: str, then: datetime) -> None:
    put(cloudwatch, space, "hits", {then + n * MINUTE: 10.0 * (n + 1) for n in range(3)})
    put(cloudwatch, space, "errors", {then: 1.0, then + 2 * MINUTE: 6.0})

    def stat(name: str) -> dict[str, Any]:
        return {"Metric": {"Namespace": space, "MetricName": name}, "Period": 60, "Stat": "Sum"}

    found = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "h", "MetricStat": stat("hits"), "Label": "all hits"},
            {"Id": "e", "MetricStat": stat("errors"), "ReturnData": False},
            {"Id": "rate", "Expression": "100 * FILL(e, 0) / h"},
            {"Id": "none", "MetricStat": stat("nothing")},
        ],
        StartTime=then,
        EndTime=then + 3 * MINUTE,
        ScanBy="TimestampAscending",
    )["MetricDataResults"]
    moments = [then, then + MINUTE, then + 2 * MINUTE]
    assert [(each["Id"], each["Label"], each["Timestamps"], each["Values"]) for each in found] == [
        ("h", "all hits", moments, [10.0, 20.0, 30.0]),
        ("rate", "rate", moments, [10.0, 0.0, 20.0]),
        ("none", "nothing", [], []),
    ]
    assert {each["StatusCode"] for each in found} == {"Complete"}


def test_datapoints_come_in_pages(plain: Any, space: str, then: datetime) -> None:
    put(plain, space, "m", {then + n * MINUTE: float(n) for n in range(5)})
    metric = {"Metric": {"Namespace": space, "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    asked = [{"Id": "one", "MetricStat": metric}, {"Id": "two", "MetricStat": metric}]
    pages = plain.get_paginator("get_metric_data").paginate(
        MetricDataQueries=asked, StartTime=then, EndTime=then + 5 * MINUTE, MaxDatapoints=3
    )
    got: dict[str, list[float]] = {"one": [], "two": []}
    for page in pages:
        assert sum(len(each["Values"]) for each in page["MetricDataResults"]) <= 3
        for each in page["MetricDataResults"]:
            got[each["Id"]] += each["Values"]
    assert got == {"one": [4.0, 3.0, 2.0, 1.0, 0.0], "two": [4.0, 3.0, 2.0, 1.0, 0.0]}


def test_metrics_are_found_by_their_dimensions(plain: Any, space: str) -> None:
    for color in ("red", "green"):
        by = [{"Name": "Color", "Value": color}, {"Name": "Size", "Value": "9"}]
        plain.put_metric_data(Namespace=space, MetricData=[{"MetricName": "m", "Value": 1, "Dimensions": by}])
    plain.put_metric_data(Namespace=space, MetricData=[{"MetricName": "m", "Value": 1}])

    def count(**asked: Any) -> int:
        return len(plain.list_metrics(Namespace=space, **asked)["Metrics"])

    assert count() == 3
    assert count(Dimensions=[{"Name": "Color"}]) == 2
    assert count(Dimensions=[{"Name": "Color", "Value": "red"}, {"Name": "Size"}]) == 1
    assert count(MetricName="other") == 0
    assert count(RecentlyActive="PT3H") == 3


@pytest.mark.parametrize(
    ("datum", "code", "names"),
    [
        ({"Value": 1, "Values": [1.0]}, "InvalidParameterCombination", "member.2.Value and .* are mutually exclusive"),
        ({}, "MissingParameter", "StatisticValues"),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "InvalidParameterValue", "Counts must be of the same size"),
        ({"Value": 1, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}, "InvalidParameterValue", "two weeks"),
        ({"Value": 1, "StorageResolution": 5}, "InvalidParameterValue", "StorageResolution"),
        ({"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter MetricData.member.2.Value is"),
        ({"Value": 1, "Dimensions": [{"Name": "a", "Value": "b"}] * 2}, "InvalidParameterValue", "twice"),
        ({"Value": 1, "MetricName": "a\0"}, "InvalidParameterValue", "control"),
        ({"Value": 1, "Dimensions": [{"Name": "a", "Value": "b\n"}]}, "InvalidParameterValue", "control"),
    ],
)
def test_a_wrong_datum_is_refused_with_all_of_its_request(
    cloudwatch: Any, space: str, datum: dict[str, Any], code: str, names: str
) -> None:
    with pytest.raises(ClientError, match=names) as refused:
        cloudwatch.put_metric_data(
            Namespace=space, MetricData=[{"MetricName": "good", "Value": 1}, {"MetricName": "m", **datum}]
        )
    assert code_of(refused.value) == code
    assert cloudwatch.list_metrics(Namespace=space)["Metrics"] == []


def test_what_belongs_to_the_server_and_what_is_not_served_is_refused(plain: Any, then: datetime) -> None:
    with pytest.raises(ClientError, match="AWS/"):
        plain.put_metric_data(Namespace="AWS/SageMaker", MetricData=[{"MetricName": "m", "Value": 1}])
    with pytest.raises(ClientError, match="SEARCH"):
        plain.get_metric_data(
            MetricDataQueries=[{"Id": "a", "Expression": "SEARCH('{x}', 'Sum')"}], StartTime=then, EndTime=then + MINUTE
        )
    with pytest.raises(ClientError, match="PutDashboard"):
        plain.put_dashboard(DashboardName="d", DashboardBody="{}")


def alarm(name: str, space: str, **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": space,
        "MetricName": "m",
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold",
        **more,
    }


def state(client: Any, name: str) -> str:
    return client.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def test_an_alarm_lives_through_its_states_and_tells_its_topic() -> None:
    with potager.local(alarm_interval=1) as server, receiver() as hook:
        client, sns, space, name = server.client("cloudwatch"), server.client("sns"), "mine", "too much"
        topic = sns.create_topic(Name="alarms")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
        said = hook.message()
        sns.confirm_subscription(TopicArn=topic, Token=said["Token"])
        gone = topic + "-gone"
        client.put_metric_alarm(**alarm(name, space, AlarmActions=[topic, gone], OKActions=[topic]))
        [described] = client.describe_alarms()["MetricAlarms"]
        assert (described["StateValue"], described["StateReason"]) == (
            "INSUFFICIENT_DATA",
            "Unchecked: Initial alarm creation",
        )
        put(client, space, "m", {datetime.now(UTC) - MINUTE: 9.0})
        message = json.loads(hook.message()["Message"])
        assert (message["AlarmName"], message["OldStateValue"], message["NewStateValue"]) == (
            name,
            "INSUFFICIENT_DATA",
            "ALARM",
        )
        assert "1 out of the last 1 datapoint [9.0" in message["NewStateReason"]
        assert message["Trigger"]["Statistic"] == "MAXIMUM"
        client.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="trying")
        assert json.loads(hook.message()["Message"])["NewStateReason"] == "trying"
        assert json.loads(hook.message()["Message"])["NewStateValue"] == "ALARM"

        def failed() -> bool:
            items = client.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]
            return any(gone in item["HistorySummary"] and "Failed" in item["HistorySummary"] for item in items)

        until(failed, "a note of the action that failed")
        kinds = client.describe_alarm_history(AlarmName=name, ScanBy="TimestampAscending")["AlarmHistoryItems"]
        assert kinds[0]["HistoryItemType"] == "ConfigurationUpdate"
        client.delete_alarms(AlarmNames=[name])
        assert client.describe_alarms()["MetricAlarms"] == []


def test_each_change_of_an_alarm_is_told_however_fast_they_follow() -> None:
    with potager.local() as server, receiver() as hook:
        client, sns = server.client("cloudwatch"), server.client("sns")
        topic = sns.create_topic(Name="alarms")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=hook.url)
        sns.confirm_subscription(TopicArn=topic, Token=hook.message()["Token"])
        client.put_metric_alarm(**alarm("flaps", "mine", AlarmActions=[topic], OKActions=[topic]))
        states = ["ALARM", "OK"] * 10
        for number, each in enumerate(states):
            client.set_alarm_state(AlarmName="flaps", StateValue=each, StateReason=str(number))
        told = {int(said["NewStateReason"]): said for said in (json.loads(hook.message()["Message"]) for _ in states)}
        assert [told[number]["NewStateValue"] for number in range(len(states))] == states
        assert [told[number]["OldStateValue"] for number in range(1, len(states))] == states[:-1]


def test_an_alarm_on_an_expression_outlives_the_server() -> None:
    with potager.local(alarm_interval=1) as server:
        client = server.client("cloudwatch")
        stat = {"Metric": {"Namespace": "mine", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
        asked = [
            {"Id": "m1", "MetricStat": stat, "ReturnData": False},
            {"Id": "e1", "Expression": "m1 * 10", "ReturnData": True},
        ]
        rule = {"EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold"}
        client.put_metric_alarm(AlarmName="a", Metrics=asked, **rule)
        server.kill()
        server.start()
        client = server.client("cloudwatch")
        put(client, "mine", "m", {datetime.now(UTC) - MINUTE: 6.0})
        until(lambda: state(client, "a") == "ALARM", "the alarm")


def test_alarms_are_described_by_what_they_are(cloudwatch: Any, space: str) -> None:
    name = uuid.uuid4().hex
    for each in ("a", "b"):
        cloudwatch.put_metric_alarm(**alarm(name + each, space, Tags=[{"Key": "team", "Value": each}]))
    found = cloudwatch.describe_alarms(AlarmNamePrefix=name, MaxRecords=1)
    assert [each["AlarmName"] for each in found["MetricAlarms"]] == [name + "a"]
    found = cloudwatch.describe_alarms(AlarmNamePrefix=name, MaxRecords=1, NextToken=found["NextToken"])
    assert [each["AlarmName"] for each in found["MetricAlarms"]] == [name + "b"]
    assert "NextToken" not in found
    arn = found["MetricAlarms"][0]["AlarmArn"]
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "b"}]
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["team"])
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "x", "Value": "y"}])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "x", "Value": "y"}]
    cloudwatch.disable_alarm_actions(AlarmNames=[name + "a"])
    of_metric = cloudwatch.describe_alarms_for_metric(Namespace=space, MetricName="m")["MetricAlarms"]
    assert [each["ActionsEnabled"] for each in of_metric] == [False, True]
    cloudwatch.enable_alarm_actions(AlarmNames=[name + "a"])
    with pytest.raises(ClientError) as refused:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="none")
    assert code_of(refused.value) == "ResourceNotFound"
    cloudwatch.delete_alarms(AlarmNames=[name + "a", name + "b"])


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm"),
        ({"TreatMissingData": "maybe"}, "TreatMissingData"),
        ({"Period": 7}, "period 7"),
        ({"ExtendedStatistic": "p99"}, "one of the two"),
        ({"Statistic": None, "ExtendedStatistic": "90"}, "value 90 for parameter ExtendedStatistic is not supported"),
        ({"EvaluateLowSampleCountPercentile": "x"}, "Option x is not supported"),
        ({"EvaluationPeriods": 10_000}, "86400"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly"),
        ({"AlarmActions": ["arn:aws:ec2:us-east-1:000000000000:stop"]}, "ec2"),
    ],
)
def test_an_alarm_that_cannot_be_is_refused(plain: Any, space: str, more: dict[str, Any], names: str) -> None:
    asked = {member: value for member, value in alarm("bad", space, **more).items() if value is not None}
    with pytest.raises(ClientError, match=names):
        plain.put_metric_alarm(**asked)


@pytest.mark.parametrize(
    ("query", "later", "says"),
    [
        ({}, MINUTE, "The parameter MetricDataQueries.member.1.MetricStat is required."),
        ({"Expression": "1"}, -MINUTE, "The parameter EndTime must be greater than StartTime."),
        ({"Expression": "1"}, MINUTE / 100, "The parameter StartTime must not equal parameter EndTime."),
        ({"MetricStat": {}, "Period": 60}, MINUTE, "MetricDataQueries.member.1.Period and .* are mutually exclusive"),
    ],
)
def test_queries_that_make_no_sense_are_refused_in_cloudwatchs_words(
    cloudwatch: Any, space: str, then: datetime, query: dict[str, Any], later: timedelta, says: str
) -> None:
    if "MetricStat" in query:
        metric = {"Namespace": space, "MetricName": "m"}
        query = {**query, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    with pytest.raises(ClientError, match=says) as refused:
        cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "a", **query}], StartTime=then, EndTime=then + later)
    assert code_of(refused.value) == "ValidationError"


def test_statistics_are_asked_for_by_name_and_of_a_time_that_passes(
    cloudwatch: Any, space: str, then: datetime
) -> None:
    asked = {"Namespace": space, "MetricName": "m", "Period": 60, "StartTime": then + MINUTE / 100}
    with pytest.raises(ClientError, match="Must specify either Statistics or ExtendedStatistics") as refused:
        cloudwatch.get_metric_statistics(**asked, EndTime=then + MINUTE)
    assert code_of(refused.value) == "InvalidParameterCombination"
    with pytest.raises(ClientError, match="StartTime must be less than the parameter EndTime") as refused:
        cloudwatch.get_metric_statistics(**asked, EndTime=then, Statistics=["Sum"])
    assert code_of(refused.value) == "InvalidParameterValue"


def test_values_of_a_second_are_kept_apart_on_request(plain: Any, space: str) -> None:
    now = datetime.fromtimestamp(int(time.time()) - 30, UTC)
    second = timedelta(seconds=1)
    put(plain, space, "m", {now: 1.0, now + second: 2.0}, StorageResolution=1)
    stat = {"Metric": {"Namespace": space, "MetricName": "m"}, "Period": 1, "Stat": "Sum"}
    found = plain.get_metric_data(
        MetricDataQueries=[{"Id": "a", "MetricStat": stat}], StartTime=now, EndTime=now + 2 * second
    )
    assert found["MetricDataResults"][0]["Values"] == [2.0, 1.0]
