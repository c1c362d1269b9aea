"""Scaling policies: what a target's capacity follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Any

from potager.deploy.scaling import readings
from potager.deploy.scaling.scaler import Scaler
from potager.deploy.scaling.service import POLICY, Named, Output, Req, autoscaling, described, target
from potager.kernel import ids
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, NotFound
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

STEP, TRACKING = "StepScaling", "TargetTrackingScaling"
CONFIGS = {STEP: "StepScalingPolicyConfiguration", TRACKING: "TargetTrackingScalingPolicyConfiguration"}
MOST_STEPS = 20


@autoscaling.operation
@partly("step scaling and target tracking; no CloudWatch alarms are made")
async def put_scaling_policy(ctx: Context, req: Req) -> Output:
    """Has a target's capacity follow a metric, or an alarm whose action is the policy's ARN."""
    named, name = Named.of(req), req["PolicyName"]

    def write(tx: Tx) -> tuple[Row, Row]:
        of = target(tx, ctx.scope, named)
        found = tx.get(POLICY, ctx.scope, f"{named.key}|{name}")
        kind = req.get("PolicyType") or (found.doc["PolicyType"] if found else STEP)
        if kind not in CONFIGS:
            raise Invalid(f"{kind} is not supported for {named.dimension}. Use {STEP} or {TRACKING}.")
        if found and found.doc["PolicyType"] != kind:
            raise Invalid(f"Policy {name} is of the type {found.doc['PolicyType']}. Delete it first, or name another.")
        config = req.get(CONFIGS[kind]) or (found.doc[CONFIGS[kind]] if found else None)
        if config is None:
            raise Invalid(f"A policy of the type {kind} needs a {CONFIGS[kind]}.")
        doc = {**named.members, "PolicyName": name, "PolicyType": kind, CONFIGS[kind]: _checked(kind, config)}
        if found is not None:
            return of, tx.update(found, doc=doc)
        resource = f"scalingPolicy:{ids.request_id()}:resource/sagemaker/{named.resource}:policyName/{name}"
        arn = ctx.arn(resource, "autoscaling")
        return of, tx.insert(POLICY, ctx.scope, f"{named.key}|{name}", doc, arn=arn)

    of, row = await ctx[Rows].write(write)
    ctx[Scaler].wake(of)
    return {"PolicyARN": row.arn, "Alarms": ()}


def _checked(kind: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A configuration as it rests; `Invalid` for one that cannot be followed."""
    for member in ("Cooldown", "ScaleInCooldown", "ScaleOutCooldown"):
        if config.get(member, 0) < 0:
            raise Invalid(f"{member} is {config[member]}. Give a number of seconds from 0.")
    if kind == STEP:
        _check_steps(config)
    else:
        if not 0 < config["TargetValue"] < inf:
            raise Invalid(f"TargetValue is {config['TargetValue']:g}. Give a value above 0.")
        readings.check(config)
    return config


def _check_steps(config: Mapping[str, Any]) -> None:
    if not config.get("AdjustmentType"):
        raise Invalid("AdjustmentType is required for step scaling.")
    steps: Sequence[Mapping[str, Any]] = config.get("StepAdjustments", ())
    if not 1 <= len(steps) <= MOST_STEPS:
        raise Invalid(f"StepAdjustments has {len(steps)} steps. Give 1 to {MOST_STEPS}.")
    if config.get("MinAdjustmentMagnitude") and config["AdjustmentType"] != "PercentChangeInCapacity":
        raise Invalid("MinAdjustmentMagnitude goes with PercentChangeInCapacity alone. Leave it out.")
    spans = sorted((s.get("MetricIntervalLowerBound", -inf), s.get("MetricIntervalUpperBound", inf)) for s in steps)
    for low, high in spans:
        if low >= high or ((low, high) == (-inf, inf) and len(steps) > 1):
            raise Invalid(f"A step goes from {low:g} to {high:g}. Its upper bound must be above its lower one.")
    if len(steps) == 1 and spans[0] == (-inf, inf):
        raise Invalid("At least one StepAdjustment must have a MetricIntervalLowerBound or MetricIntervalUpperBound.")
    for (_, high), (low, _) in pairwise(spans):
        if high != low:
            raise Invalid(f"StepAdjustments overlap or leave a gap between {high:g} and {low:g}. Have them meet.")


@autoscaling.operation
async def describe_scaling_policies(ctx: Context, req: Req) -> Output:
    """The policies of a target, a resource or all."""
    wanted: list[str] = req.get("PolicyNames", [])
    rows, token = await described(ctx, POLICY, req)
    shown = [
        row.doc | {"PolicyARN": row.arn, "Alarms": (), "CreationTime": row.created}
        for row in rows
        if not wanted or row.doc["PolicyName"] in wanted or row.arn in wanted
    ]
    return {"ScalingPolicies": shown, "NextToken": token}


@autoscaling.operation
async def delete_scaling_policy(ctx: Context, req: Req) -> None:
    """Has a target follow a policy no more; its capacity stays."""
    named, name = Named.of(req), req["PolicyName"]

    def write(tx: Tx) -> None:
        found = tx.get(POLICY, ctx.scope, f"{named.key}|{name}")
        if found is None:
            raise NotFound(f"No scaling policy found for {named.text}, policy name: {name}")
        tx.delete(found)

    await ctx[Rows].write(write)
