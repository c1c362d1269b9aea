"""Endpoints on the wire: Create, Describe, List, Update, UpdateWeightsAndCapacities, Delete.

An operation writes which deployment is wanted (`deployment.py`) and wakes the host (`hosting.py`), which brings it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.deploy import deployment, lifecycle, serverless
from potager.deploy.capture import terms
from potager.deploy.components import room
from potager.deploy.hosting import KIND, Host
from potager.deploy.traffic import alarms, plan, policy, standing
from potager.kernel import clock, ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Invalid
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.store.settling import settled
from potager.wire.service import Service

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateEndpointInputTypeDef,
        DeleteEndpointInputTypeDef,
        DescribeEndpointInputTypeDef,
        ListEndpointsInputTypeDef,
        UpdateEndpointInputTypeDef,
        UpdateEndpointWeightsAndCapacitiesInputTypeDef,
    )

sagemaker = Service("sagemaker")
MOVING = (*lifecycle.UNDER_WAY, "Deleting")
"""Statuses of an endpoint that is on its way somewhere."""


@sagemaker.operation
async def create_endpoint(ctx: Context, req: CreateEndpointInputTypeDef) -> Mapping[str, Any]:
    """Brings an endpoint up. It is `Creating` until every instance answers, then `InService`."""
    name = req["EndpointName"]
    arn = ctx.arn(f"endpoint/{name.lower()}")
    wanted = await deployment.made(ctx, req["EndpointConfigName"])
    config = await _deployment_config(ctx, dict(req), wanted)
    doc = {"EndpointName": name, "EndpointArn": arn, "_id": ids.short(16), "_wanted": wanted, "_live": None, **config}
    given = tags.checked(req.get("Tags", ()))

    def write(tx: Tx) -> Row:
        if tx.by_arn(arn) is not None:  # names differ by more than case, as on AWS
            raise Invalid(f'Cannot create already existing endpoint "{arn}".')
        row = tx.insert(KIND, ctx.scope, name, doc, arn=arn, status="Creating")
        tx.tag(arn, given)
        return row

    ctx[Host].wake(await ctx[Rows].write(write))
    return {"EndpointArn": arn}


@sagemaker.operation
async def describe_endpoint(ctx: Context, req: DescribeEndpointInputTypeDef) -> Mapping[str, Any]:
    """Everything known of one endpoint."""
    row = await settled(ctx, await find(ctx, req["EndpointName"]), MOVING)
    return view(row or await find(ctx, req["EndpointName"]))


@sagemaker.operation
async def list_endpoints(ctx: Context, req: ListEndpointsInputTypeDef) -> Mapping[str, Any]:
    """The endpoints of this account and region, newest first unless asked otherwise."""
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req)
    return {"Endpoints": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
async def update_endpoint(ctx: Context, req: UpdateEndpointInputTypeDef) -> Mapping[str, Any]:
    """Moves an endpoint to another configuration: at once when the new fleet is up, or as its DeploymentConfig says."""
    row = await find(ctx, req["EndpointName"])
    wanted = await deployment.made(ctx, req["EndpointConfigName"])
    if req.get("RetainAllVariantProperties"):
        excluded = [each["VariantPropertyType"] for each in req.get("ExcludeRetainedVariantProperties", ())]
        wanted = policy.retained(wanted, row.doc["_wanted"], excluded)
    config = await _deployment_config(ctx, dict(req), wanted, row)
    return await _want(ctx, row, wanted, config)


async def _deployment_config(
    ctx: Context, req: Mapping[str, Any], wanted: Mapping[str, Any], row: Row | None = None
) -> dict[str, Any]:
    """The LastDeploymentConfig of a request: its own, or the endpoint's where that is retained; `Invalid` if unfit."""
    config = req.get("DeploymentConfig")
    if config is None and row is not None and req.get("RetainDeploymentConfig"):
        config = row.doc.get("LastDeploymentConfig")
    if not config:
        return {}
    policy.check(config, wanted, row.doc["_live"] if row else None)
    await alarms.check(ctx[Rows], ctx.scope, config)
    return {"LastDeploymentConfig": config}


@sagemaker.operation
async def update_endpoint_weights_and_capacities(
    ctx: Context, req: UpdateEndpointWeightsAndCapacitiesInputTypeDef
) -> Mapping[str, Any]:
    """Changes the share of the traffic and the number of instances of an endpoint's variants."""
    row = await find(ctx, req["EndpointName"])
    if row.status == "UpdateRollbackFailed":
        raise Invalid(f'Endpoint "{row.arn}" is UpdateRollbackFailed. Update it to a configuration that works first.')
    wanted = deployment.reweighed(row.doc["_wanted"], req["DesiredWeightsAndCapacities"])
    return await _want(ctx, row, wanted, {})


