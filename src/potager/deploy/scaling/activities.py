"""What was done to a target and why: rows that are written with the change itself, kept for six weeks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.deploy.scaling.decisions import Change
from potager.deploy.scaling.service import ACTIVITY, Named, Output, Req, autoscaling, described
from potager.kernel import clock, ids
from potager.kernel.context import Context
from potager.kernel.names import Scope, arn
from potager.store.pages import Page
from potager.store.rows import Row, Tx
from potager.wire.service import partly

KEPT_FOR = 42 * 86_400.0
"""Seconds that an activity is kept."""
LATEST, SOME = 20, 100
"""Activities that decisions look back on, and old ones that go at once."""
RUNNING, DONE, FAILED, OVERRIDDEN = "InProgress", "Successful", "Failed", "Overridden"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a capacity changes: what an activity says, and the policy that asked, "" for none."""

    text: str
    policy: str = ""


@autoscaling.operation
@partly("activities that scaled; no NotScaledReasons")
async def describe_scaling_activities(ctx: Context, req: Req) -> Output:
    """What was done in the last six weeks, newest first."""
    rows, token = await described(ctx, ACTIVITY, req)
    shown = [{**row.doc, "ActivityId": row.name, "StatusCode": row.status} for row in rows]
    return {"ScalingActivities": shown, "NextToken": token}


def begin(tx: Tx, scope: Scope, named: Named, noun: str, before: int, after: int, cause: Cause) -> Row:
    """Writes down that a capacity is on its way to another."""
    waits = f"Successfully set {noun} to {after}. Waiting for change to be fulfilled by sagemaker."
    doc: dict[str, Any] = {"Description": f"Setting {noun} to {after}.", "Cause": cause.text, "StatusMessage": waits}
    doc |= {"_noun": noun, "_from": before, "_to": after, "_policy": cause.policy}
    return _insert(tx, scope, named, doc, RUNNING)


def fail(tx: Tx, scope: Scope, named: Named, noun: str, after: int, cause: Cause, reason: str) -> Row:
    """Writes down that a capacity could not be asked for."""
    told = f"Failed to set {noun} to {after}. Reason: {reason}"
    doc = {"Description": f"Setting {noun} to {after}.", "Cause": cause.text, "StatusMessage": told}
    return _insert(tx, scope, named, {**doc, "EndTime": clock.now()}, FAILED)


def note(tx: Tx, scope: Scope, named: Named, what: str, cause: str) -> Row:
    """Writes down something that was done at once, such as `min capacity to 1 and max capacity to 4`."""
    doc = {"Description": f"Setting {what}", "Cause": cause, "StatusMessage": f"Successfully set {what}"}
    return _insert(tx, scope, named, {**doc, "EndTime": clock.now()}, DONE)


def end(tx: Tx, row: Row, status: str, reason: str = "") -> Row:
    """Writes down how an activity ended."""
    done = f"Successfully set {row.doc['_noun']} to {row.doc['_to']}. "
    messages = {
        DONE: done + "Change successfully fulfilled by sagemaker.",
        OVERRIDDEN: done + "Change overridden by another one.",
        FAILED: f"Failed to set {row.doc['_noun']} to {row.doc['_to']}. Reason: {reason}",
    }
    return tx.update(row, doc={**row.doc, "StatusMessage": messages[status], "EndTime": clock.now()}, status=status)


def _insert(tx: Tx, scope: Scope, named: Named, doc: Mapping[str, Any], status: str) -> Row:
    for old in tx.page(ACTIVITY, scope, Page(limit=SOME, created_before=clock.now() - KEPT_FOR))[0]:
        tx.delete(old)
    name = ids.request_id()
    whole = {**named.members, "StartTime": clock.now(), **doc}
    return tx.insert(ACTIVITY, scope, name, whole, arn=arn("autoscaling", scope, f"activity:{name}"), status=status)


def latest(tx: Tx, scope: Scope, named: Named) -> list[Row]:
    """The last activities of a target, oldest first."""
    page = Page(limit=LATEST, descending=True, where=named.where)
    return tx.page(ACTIVITY, scope, page)[0][::-1]


def changes(rows: list[Row]) -> list[Change]:
    """Those that changed a capacity, as decisions look at them."""
    return [
        Change(row.doc["_policy"], row.doc["_from"], row.doc["_to"], row.doc["EndTime"])
        for row in rows
        if row.status == DONE and "_to" in row.doc
    ]
