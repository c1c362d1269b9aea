"""The scaler against real rows and metrics, a clock that stands, and a host that does as the test says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from potager.deploy import endpoints
from potager.deploy.hosting import KIND, Host
from potager.deploy.scaling import Scaler, activities, policies, schedules, targets
from potager.deploy.scaling.service import TARGET
from potager.gateway.house import registry
from potager.gateway.inside import Inside
from potager.kernel import clock
from potager.kernel.context import Caller, Context, Doors, House
from potager.kernel.errors import Fault, Invalid, NotFound, Unserved
from potager.kernel.names import Scope
from potager.store.database import Database
from potager.store.leases import Leases
from potager.store.metrics import Metrics
from potager.store.rows import Row, Rows, Tx

SCOPE = Scope("000000000000", "us-east-1")
NAMES = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/V",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 100.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}
CUSTOM = {
    "TargetValue": 10.0,
    "CustomizedMetricSpecification": {"Namespace": "Own", "MetricName": "Queue", "Statistic": "Average"},
}


class Stage:
    """An endpoint with one variant, and time that passes when it is told to."""

    def __init__(self, rows: Rows, metrics: Metrics) -> None:
        self.now = 1_800_000_000.0
        self.rows, self.metrics = rows, metrics
        house = House()
        self.scaler = Scaler(house, rows, Leases(rows, owner="test"), cast(Any, self))
        house.add(Rows, rows)
        house.add(Metrics, metrics)
        house.add(Doors, Doors(Inside(registry())))
        house.add(Scaler, self.scaler)
        house.add(Host, cast(Any, self))
        self.scaler.wake = lambda row: None  # type: ignore[method-assign]  the test looks by itself
        self.ctx = Context(house, Caller(SCOPE.account, "arn:x", "id"), SCOPE.region, "request")

    def wake(self, row: Row) -> None:
        """As the host's."""

    async def endpoint(self, **more: Any) -> None:
        """`_id` names it, `spec` is its variant's; the rest is of its deployment."""
        spec = more.pop("spec", {})
        variant = {"name": "V", "weight": 1.0, "count": 1, "containers": [], "spec": spec}
        deployed = {"config": "c", "revision": "r", "variants": [variant], "shadows": [], "capture": None} | more
        identity = more.pop("_id", "i")
        doc = {"EndpointName": "e", "_id": identity, "_wanted": deployed, "_live": deployed}
        await self.rows.write(lambda tx: tx.insert(KIND, SCOPE, "e", doc, arn="arn:e", status="InService"))

    async def register(self, least: int = 1, most: int = 6, **more: Any) -> None:
        given = {**NAMES, "MinCapacity": least, "MaxCapacity": most, **more}
        await targets.register_scalable_target(self.ctx, given)

    async def follow(self, name: str, kind: str, **config: Any) -> str:
        given = {"PolicyName": name, "PolicyType": kind, f"{kind}PolicyConfiguration": config}
        return (await policies.put_scaling_policy(self.ctx, {**NAMES, **given}))["PolicyARN"]

    async def look(self) -> float | None:
        """Has the scaler do all that it can do now; the seconds until it looks again."""
        for _ in range(20):
            row = await self.rows.get(TARGET, SCOPE, "endpoint/e/variant/V|sagemaker:variant:DesiredInstanceCount")
            if row is None:
                return None
            pause = await self.scaler.look(row)
            if pause != 0.0:
                return pause
        raise AssertionError("the scaler does not come to rest")

    async def shown(self) -> Row:
        return await self.rows.find(KIND, SCOPE, "e")

    async def settle(self, reason: str = "") -> int:
        """Has the host bring the endpoint to what it is wanted to be, or fail; its count."""

        def write(tx: Tx) -> Row:
            row = tx.find(KIND, SCOPE, "e")
            doc = row.doc | ({"FailureReason": reason, "_wanted": row.doc["_live"]} if reason else {})
            return tx.update(row, doc=doc | {"_live": doc["_wanted"]}, status="InService")

        self.now += 0.25
        row = await self.rows.write(write)
        return row.doc["_live"]["variants"][0]["count"]

    async def scaled(self) -> int:
        """The count once the scaler and the host have come to rest."""
        await self.look()
        if (await self.shown()).status == "Updating":
            await self.settle()
            await self.look()
        return (await self.shown()).doc["_live"]["variants"][0]["count"]

    def load(self, value: float, minutes: int = 1, metric: str = "InvocationsPerInstance") -> None:
        """A metric's value in each of the next minutes, which pass."""
        own = metric == "Queue"
        names = {} if own else {"EndpointName": "e", "VariantName": "V"}
        for _ in range(minutes):
            self.metrics.add(SCOPE, "Own" if own else "AWS/SageMaker", metric, names, value, at=self.now)
            self.now += 60

    async def activities(self) -> list[dict[str, Any]]:
        asked = {"ServiceNamespace": "sagemaker"}
        found = await activities.describe_scaling_activities(self.ctx, asked)
        return list(found["ScalingActivities"])


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    database = await Database.open(f"sqlite:///{tmp_path / 'rows.db'}")
    made = Stage(Rows(database, b"s" * 32), Metrics(database))
    monkeypatch.setattr(clock, "now", lambda: made.now)
    yield made
    await database.close()


