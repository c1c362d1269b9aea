"""Scalable targets: which dimension of which variant may be scaled, and between which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.deploy.components import room
from potager.deploy.scaling.capacity import Variant
from potager.deploy.scaling.scaler import Scaler, forget
from potager.deploy.scaling.service import (
    SERVED,
    TARGET,
    Named,
    Output,
    Req,
    autoscaling,
    described,
    target,
)
from potager.kernel import ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, WireError
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

ROLE = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@autoscaling.operation
@partly("SageMaker's endpoints: instances and provisioned concurrency of variants, copies of components")
async def register_scalable_target(ctx: Context, req: Req) -> Output:
    """Lets a variant be scaled between two bounds, or changes them; it is brought between them at once."""
    named = Named.of(req)
    variant = Variant.of(named)
    given = tags.checked({"Key": key, "Value": value} for key, value in req.get("Tags", {}).items())
    role = f"role/aws-service-role/{SERVED}.application-autoscaling.amazonaws.com/{ROLE}"

    def write(tx: Tx) -> Row:
        endpoint = variant.row(tx, ctx.scope)
        if endpoint is None:
            raise Invalid(
                f"Unable to find {named.resource} with the dimension {named.dimension}. Create the endpoint first; "
                "variants have instances, serverless ones provisioned concurrency."
            )
        found = tx.get(TARGET, ctx.scope, named.key)
        if found is not None and found.doc["_endpoint"] != endpoint.doc["_id"]:
            found = forget(tx, found)  # of an earlier endpoint of that name
        old: Mapping[str, Any] = found.doc if found else {"RoleARN": f"arn:aws:iam::{ctx.account}:{role}"}
        doc = {**named.members, **old, **{name: req[name] for name in ("MinCapacity", "MaxCapacity") if name in req}}
        state: Any = doc.get("SuspendedState", dict.fromkeys(SUSPENDED, False))
        state = {**state, **req.get("SuspendedState", {})}
        doc |= {"RoleARN": req.get("RoleARN", doc["RoleARN"]), "SuspendedState": state}
        doc |= {"_bound": True, "_endpoint": endpoint.doc["_id"]}
        _check(doc, zero=endpoint.kind == room.KIND or bool(endpoint.doc["_wanted"].get("async")))
        if found is not None:
            if given:
                raise Invalid("The target exists already. Use TagResource for its tags.")
            return tx.update(found, doc=doc)
        arn = ctx.arn(f"scalable-target/{ids.short(32)}", "application-autoscaling")
        row = tx.insert(TARGET, ctx.scope, named.key, doc, arn=arn, status="Active")
        tx.tag(arn, given)
        return row

    row = await ctx[Rows].write(write)
    ctx[Scaler].wake(row)
    return {"ScalableTargetARN": row.arn}


def _check(doc: Mapping[str, Any], *, zero: bool) -> None:
    missing = [name for name in ("MinCapacity", "MaxCapacity") if name not in doc]
    if missing:
        raise Invalid(f"{missing[0]} is required for a target that is not registered yet.")
    least, most = doc["MinCapacity"], doc["MaxCapacity"]
    if least < 0 or most < 0:
        raise Invalid("Capacities cannot be below 0.")
    if least > most:
        raise Invalid(f"Maximum capacity cannot be less than minimum capacity: {most} and {least} were given.")
    if not least and not zero:
        raise Invalid(
            "MinCapacity is 0, which only components and variants of asynchronous endpoints can have. Give 1 or more."
        )


@autoscaling.operation
async def describe_scalable_targets(ctx: Context, req: Req) -> Output:
    """What may be scaled, and between which bounds."""
    wanted: list[str] = req.get("ResourceIds", [])
    rows, token = await described(ctx, TARGET, {name: value for name, value in req.items() if name != "ResourceIds"})
    shown = [
        {**row.doc, "CreationTime": row.created, "ScalableTargetARN": row.arn}
        for row in rows
        if not wanted or row.doc["ResourceId"] in wanted
    ]
    return {"ScalableTargets": shown, "NextToken": token}


@autoscaling.operation
async def deregister_scalable_target(ctx: Context, req: Req) -> None:
    """Ends the scaling of a variant: its policies and schedules go, its capacity stays."""
    named = Named.of(req)
    await ctx[Rows].write(lambda tx: forget(tx, target(tx, ctx.scope, named)))


def _tagged(ctx: Context, tx: Tx, arn: str) -> Row:
    row = tx.by_arn(arn)
    if row is None or row.kind != TARGET or row.scope != ctx.scope:
        text = f"No scalable target has the ARN {arn}."
        raise WireError("ResourceNotFoundException", text, fields={"ResourceName": arn})
    return row


@autoscaling.operation
async def tag_resource(ctx: Context, req: Req) -> None:
    """Adds tags to a target, or sets them anew."""
    given = tags.checked({"Key": key, "Value": value} for key, value in req["Tags"].items())

    def write(tx: Tx) -> None:
        row = _tagged(ctx, tx, req["ResourceARN"])
        tx.tag(row.arn, given)

    await ctx[Rows].write(write)


@autoscaling.operation
async def untag_resource(ctx: Context, req: Req) -> None:
    """Takes tags off a target; those that it does not have are passed over."""
    await ctx[Rows].write(lambda tx: tx.untag(_tagged(ctx, tx, req["ResourceARN"]).arn, req["TagKeys"]))


@autoscaling.operation
async def list_tags_for_resource(ctx: Context, req: Req) -> Output:
    """A target's tags."""
    return {"Tags": await ctx[Rows].read(lambda tx: tx.tags(_tagged(ctx, tx, req["ResourceARN"]).arn))}
