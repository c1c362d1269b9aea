"""Application Auto Scaling through boto3: workers of an endpoint that really come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

import potager
from tests.clients.road import until
from tests.clients.traffic import Traffic

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture(scope="module")
def running() -> Iterator[potager.Local]:
    """A server whose metrics have minutes of a second."""
    with potager.local(scaling_minute=1) as found:
        yield found


class Scaled:
    """An endpoint of one instance that is a scalable target."""

    def __init__(self, server: potager.Local, name: str, least: int = 1, most: int = 4) -> None:
        self.traffic = Traffic(server)
        self.scaling = server.client("application-autoscaling")
        config = self.traffic.config(name, self.traffic.variant(self.traffic.model(name)))
        self.endpoint = self.traffic.endpoint(name, config)
        self.names = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{self.endpoint}/variant/AllTraffic",
            "ScalableDimension": DIMENSION,
        }
        self.arn = self.register(least, most)

    def register(self, least: int, most: int, **more: Any) -> str:
        answer = self.scaling.register_scalable_target(**self.names, MinCapacity=least, MaxCapacity=most, **more)
        return answer["ScalableTargetARN"]

    @property
    def count(self) -> int:
        return self.traffic.show(self.endpoint)["ProductionVariants"][0]["CurrentInstanceCount"]

    def becomes(self, count: int) -> None:
        """Returns once the endpoint has that many instances and its activity has ended."""
        until(lambda: self.count == count, f"{count} instances")
        until(lambda: self.activities()[0]["StatusCode"] == "Successful", "the end of the activity")
        assert self.traffic.ask(self.endpoint)

    def activities(self) -> list[dict[str, Any]]:
        return self.scaling.describe_scaling_activities(**self.names)["ScalingActivities"]


@pytest.fixture(scope="module")
def scaled(running: potager.Local) -> Iterator[Scaled]:
    found = Scaled(running, "scaled")
    yield found
    found.traffic.road.delete(found.endpoint)
    until(
        lambda: (
            not running.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
                "ScalableTargets"
            ]
        ),
        "the end of the target",
    )


def test_bounds_bring_instances_and_take_them_away(scaled: Scaled) -> None:
    scaled.register(2, 4)
    scaled.becomes(2)
    scaled.register(1, 1)
    scaled.becomes(1)
    causes = [each["Cause"] for each in scaled.activities()]
    assert causes[:2] == ["maximum capacity was set to 1", "minimum capacity was set to 2"]
    (shown,) = scaled.scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[scaled.names["ResourceId"]]
    )["ScalableTargets"]
    assert (shown["MinCapacity"], shown["MaxCapacity"], shown["ScalableTargetARN"]) == (1, 1, scaled.arn)
    assert shown["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert shown["SuspendedState"]["ScheduledScalingSuspended"] is False


def test_a_scheduled_action_fires(scaled: Scaled) -> None:
    scaled.register(1, 4)
    at = datetime.fromtimestamp(int(time.time()) + 2, UTC).strftime("at(%Y-%m-%dT%H:%M:%S)")
    action = {"MinCapacity": 2, "MaxCapacity": 3}
    scaled.scaling.put_scheduled_action(
        **scaled.names, ScheduledActionName="soon", Schedule=at, ScalableTargetAction=action
    )
    (shown,) = scaled.scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    assert (shown["ScheduledActionName"], shown["Schedule"], shown["ScalableTargetAction"]) == ("soon", at, action)
    scaled.becomes(2)
    assert scaled.activities()[1]["Cause"] == "scheduled action name soon was triggered"
    scaled.scaling.delete_scheduled_action(**scaled.names, ScheduledActionName="soon")
    assert scaled.scaling.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []
    scaled.register(1, 1)
    scaled.becomes(1)


def test_policies_are_put_shown_and_taken_away(scaled: Scaled) -> None:
    step = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        "Cooldown": 60,
    }
    put = scaled.scaling.put_scaling_policy(**scaled.names, PolicyName="steps", StepScalingPolicyConfiguration=step)
    predefined = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    tracking = {"TargetValue": 70.0, "PredefinedMetricSpecification": predefined, "DisableScaleIn": True}
    scaled.scaling.put_scaling_policy(
        **scaled.names,
        PolicyName="target",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )
    shown = {
        each["PolicyName"]: each
        for each in scaled.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    }
    assert shown["steps"]["PolicyARN"] == put["PolicyARN"]
    assert shown["steps"]["StepScalingPolicyConfiguration"] == step
    assert shown["target"]["TargetTrackingScalingPolicyConfiguration"] == tracking
    for name in shown:
        scaled.scaling.delete_scaling_policy(**scaled.names, PolicyName=name)
    assert scaled.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []


def test_load_scales_out_and_quiet_scales_in(running: potager.Local, scaled: Scaled) -> None:
    scaled.register(1, 3)
    cloudwatch = running.client("cloudwatch")
    metric = {"Namespace": "Own", "MetricName": "Queue", "Statistic": "Average"}
    config = {"TargetValue": 10.0, "CustomizedMetricSpecification": metric, "ScaleInCooldown": 0, "ScaleOutCooldown": 0}
    scaled.scaling.put_scaling_policy(
        **scaled.names,
        PolicyName="queue",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=config,
    )

    def loaded(value: float, count: int) -> bool:
        datum = {"MetricName": "Queue", "Value": value, "StorageResolution": 1}
        cloudwatch.put_metric_data(Namespace="Own", MetricData=[datum])
        return scaled.count == count

    until(lambda: loaded(15.0, 3), "three instances under load")
    until(lambda: loaded(1.0, 1), "one instance without")
    scaled.becomes(1)
    out, back = scaled.activities()[-1], scaled.activities()[0]
    assert "triggered policy queue" in back["Cause"]
    assert "AlarmLow" in back["Cause"]
    assert out["StatusCode"] == "Successful"
    scaled.scaling.delete_scaling_policy(**scaled.names, PolicyName="queue")


@pytest.mark.parametrize(
    ("metric", "inward"),
    [
        ("SageMakerVariantInvocationsPerInstance", True),
        ("SageMakerVariantConcurrentRequestsPerModelHighResolution", False),
    ],
)
def test_requests_scale_out_and_their_absence_scales_in(scaled: Scaled, metric: str, inward: bool) -> None:
    scaled.register(1, 2)
    config = {
        "TargetValue": 0.5,
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "DisableScaleIn": not inward,
        "ScaleInCooldown": 0,
    }
    scaled.scaling.put_scaling_policy(
        **scaled.names,
        PolicyName="requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=config,
    )

    def grown() -> bool:
        with ThreadPoolExecutor(4) as clients:
            list(clients.map(lambda _: scaled.traffic.ask(scaled.endpoint, "slow"), range(8)))
        return scaled.count == 2

    until(grown, "two instances under load")
    assert "triggered policy requests" in scaled.activities()[0]["Cause"]
    if inward:
        until(lambda: scaled.count == 1, "one instance without")
    scaled.scaling.delete_scaling_policy(**scaled.names, PolicyName="requests")
    scaled.register(1, 1)
    scaled.becomes(1)


def test_an_alarm_triggers_its_policy(running: potager.Local, scaled: Scaled) -> None:
    scaled.register(1, 2)
    cloudwatch = running.client("cloudwatch")
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    arn = scaled.scaling.put_scaling_policy(
        **scaled.names,
        PolicyName="busy",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps},
    )["PolicyARN"]
    cloudwatch.put_metric_alarm(
        AlarmName="busy",
        AlarmActions=[arn],
        Namespace="Own",
        MetricName="Busy",
        Statistic="Maximum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    cloudwatch.set_alarm_state(AlarmName="busy", StateValue="ALARM", StateReason="a test says so")
    scaled.becomes(2)
    assert scaled.activities()[0]["Cause"] == "monitor alarm busy in state ALARM triggered policy busy"
    cloudwatch.delete_alarms(AlarmNames=["busy"])
    scaled.scaling.delete_scaling_policy(**scaled.names, PolicyName="busy")
    scaled.register(1, 1)
    scaled.becomes(1)


def test_a_target_has_tags(scaled: Scaled) -> None:
    scaled.scaling.tag_resource(ResourceARN=scaled.arn, Tags={"team": "a", "cost": "b"})
    scaled.scaling.untag_resource(ResourceARN=scaled.arn, TagKeys=["cost"])
    assert scaled.scaling.list_tags_for_resource(ResourceARN=scaled.arn)["Tags"] == {"team": "a"}
    with pytest.raises(ClientError) as caught:
        scaled.scaling.list_tags_for_resource(ResourceARN=scaled.arn + "x")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_what_is_not_there_is_told(scaled: Scaled) -> None:
    absent = {**scaled.names, "ResourceId": "endpoint/absent/variant/AllTraffic"}
    with pytest.raises(ClientError) as caught:
        scaled.scaling.deregister_scalable_target(**absent)
    assert caught.value.response["Error"]["Code"] == "ObjectNotFoundException"
    with pytest.raises(ClientError) as caught:
        scaled.scaling.register_scalable_target(**absent, MinCapacity=1, MaxCapacity=2)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert scaled.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


def test_a_change_outlives_the_server_that_began_it(fresh_server: potager.Local) -> None:
    scaled = Scaled(fresh_server, "killed")
    scaled.register(3, 4)
    fresh_server.kill()
    fresh_server.start()
    scaled.becomes(3)
    assert [each["StatusCode"] for each in scaled.activities()] == ["Successful"]
    scaled.scaling.deregister_scalable_target(**scaled.names)
    assert scaled.count == 3


@pytest.mark.parametrize("value", [0.0, float("inf"), float("nan")])
def test_a_target_value_that_cannot_be_reached_is_refused(scaled: Scaled, value: float) -> None:
    predefined = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    config = {"TargetValue": value, "PredefinedMetricSpecification": predefined}
    with pytest.raises(ClientError, match="Give a value above 0"):
        scaled.scaling.put_scaling_policy(
            PolicyName="never",
            PolicyType="TargetTrackingScaling",
            **scaled.names,
            TargetTrackingScalingPolicyConfiguration=config,
        )