async def test_a_target_is_brought_between_its_bounds_at_once(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(2, 4)
    await stage.look()
    (running,) = await stage.activities()
    assert (running["StatusCode"], running["Cause"]) == ("InProgress", "minimum capacity was set to 2")
    assert await stage.scaled() == 2
    (done,) = await stage.activities()
    assert (done["StatusCode"], done["Description"]) == ("Successful", "Setting desired instance count to 2.")
    assert done["StatusMessage"] == (
        "Successfully set desired instance count to 2. Change successfully fulfilled by sagemaker."
    )
    await stage.register(1, 1)
    assert await stage.scaled() == 1
    assert (await stage.activities())[0]["Cause"] == "maximum capacity was set to 1"


async def test_load_scales_out_and_quiet_scales_in(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    await stage.follow("p", "TargetTrackingScaling", **TRACKING)
    stage.load(280, minutes=2)
    assert await stage.scaled() == 1
    stage.load(280)
    assert await stage.scaled() == 3
    (done,) = await stage.activities()
    assert done["Cause"].startswith("monitor alarm TargetTracking-endpoint/e/variant/V-AlarmHigh")
    assert done["Cause"].endswith("in state ALARM triggered policy p")
    stage.now += 14 * 60
    assert await stage.scaled() == 3
    stage.now += 60
    assert await stage.scaled() == 1


async def test_a_metric_of_ones_own_that_says_nothing_scales_nothing(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    await stage.follow("p", "TargetTrackingScaling", **CUSTOM, ScaleOutCooldown=0)
    stage.load(25, minutes=3, metric="Queue")
    assert await stage.scaled() == 3
    stage.now += 3600
    assert await stage.scaled() == 3
    stage.load(1, minutes=15, metric="Queue")
    assert await stage.scaled() == 1


async def test_a_policy_follows_what_is_worked_out_of_metrics(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    stat = {"Metric": {"Namespace": "Own", "MetricName": "Queue"}, "Stat": "Sum"}
    queries = [
        {"Id": "q", "MetricStat": stat, "ReturnData": False},
        {"Id": "half", "Expression": "q / 2", "ReturnData": True},
    ]
    custom = {"TargetValue": 10.0, "CustomizedMetricSpecification": {"Metrics": queries}}
    await stage.follow("p", "TargetTrackingScaling", **custom)
    stage.load(50, minutes=3, metric="Queue")
    assert await stage.scaled() == 3


async def test_policies_are_asked_once_a_minute_and_the_scaler_sleeps_till_the_next(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register()
    assert await stage.look() == pytest.approx(60)
    await stage.follow("p", "TargetTrackingScaling", **TRACKING)
    stage.now += 20
    assert await stage.look() == pytest.approx(40)


async def test_an_endpoint_that_is_busy_is_tried_again(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(3, 3)
    row = await stage.shown()
    await stage.rows.write(lambda tx: tx.update(row, status="Updating"))
    assert await stage.look() == 0.5
    assert await stage.activities() == []
    await stage.settle()
    assert await stage.scaled() == 3


async def test_a_change_that_the_endpoint_could_not_make_is_told(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(3, 3)
    await stage.look()
    assert await stage.settle("no memory") == 1
    await stage.look()
    (failed,) = await stage.activities()
    assert failed["StatusCode"] == "Failed"
    assert failed["StatusMessage"] == "Failed to set desired instance count to 3. Reason: no memory"
    await stage.register(200, 200)
    await stage.look()
    assert "at most 100" in (await stage.activities())[0]["StatusMessage"]


async def test_an_alarm_that_stands_triggers_its_policy_minute_by_minute(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 2},
    ]
    arn = await stage.follow("p", "StepScaling", AdjustmentType="ChangeInCapacity", StepAdjustments=steps, Cooldown=60)
    data = {"recentDatapoints": [80.0, 95.0], "threshold": 80.0}
    doc = {"AlarmActions": [arn], "Threshold": 80.0, "StateReasonData": json.dumps(data)}
    alarm = await stage.rows.write(lambda tx: tx.insert("alarm", SCOPE, "busy", doc, arn="arn:alarm", status="ALARM"))
    assert await stage.scaled() == 3
    assert (await stage.activities())[0]["Cause"] == "monitor alarm busy in state ALARM triggered policy p"
    stage.now += 30
    assert await stage.scaled() == 3
    stage.now += 31
    assert await stage.scaled() == 5
    await stage.rows.write(lambda tx: tx.update(alarm, status="OK"))
    stage.now += 600
    assert await stage.scaled() == 5


@pytest.mark.parametrize("data", [{"recentDatapoints": ["x"]}, {"recentDatapoints": 5}, [1], "[" * 4000])
async def test_an_alarm_that_was_set_by_hand_may_say_anything(stage: Stage, data: object) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    step = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 4}]
    arn = await stage.follow("p", "StepScaling", AdjustmentType="ExactCapacity", StepAdjustments=step)
    text = data if isinstance(data, str) else json.dumps(data)
    doc = {"AlarmActions": [arn], "Threshold": 80.0, "StateReasonData": text}
    await stage.rows.write(lambda tx: tx.insert("alarm", SCOPE, "busy", doc, arn="arn:alarm", status="ALARM"))
    assert await stage.scaled() == 4


@pytest.mark.parametrize(("status", "pause"), [("Updating", 0.5), ("RollingBack", 0.5), ("Failed", 60)])
async def test_an_endpoint_that_goes_nowhere_is_looked_at_once_a_minute(
    stage: Stage, status: str, pause: float
) -> None:
    await stage.endpoint()
    await stage.register(2, 6)
    await stage.rows.write(lambda tx: tx.update(tx.find(KIND, SCOPE, "e"), status=status))
    assert await stage.look() == pause
    assert await stage.activities() == []


async def test_a_change_of_an_endpoint_that_was_changed_meanwhile_is_refused(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    change = {"VariantName": "V", "DesiredWeight": 5.0}
    find = endpoints.find

    async def late(ctx: Context, name: str) -> Row:
        row = await find(ctx, name)
        await stage.register(3, 6)
        assert await stage.scaled() == 3
        return row

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoints, "find", late)
        with pytest.raises(Invalid, match="Cannot update in-progress endpoint"):
            await endpoints.update_endpoint_weights_and_capacities(
                stage.ctx, {"EndpointName": "e", "DesiredWeightsAndCapacities": [change]}
            )
    assert (await stage.shown()).doc["_wanted"]["variants"][0]["count"] == 3


async def test_an_alarm_that_changes_is_heard_at_once(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6)
    step = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 4}]
    arn = await stage.follow("p", "StepScaling", AdjustmentType="ExactCapacity", StepAdjustments=step)
    assert await stage.scaled() == 1
    doc = {"AlarmActions": [arn], "StateTransitionedTimestamp": stage.now}
    alarm = await stage.rows.write(lambda tx: tx.insert("alarm", SCOPE, "busy", doc, arn="arn:alarm", status="ALARM"))
    assert await stage.scaled() == 1
    await stage.scaler.triggered(alarm, arn)
    assert await stage.scaled() == 4
    with pytest.raises(NotFound, match="no scaling policy"):
        await stage.scaler.triggered(alarm, arn + "x")


async def test_a_schedule_sets_bounds_when_it_is_due_and_again(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 2)
    given = {"ScheduledActionName": "morning", "Schedule": "rate(1 hour)", "StartTime": stage.now + 40}
    action = {"ScalableTargetAction": {"MinCapacity": 4}}
    await schedules.put_scheduled_action(stage.ctx, {**NAMES, **given, **action})
    assert await stage.look() == pytest.approx(40)
    stage.now += 40
    assert await stage.scaled() == 4
    assert {(each["Description"], each["Cause"]) for each in await stage.activities()} == {
        ("Setting desired instance count to 4.", "minimum capacity was set to 4"),
        ("Setting min capacity to 4 and max capacity to 4", "scheduled action name morning was triggered"),
    }
    await stage.register(1, 1)
    assert await stage.scaled() == 1
    stage.now += 3600
    assert await stage.scaled() == 4


async def test_what_is_suspended_does_not_happen(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register(1, 6, SuspendedState={"DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True})
    await stage.follow("p", "TargetTrackingScaling", **TRACKING)
    due = {"ScheduledActionName": "a", "Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": 2}}
    await schedules.put_scheduled_action(stage.ctx, {**NAMES, **due})
    stage.load(280, minutes=3)
    assert await stage.scaled() == 1
    await stage.register(SuspendedState={"DynamicScalingOutSuspended": False})
    stage.load(280)
    assert await stage.scaled() == 3


async def test_a_target_goes_with_its_endpoint_and_takes_its_policies_along(stage: Stage) -> None:
    await stage.endpoint()
    await stage.register()
    await stage.follow("p", "TargetTrackingScaling", **TRACKING)
    row = await stage.shown()
    await stage.rows.write(lambda tx: tx.delete(row))
    await stage.endpoint(_id="another")
    assert await stage.look() is None
    asked = {"ServiceNamespace": "sagemaker"}
    assert (await targets.describe_scalable_targets(stage.ctx, asked))["ScalableTargets"] == []
    assert (await policies.describe_scaling_policies(stage.ctx, asked))["ScalingPolicies"] == []


async def test_a_serverless_variant_has_concurrency_to_scale(stage: Stage) -> None:
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 5, "ProvisionedConcurrency": 1}
    await stage.endpoint(spec={"ServerlessConfig": config})
    with pytest.raises(Invalid, match="serverless ones provisioned concurrency"):
        await stage.register()
    own = {**NAMES, "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
    await targets.register_scalable_target(stage.ctx, {**own, "MinCapacity": 3, "MaxCapacity": 5})
    row = await stage.rows.find(TARGET, SCOPE, f"{own['ResourceId']}|{own['ScalableDimension']}")
    await stage.scaler.look(row)
    wanted = (await stage.shown()).doc["_wanted"]["variants"][0]
    assert (wanted["count"], wanted["spec"]["ServerlessConfig"]["ProvisionedConcurrency"]) == (3, 3)
    (running,) = await stage.activities()
    assert running["Description"] == "Setting desired provisioned concurrency to 3."


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"ResourceId": "endpoint/absent/variant/V"}, Invalid),
        ({"ResourceId": "variant/V"}, Invalid),
        ({"MinCapacity": 7}, Invalid),
        ({"MinCapacity": 0}, Invalid),
        ({"MaxCapacity": -1}, Invalid),
        ({"ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}, Invalid),
        ({"ScalableDimension": "ecs:service:DesiredCount"}, Invalid),
        ({"ServiceNamespace": "ecs"}, Unserved),
    ],
)
async def test_what_cannot_be_a_target_is_refused(stage: Stage, given: dict[str, Any], error: type[Fault]) -> None:
    await stage.endpoint()
    with pytest.raises(error):
        await targets.register_scalable_target(stage.ctx, {**NAMES, "MinCapacity": 1, "MaxCapacity": 6, **given})


async def test_an_asynchronous_endpoint_may_have_nothing_at_all(stage: Stage) -> None:
    await stage.endpoint(**{"async": {"OutputConfig": {}}})
    await stage.register(0, 2)
    found = await targets.describe_scalable_targets(stage.ctx, {"ServiceNamespace": "sagemaker"})
    assert found["ScalableTargets"][0]["MinCapacity"] == 0


def steps(*bounds: tuple[float | None, float | None], kind: str = "ChangeInCapacity", **more: Any) -> dict[str, Any]:
    names = ("MetricIntervalLowerBound", "MetricIntervalUpperBound")
    found = [
        {"ScalingAdjustment": 1, **{name: value for name, value in zip(names, pair, strict=True) if value is not None}}
        for pair in bounds
    ]
    return {"AdjustmentType": kind, "StepAdjustments": found, **more}


@pytest.mark.parametrize(
    ("kind", "config", "error"),
    [
        ("TargetTrackingScaling", {**TRACKING, "TargetValue": 0}, Invalid),
        ("TargetTrackingScaling", {"TargetValue": 1}, Invalid),
        ("TargetTrackingScaling", {**TRACKING, **CUSTOM}, Invalid),
        ("TargetTrackingScaling", {**TRACKING, "ScaleInCooldown": -1}, Invalid),
        (
            "TargetTrackingScaling",
            {"TargetValue": 1, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}},
            Unserved,
        ),
        ("StepScaling", steps(), Invalid),
        ("StepScaling", steps((None, None)), Invalid),
        ("StepScaling", steps((0, 10), (20, None)), Invalid),
        ("StepScaling", steps((0, 10), (5, None)), Invalid),
        ("StepScaling", steps((10, 0)), Invalid),
        ("StepScaling", steps((0, None), MinAdjustmentMagnitude=2), Invalid),
        ("PredictiveScaling", {}, Invalid),
    ],
)
async def test_a_policy_that_cannot_be_followed_is_refused(
    stage: Stage, kind: str, config: dict[str, Any], error: type[Fault]
) -> None:
    await stage.endpoint()
    await stage.register()
    with pytest.raises(error):
        await stage.follow("p", kind, **config)


async def test_what_is_not_there_is_told_in_awss_words(stage: Stage) -> None:
    await stage.endpoint()
    with pytest.raises(NotFound, match="No scalable target registered for service namespace: sagemaker, resource ID"):
        await stage.follow("p", "TargetTrackingScaling", **TRACKING)
    with pytest.raises(NotFound, match="No scaling policy found for service namespace: sagemaker"):
        await policies.delete_scaling_policy(stage.ctx, {**NAMES, "PolicyName": "p"})
    with pytest.raises(NotFound, match="No scheduled action found"):
        await schedules.delete_scheduled_action(stage.ctx, {**NAMES, "ScheduledActionName": "a"})
    with pytest.raises(NotFound, match="No scalable target registered"):
        await targets.deregister_scalable_target(stage.ctx, NAMES)
