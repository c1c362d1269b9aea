"""Where an update stands, as DescribeEndpoint tells it: PendingDeploymentSummary and VariantStatus. Pure.

Source of the texts: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.deploy import lifecycle
from potager.deploy.traffic import plan
from potager.store.rows import Row

Document = Mapping[str, Any]


def pending(row: Row, now: float) -> dict[str, Any] | None:
    """The deployment that is on its way; None where the endpoint only changes in size, or not at all."""
    live, wanted = row.doc["_live"], row.doc["_wanted"]
    if row.status not in lifecycle.UNDER_WAY:
        return None
    if live is not None and live["revision"] == wanted["revision"]:
        return None
    shift: Document | None = row.doc.get("_shift")
    return {
        "EndpointConfigName": wanted["config"],
        "StartTime": shift["began"] if shift else row.modified,
        "ProductionVariants": [_variant(each, row, shift, now) for each in wanted["variants"]],
        "ShadowProductionVariants": [_variant(each, row, shift, now) for each in wanted.get("shadows", ())] or None,
    }


def _variant(variant: Document, row: Row, shift: Document | None, now: float) -> dict[str, Any]:
    images = [container["image"] for container in variant["containers"]]
    return {
        "VariantName": variant["name"],
        "DeployedImages": [
            {"SpecifiedImage": each, "ResolvedImage": each, "ResolutionTime": row.modified} for each in images
        ],
        "InstanceType": variant["spec"].get("InstanceType"),
        "CurrentWeight": variant["weight"],
        "DesiredWeight": variant["weight"],
        "CurrentInstanceCount": shift["active"].get(variant["name"], 0) if shift else 0,
        "DesiredInstanceCount": variant["count"],
        "VariantStatus": [_status(variant, row, shift, now)],
    }


def _status(variant: Document, row: Row, shift: Document | None, now: float) -> dict[str, Any]:
    if shift is None or row.doc["_live"] is None:
        return _told("Creating", f"Launching {variant['count']} instance(s).", row.modified)
    name, since = variant["name"], shift["since"]
    steps = plan.steps(shift["config"], row.doc["_live"], row.doc["_wanted"])
    at: int = shift["at"]
    active: int = shift["active"].get(name, 0)
    if shift["reason"]:
        return _told("Deleting", f"Terminating {active} instance(s).", since)
    following = steps[min(at + 1, len(steps) - 1)]
    if at >= 0 and now < since + steps[at].wait:
        step = steps[at]
        baked = f"Baking for {step.wait:g} seconds ({step.member}) with traffic enabled on"
        return _told("Baking", f"{baked} {step.stage} capacity of {active} instance(s).", since)
    launched = following.up.get(name, variant["count"]) - (steps[at].up.get(name, 0) if at >= 0 else 0)
    if launched > 0:
        return _told("Creating", f"Launching {launched} instance(s).", since)
    count = following.active.get(name, 0)
    return _told(
        "ActivatingTraffic", f"Activating traffic on {following.stage} capacity of {count} instance(s).", since
    )


def scaling(variant: Document, row: Row) -> list[dict[str, Any]] | None:
    """The status of a variant that is on its way to another size; None where it is not."""
    wanted = row.doc["_wanted"]
    if row.status != "Updating" or row.doc["_live"]["revision"] != wanted["revision"]:
        return None
    count = next((each["count"] for each in wanted["variants"] if each["name"] == variant["name"]), variant["count"])
    way = "out" if count > variant["count"] else "in"
    text = f"Scaling {way} desired instance count to {count}." if count != variant["count"] else "Changing weights."
    return [_told("Updating", text, row.modified)]


def _told(status: str, message: str, since: float) -> dict[str, Any]:
    return {"Status": status, "StatusMessage": message, "StartTime": since}
