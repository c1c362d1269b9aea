"""Scheduled actions: a target's bounds, changed at set times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from potager.deploy.scaling import timetable
from potager.deploy.scaling.scaler import Scaler, following
from potager.deploy.scaling.service import ACTION, Named, Output, Req, autoscaling, described, target
from potager.kernel import clock, ids
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, NotFound
from potager.store.rows import Row, Rows, Tx


@autoscaling.operation
async def put_scheduled_action(ctx: Context, req: Req) -> None:
    """Has a target's bounds change at a moment, or again and again."""
    named, name = Named.of(req), req["ScheduledActionName"]

    def write(tx: Tx) -> Row:
        of = target(tx, ctx.scope, named)
        found = tx.get(ACTION, ctx.scope, f"{named.key}|{name}")
        old: Mapping[str, Any] = found.doc if found else {}
        doc = {**named.members, "ScheduledActionName": name} | {
            member: req.get(member, old.get(member)) for member in ("Schedule", "Timezone", "ScalableTargetAction")
        }
        doc |= {member: _seconds(req[member]) for member in ("StartTime", "EndTime") if member in req}
        doc = {member: value for member, value in doc.items() if value is not None}
        doc["_due"] = _first(doc)
        if found is not None:
            tx.update(found, doc=doc)
            return of
        resource = f"scheduledAction:{ids.request_id()}:resource/sagemaker/{named.resource}:scheduledActionName/{name}"
        tx.insert(ACTION, ctx.scope, f"{named.key}|{name}", doc, arn=ctx.arn(resource, "autoscaling"))
        return of

    ctx[Scaler].wake(await ctx[Rows].write(write))


def _seconds(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else moment


def _first(doc: dict[str, Any]) -> float | None:
    """When an action is due for the first time; `Invalid` for one that cannot be."""
    if "Schedule" not in doc or not doc.get("ScalableTargetAction"):
        raise Invalid("Schedule and ScalableTargetAction are required for a new scheduled action.")
    action: Mapping[str, int] = doc["ScalableTargetAction"]
    least, most = action.get("MinCapacity"), action.get("MaxCapacity")
    if (least or 0) < 0 or (most or 0) < 0 or (least is not None and most is not None and least > most):
        raise Invalid(f"ScalableTargetAction goes from {least} to {most}. Give capacities from 0 that fit together.")
    now = clock.now()
    if "EndTime" in doc and doc["EndTime"] <= max(now, doc.get("StartTime", now)):
        raise Invalid("EndTime must be in the future, and after StartTime.")
    doc["_begin"] = doc.get("StartTime", now)
    due = following(doc, now)
    if due is None and isinstance(timetable.parsed(doc["Schedule"], doc.get("Timezone")), timetable.Once):
        raise Invalid(f"{doc['Schedule']} is not in the future. Give a later moment.")
    return due


@autoscaling.operation
async def describe_scheduled_actions(ctx: Context, req: Req) -> Output:
    """The scheduled actions of a target, a resource or all."""
    wanted: list[str] = req.get("ScheduledActionNames", [])
    rows, token = await described(ctx, ACTION, req)
    shown = [
        {**row.doc, "ScheduledActionARN": row.arn, "CreationTime": row.created}
        for row in rows
        if not wanted or row.doc["ScheduledActionName"] in wanted
    ]
    return {"ScheduledActions": shown, "NextToken": token}


@autoscaling.operation
async def delete_scheduled_action(ctx: Context, req: Req) -> None:
    """Takes a schedule off a target; its bounds stay as they are."""
    named, name = Named.of(req), req["ScheduledActionName"]

    def write(tx: Tx) -> None:
        found = tx.get(ACTION, ctx.scope, f"{named.key}|{name}")
        if found is None:
            raise NotFound(f"No scheduled action found for {named.text}, scheduled action name: {name}")
        tx.delete(found)

    await ctx[Rows].write(write)
