"""Inference components on the wire: Create, Describe, List, Update, UpdateRuntimeConfig, Delete.

An operation writes which deployment is wanted and wakes the host (`hosting.py`), which brings it up. Whether there is
room for it is found out in the transaction that writes it, so that two requests never get the same room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.deploy.components import room, specification
from potager.deploy.components.endpoints import bare
from potager.deploy.components.hosting import ComponentHost
from potager.deploy.components.room import KIND
from potager.deploy.endpoints import find as find_endpoint
from potager.deploy.hosting import KIND as ENDPOINT
from potager.kernel import ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, Invalid
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateInferenceComponentInputTypeDef,
        DeleteInferenceComponentInputTypeDef,
        DescribeInferenceComponentInputTypeDef,
        ListInferenceComponentsInputTypeDef,
        UpdateInferenceComponentInputTypeDef,
        UpdateInferenceComponentRuntimeConfigInputTypeDef,
    )

sagemaker = Service("sagemaker")


@sagemaker.operation
@partly("no adapters, no Specifications")
async def create_inference_component(ctx: Context, req: CreateInferenceComponentInputTypeDef) -> Mapping[str, Any]:
    """Deploys a model to an endpoint without models. It is `Creating` until every copy answers, then `InService`."""
    specification.check(dict(req))
    name, given = req["InferenceComponentName"], tags.checked(req.get("Tags", ()))
    arn = ctx.arn(f"inference-component/{name}")
    copies = req.get("RuntimeConfig", {"CopyCount": 1})["CopyCount"]
    specification.check_copies(copies, 1)
    endpoint = await find_endpoint(ctx, req["EndpointName"])
    variant = _variant(endpoint, req.get("VariantName"))
    spec = req.get("Specification")
    if not spec:
        raise Invalid("Specification is required. Say which model, and what a copy of it needs.")
    wanted = await specification.wanted(ctx, endpoint.doc["_wanted"], variant, spec, copies)
    doc: dict[str, Any] = {
        "InferenceComponentName": name,
        "InferenceComponentArn": arn,
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "VariantName": variant,
        "_id": ids.short(16),
        "_wanted": wanted,
        "_live": None,
    }

    def write(tx: Tx) -> Row:
        there = _endpoint(tx, endpoint)
        whole = {**doc, "_short": room.short(tx, there, wanted, name)}
        try:
            row = tx.insert(KIND, ctx.scope, name, whole, arn=arn, status="Creating")
        except Exists:
            raise Invalid(f'Cannot create already existing inference component "{arn}".') from None
        tx.tag(arn, given)
        return row

    ctx[ComponentHost].wake(await ctx[Rows].write(write))
    return {"InferenceComponentArn": arn}


def _variant(endpoint: Row, named: str | None) -> str:
    """The variant that a component goes to: the one that is named, or the only one."""
    known = [each["name"] for each in endpoint.doc["_wanted"]["variants"]]
    if not bare(endpoint.doc["_wanted"]):
        raise Invalid(
            f'Endpoint "{endpoint.arn}" serves models of its variants, and holds no inference components. Use an '
            "endpoint whose configuration names no ModelName."
        )
    if named is None and len(known) == 1:
        return known[0]
    if named is None or named not in known:
        said = f"has no variant '{named}'" if named else "has several variants: set VariantName"
        raise Invalid(f'Endpoint "{endpoint.arn}" {said}. Its variants: {", ".join(known)}.')
    return named


def _endpoint(tx: Tx, known: Row) -> Row:
    """The endpoint as it is now; `Invalid` where it is on its way out."""
    row = tx.get(ENDPOINT, known.scope, known.name)
    if row is None or row.doc["_id"] != known.doc["_id"] or row.status in ("Deleting", "Failed"):
        state = f"is {row.status}" if row is not None else "is gone"
        raise Invalid(f'Endpoint "{known.arn}" {state}, and takes no inference component. Use one that is InService.')
    return row


@sagemaker.operation
async def describe_inference_component(ctx: Context, req: DescribeInferenceComponentInputTypeDef) -> Mapping[str, Any]:
    """Everything known of one inference component."""
    return view(await find(ctx, req["InferenceComponentName"]))


@sagemaker.operation
async def list_inference_components(ctx: Context, req: ListInferenceComponentsInputTypeDef) -> Mapping[str, Any]:
    """The components of this account and region, newest first unless asked otherwise."""
    wanted = {"EndpointName": req.get("EndpointNameEquals"), "VariantName": req.get("VariantNameEquals")}
    where = {name: value for name, value in wanted.items() if value is not None}
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req, where=where)
    return {"InferenceComponents": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
@partly("all copies at once: no DeploymentConfig")
async def update_inference_component(ctx: Context, req: UpdateInferenceComponentInputTypeDef) -> Mapping[str, Any]:
    """Moves a component to another specification, another count, or both; it goes on answering meanwhile."""
    specification.check(dict(req))
    row = await find(ctx, req["InferenceComponentName"])
    (now,) = row.doc["_wanted"]["variants"]
    copies = req.get("RuntimeConfig", {"CopyCount": now["count"]})["CopyCount"]
    specification.check_copies(copies, 0)
    if "Specification" not in req:
        return await _scale(ctx, row, copies)
    endpoint = await find_endpoint(ctx, row.doc["EndpointName"])
    spec = specification.merged(now["spec"], req["Specification"])
    wanted = await specification.wanted(ctx, endpoint.doc["_wanted"], now["name"], spec, copies)
    return await _want(ctx, row, wanted)


@sagemaker.operation
async def update_inference_component_runtime_config(
    ctx: Context, req: UpdateInferenceComponentRuntimeConfigInputTypeDef
) -> Mapping[str, Any]:
    """Changes how many copies a component has, down to none."""
    copies = req["DesiredRuntimeConfig"]["CopyCount"]
    specification.check_copies(copies, 0)
    return await _scale(ctx, await find(ctx, req["InferenceComponentName"]), copies)


async def _scale(ctx: Context, row: Row, copies: int) -> Mapping[str, Any]:
    return await _want(ctx, row, scaled(row.doc["_wanted"], copies))


def scaled(deployment: Mapping[str, Any], copies: int) -> dict[str, Any]:
    """A component's deployment with another number of copies."""
    (variant,) = deployment["variants"]
    return {**deployment, "variants": [{**variant, "count": copies}]}


