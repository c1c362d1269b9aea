"""What policies look at: metrics, and alarms that name a policy.

A variant without requests has no points: its predefined metrics are 0 then, as SageMaker reports them for the sake of
scaling. A customized metric without points says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from potager.deploy import telemetry
from potager.deploy.scaling.capacity import Variant
from potager.deploy.scaling.decisions import POINTS_IN
from potager.deploy.telemetry import MINUTE
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, Unserved
from potager.kernel.names import Scope
from potager.store.metrics import Metrics
from potager.store.rows import Row, Tx

ALARM, STANDS = "alarm", "ALARM"
"""The kind of CloudWatch's alarms, and the status of one that stands."""


@dataclass(frozen=True, slots=True)
class Predefined:
    """A metric of a variant. `period`: seconds of a point."""

    metric: str
    statistic: str
    period: int


PREDEFINED = {
    "SageMakerVariantInvocationsPerInstance": Predefined("InvocationsPerInstance", "Sum", MINUTE),
    "SageMakerVariantProvisionedConcurrencyUtilization": Predefined(
        "ServerlessProvisionedConcurrencyUtilization", "Maximum", MINUTE
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
        "ConcurrentRequestsPerModel", "Average", telemetry.brief(MINUTE)
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": Predefined("InvocationsPerCopy", "Sum", MINUTE),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": Predefined(
        "ConcurrentRequestsPerCopy", "Average", telemetry.brief(MINUTE)
    ),
}


def check(config: Mapping[str, Any]) -> None:
    """`Invalid` or `Unserved` for a target tracking policy whose metric cannot be read."""
    predefined: Mapping[str, Any] = config.get("PredefinedMetricSpecification") or {}
    custom: Mapping[str, Any] = config.get("CustomizedMetricSpecification") or {}
    if bool(predefined) == bool(custom):
        raise Invalid("Give one of PredefinedMetricSpecification and CustomizedMetricSpecification.")
    if predefined:
        kind = predefined["PredefinedMetricType"]
        if kind not in PREDEFINED:
            known = ", ".join(PREDEFINED)
            raise Unserved(f"Potager does not scale by {kind}. Use one of {known}, or a customized metric.")
        return
    if custom.get("Metrics"):
        if sum(each.get("ReturnData", True) for each in custom["Metrics"]) != 1:
            raise Invalid("Exactly one of CustomizedMetricSpecification's Metrics must have ReturnData true.")
        return
    missing = [name for name in ("MetricName", "Namespace", "Statistic") if not custom.get(name)]
    if missing:
        raise Invalid(f"CustomizedMetricSpecification needs {missing[0]}.")


def period(config: Mapping[str, Any], minute: int) -> int:
    """Seconds of a point of a target tracking policy's metric, where a minute has so many."""
    predefined = config.get("PredefinedMetricSpecification")
    return max(PREDEFINED[predefined["PredefinedMetricType"]].period * minute // MINUTE, 1) if predefined else minute


async def points(
    ctx: Context, variant: Variant, config: Mapping[str, Any], every: int, since: float, now: float
) -> list[float | None]:
    """The last whole periods of a policy's metric, oldest first; those that began before `since` are None."""
    end = now // every * every
    moments = [end - every * number for number in range(POINTS_IN, 0, -1)]
    custom: Mapping[str, Any] = config.get("CustomizedMetricSpecification") or {}
    if custom.get("Metrics"):
        calculated = await _calculated(ctx, custom["Metrics"], moments[0], end, every)
        return [calculated.get(int(at)) if at >= since else None for at in moments]
    namespace, name, dimensions, statistic, unit, missing = _source(variant, config)
    found = await ctx[Metrics].query(ctx.scope, namespace, name, dimensions, moments[0], end, every, unit)
    values = {point.at: point.values.statistic(statistic) for point in found}
    return [values.get(at, missing) if at >= since else None for at in moments]


async def _calculated(
    ctx: Context, queries: Sequence[Mapping[str, Any]], start: float, end: float, every: int
) -> dict[int, float]:
    """The values of metric math by their moments, as CloudWatch works them out."""
    asked = [
        {**query, "MetricStat": {**query["MetricStat"], "Period": every}} if "MetricStat" in query else query
        for query in queries
    ]
    span = {"StartTime": datetime.fromtimestamp(start, UTC), "EndTime": datetime.fromtimestamp(end, UTC)}
    answer = await ctx.call("cloudwatch", "GetMetricData", {"MetricDataQueries": asked, **span})
    found: dict[int, float] = {}
    for result in answer["MetricDataResults"]:
        found |= {_seconds(at): value for at, value in zip(result["Timestamps"], result["Values"], strict=True)}
    return found


def _seconds(moment: datetime | float) -> int:
    return int(moment.timestamp() if isinstance(moment, datetime) else moment)


def _source(
    variant: Variant, config: Mapping[str, Any]
) -> tuple[str, str, dict[str, str], str, str | None, float | None]:
    """A metric's namespace, name, dimensions, statistic and unit, and what it is where nothing was reported."""
    if predefined := config.get("PredefinedMetricSpecification"):
        one = PREDEFINED[predefined["PredefinedMetricType"]]
        return "AWS/SageMaker", one.metric, variant.dimensions, one.statistic, None, 0.0
    custom: Mapping[str, Any] = config["CustomizedMetricSpecification"]
    names = {each["Name"]: each["Value"] for each in custom.get("Dimensions", ())}
    return custom["Namespace"], custom["MetricName"], names, custom["Statistic"], custom.get("Unit"), None


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm that stands, and by how much its metric is beyond its threshold."""

    name: str
    breach: float


def standing(tx: Tx, scope: Scope, policies: Mapping[str, Row]) -> dict[str, Standing]:
    """The alarms that stand and have a policy for an action, by the policy's ARN; of several the first."""
    found: dict[str, Standing] = {}
    for row in tx.where(ALARM, (STANDS,)) if policies else ():
        if row.scope != scope or not row.doc.get("ActionsEnabled", True):
            continue
        for action in row.doc.get("AlarmActions", ()):
            if action in policies:
                found.setdefault(action, Standing(row.name, _breach(row)))
    return found


def _breach(row: Row) -> float:
    """How far the metric of an alarm is from its threshold; 0 for one that was set by hand, with whatever data."""
    threshold = row.doc.get("Threshold")
    try:
        data = json.loads(row.doc.get("StateReasonData") or "{}")
        recent = [float(each) for each in data.get("recentDatapoints", ()) if each is not None]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return 0.0
    return recent[-1] - float(threshold) if recent and threshold is not None else 0.0
