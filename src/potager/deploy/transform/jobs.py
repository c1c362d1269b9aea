"""Transform jobs on the wire: Create, Describe, List, Stop.

An operation writes what is wanted and wakes the runner (`runner.py`); it never does the work itself. A job keeps a copy
of what its model said, so that the model can be deleted while the job goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.deploy import artifact, containers, models
from potager.deploy.transform import plan
from potager.deploy.transform.runner import ACTIVE, KIND, TransformRunner
from potager.kernel import ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, Invalid, Unserved, WireError
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.store.settling import settled
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateTransformJobRequestTypeDef,
        DescribeTransformJobRequestTypeDef,
        ListTransformJobsRequestTypeDef,
        StopTransformJobRequestTypeDef,
    )

sagemaker = Service("sagemaker")


@sagemaker.operation
@partly("the images that endpoints serve; no TFRecord, AugmentedManifestFile, Converse or DataCaptureConfig")
async def create_transform_job(ctx: Context, req: CreateTransformJobRequestTypeDef) -> Mapping[str, Any]:
    """Starts a transform job. `ResourceInUse` for a name that is taken, "Could not find model" without the model."""
    name = req["TransformJobName"]
    arn = ctx.arn(f"transform-job/{name}")
    if req.get("DataCaptureConfig"):
        raise Unserved("DataCaptureConfig is not served for a transform job yet. Leave it out.")
    model = await models.find(ctx, req["ModelName"])
    doc = _document(dict(req), arn, model)
    given = tags.checked(req.get("Tags", ()))

    def write(tx: Tx) -> Row:
        try:
            row = tx.insert(KIND, ctx.scope, name, doc, arn=arn, status="InProgress")
        except Exists:
            raise Exists(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({arn}). Choose another name."
            ) from None
        tx.tag(arn, given)
        return row

    ctx[TransformRunner].wake(await ctx[Rows].write(write))
    return {"TransformJobArn": arn}


def _document(req: dict[str, Any], arn: str, model: Row) -> dict[str, Any]:
    plan.read(req)
    found = _containers(model)
    req.pop("Tags", None)
    return req | {
        "TransformJobArn": arn,
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **req["TransformInput"]},
        "TransformOutput": {"AssembleWith": "None", **req["TransformOutput"]},
        "DataProcessing": {
            "InputFilter": "$",
            "OutputFilter": "$",
            "JoinSource": "None",
            **req.get("DataProcessing", {}),
        },
        "_id": f"tr-{ids.short(16)}",
        "_models": [
            {
                "name": containers.name(container, number) if len(found) > 1 else "primary",
                "image": container["Image"],
                "data": artifact.data(container),
                "environment": {**container.get("Environment", {}), **req.get("Environment", {})},
                "isolated": model.doc["EnableNetworkIsolation"],
            }
            for number, container in enumerate(found, 1)
        ],
    }


def _containers(model: Row) -> list[containers.Container]:
    """The containers that a job's records go through; AWS refuses such as need to be named by a request, too."""
    found = containers.of(model.doc)
    if not containers.serial(model.doc):
        raise Invalid(f"Model {model.name} is of the mode Direct. A transform job needs a model of the mode Serial.")
    if any(map(containers.many, found)):
        raise Invalid(f"Model {model.name} has a multi-model container, which a transform job cannot serve.")
    return found


@sagemaker.operation
async def describe_transform_job(ctx: Context, req: DescribeTransformJobRequestTypeDef) -> Mapping[str, Any]:
    """Everything known of one transform job."""
    row = await settled(ctx, await find(ctx, req["TransformJobName"]), ACTIVE)
    return view(row or await find(ctx, req["TransformJobName"]))


@sagemaker.operation
async def list_transform_jobs(ctx: Context, req: ListTransformJobsRequestTypeDef) -> Mapping[str, Any]:
    """The transform jobs of this account and region, newest first unless asked otherwise."""
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req)
    return {"TransformJobSummaries": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
async def stop_transform_job(ctx: Context, req: StopTransformJobRequestTypeDef) -> None:
    """Asks a job to stop. Objects that are finished keep their outputs; a job that ended is left alone."""
    row = await find(ctx, req["TransformJobName"])

    def write(tx: Tx) -> Row:
        fresh = tx.get(KIND, ctx.scope, row.name) or row
        if fresh.status != "InProgress":
            return fresh
        return tx.update(fresh, status="Stopping")

    ctx[TransformRunner].wake(await ctx[Rows].write(write))


async def find(ctx: Context, name: str) -> Row:
    """A job's row; AWS answers `ValidationException` for an absent one, though the model lists another code."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        message = (
            f"Requested resource not found: transform job {name} in {ctx.region}. ListTransformJobs names those here."
        )
        raise WireError("ValidationException", message)
    return row


def view(row: Row) -> dict[str, Any]:
    """A job as Describe shows it; the wire drops what a shape does not know."""
    return row.doc | {
        "TransformJobStatus": row.status,
        "CreationTime": row.created,
        "LastModifiedTime": row.modified,
    }