async def _want(ctx: Context, row: Row, wanted: Mapping[str, Any], config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Has an endpoint become what is `wanted`, which was made of `row`."""

    def write(tx: Tx) -> Row:
        fresh = tx.get(KIND, ctx.scope, row.name) or row
        if fresh.doc["_wanted"] != row.doc["_wanted"]:
            raise Invalid(f'Cannot update in-progress endpoint "{row.arn}". It was updated just now. Try again.')
        return want(tx, fresh, wanted, config)

    ctx[Host].wake(await ctx[Rows].write(write))
    return {"EndpointArn": row.arn}


def want(tx: Tx, row: Row, wanted: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Row:
    """An endpoint that is on its way to another deployment; `Invalid` while it is on its way already. Wake its host."""
    _settled(row, "update")
    room.check(tx, row, wanted)
    live = plan.remainder(row.doc["_live"], row.doc.get("_shift"))
    shift = plan.begun(config["LastDeploymentConfig"], live, clock.now()) if config else None
    kept = {key: value for key, value in row.doc.items() if key != "FailureReason"}
    doc = {**kept, **(config or {}), "_live": live, "_wanted": wanted, "_shift": shift}
    return tx.update(row, doc=doc, status="Updating")


def _settled(row: Row, verb: str) -> None:
    """`Invalid` for an endpoint that is on its way somewhere, or that failed and can only be deleted."""
    if row.status in MOVING:
        state = f"Endpoint {row.name} is {row.status}. Wait until it is InService."
        raise Invalid(f'Cannot update in-progress endpoint "{row.arn}". {state}')
    if row.status == "Failed" and verb == "update":
        raise Invalid(f'Endpoint "{row.arn}" is Failed and cannot be updated. Delete it and create it again.')


@sagemaker.operation
async def delete_endpoint(ctx: Context, req: DeleteEndpointInputTypeDef) -> None:
    """Takes an endpoint down. Requests under way are answered first."""
    row = await find(ctx, req["EndpointName"])

    def write(tx: Tx) -> Row:
        fresh = tx.get(KIND, ctx.scope, row.name) or row
        _settled(fresh, "delete")
        if held := room.on(tx, fresh):
            names = ", ".join(each.name for each in held)
            said = f'Cannot delete endpoint "{fresh.arn}" with inference components.'
            raise Invalid(f"{said} Delete them first: {names}.")
        return tx.update(fresh, status="Deleting")

    ctx[Host].wake(await ctx[Rows].write(write))


async def find(ctx: Context, name: str) -> Row:
    """An endpoint's row, or the text that clients match."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise Invalid(f'Could not find endpoint "{ctx.arn(f"endpoint/{name.lower()}")}".')
    return row


def view(row: Row) -> dict[str, Any]:
    """An endpoint as Describe shows it."""
    live, wanted = row.doc["_live"], row.doc["_wanted"]
    return row.doc | {
        "EndpointStatus": row.status,
        "EndpointConfigName": (live or wanted)["config"],
        "ProductionVariants": _summaries("variants", row),
        "ShadowProductionVariants": _summaries("shadows", row),
        "PendingDeploymentSummary": standing.pending(row, clock.now()),
        "DataCaptureConfig": _capture((live or wanted)["capture"], live is not None),
        "AsyncInferenceConfig": (live or wanted).get("async"),
        "CreationTime": row.created,
        "LastModifiedTime": row.modified,
    }


def _capture(config: Mapping[str, Any] | None, answers: bool) -> dict[str, Any] | None:
    if config is None:
        return None
    enabled = terms.enabled(config)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled and answers else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def _summaries(key: str, row: Row) -> list[dict[str, Any]] | None:
    """The variants, or the shadows, that answer now; None where there are none."""
    live: Mapping[str, Any] = row.doc["_live"] or {}
    wanted: Mapping[str, Any] = row.doc["_wanted"]
    shift: Mapping[str, Any] = row.doc.get("_shift") or {}
    same = live.get("revision") == wanted["revision"]
    desired = {variant["name"]: variant for variant in (wanted if same else live).get(key, ())}
    kept: Mapping[str, int] = shift.get("kept", {}) if key == "variants" else {}
    return [
        _summary(each, desired.get(each["name"], each), row.modified)
        | ({"CurrentInstanceCount": kept[each["name"]]} if each["name"] in kept else {})
        | {"VariantStatus": standing.scaling(each, row)}
        for each in live.get(key, ())
    ] or None


def _summary(variant: Mapping[str, Any], desired: Mapping[str, Any], at: float) -> dict[str, Any]:
    images = [container["image"] for container in variant["containers"]]
    return {
        "VariantName": variant["name"],
        "DeployedImages": [{"SpecifiedImage": each, "ResolvedImage": each, "ResolutionTime": at} for each in images],
        "CurrentWeight": variant["weight"],
        "DesiredWeight": desired["weight"],
        **_capacity(variant, desired),
        **{name: variant["spec"].get(name) for name in ("ManagedInstanceScaling", "RoutingConfig")},
    }


def _capacity(variant: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """Instances, or what a serverless variant has in their place: a count of 0 and its configuration, as on AWS."""
    if config := serverless.config(variant):
        counts = {"CurrentInstanceCount": 0, "DesiredInstanceCount": 0}
        return {**counts, "CurrentServerlessConfig": config, "DesiredServerlessConfig": serverless.config(desired)}
    return {"CurrentInstanceCount": variant["count"], "DesiredInstanceCount": desired["count"]}