async def _want(ctx: Context, row: Row, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    def write(tx: Tx) -> Row:
        return want(tx, tx.find(KIND, ctx.scope, row.name), wanted)

    ctx[ComponentHost].wake(await ctx[Rows].write(write))
    return {"InferenceComponentArn": row.arn}


def want(tx: Tx, row: Row, wanted: Mapping[str, Any]) -> Row:
    """A component on its way to another deployment; `Invalid` while it is on its way already. Wake its host."""
    _settled(row, "update")
    endpoint = tx.find(ENDPOINT, row.scope, row.doc["EndpointName"])
    kept = {key: value for key, value in row.doc.items() if key != "FailureReason"}
    doc = {**kept, "_wanted": wanted, "_short": room.short(tx, endpoint, wanted, row.name)}
    return tx.update(row, doc=doc, status="Updating")


def _settled(row: Row, verb: str) -> None:
    if row.status in ("Creating", "Updating", "Deleting"):
        state = f"It is {row.status}. Wait until it is InService."
        raise Invalid(f'Cannot {verb} in-progress inference component "{row.arn}". {state}')


@sagemaker.operation
async def delete_inference_component(ctx: Context, req: DeleteInferenceComponentInputTypeDef) -> None:
    """Takes a component's copies down. Requests under way are answered first."""
    row = await find(ctx, req["InferenceComponentName"])

    def write(tx: Tx) -> Row:
        fresh = tx.find(KIND, ctx.scope, row.name)
        _settled(fresh, "delete")
        return tx.update(fresh, status="Deleting")

    ctx[ComponentHost].wake(await ctx[Rows].write(write))


async def find(ctx: Context, name: str) -> Row:
    """A component's row, or why there is none."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise Invalid(f'Could not find inference component "{ctx.arn(f"inference-component/{name}")}".')
    return row


def view(row: Row) -> dict[str, Any]:
    """A component as Describe shows it."""
    live, wanted = row.doc["_live"], row.doc["_wanted"]
    (shown,), (desired,) = (live or wanted)["variants"], wanted["variants"]
    return row.doc | {
        "InferenceComponentStatus": row.status,
        "Specification": _specification(shown["spec"], row.modified),
        "RuntimeConfig": {
            "DesiredCopyCount": desired["count"],
            "CurrentCopyCount": shown["count"] if live and row.status != "Failed" else 0,
        },
        "CreationTime": row.created,
        "LastModifiedTime": row.modified,
    }


def _specification(spec: Mapping[str, Any], at: float) -> dict[str, Any]:
    if "Container" not in spec:
        return dict(spec)
    image = spec["Container"]["Image"]
    deployed = {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": at}
    return {**spec, "Container": {**spec["Container"], "DeployedImage": deployed}}
