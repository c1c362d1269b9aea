"""Processing jobs on the wire: Create, Describe, List, Stop, Delete.

An operation writes what is wanted and wakes the runner (`runner.py`); it never does the work itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.kernel import ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, InUse, WireError
from potager.prepare.processing import lifecycle, served
from potager.prepare.processing.runner import ACTIVE, KIND, ProcessingRunner
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.store.settling import settled
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateProcessingJobRequestTypeDef,
        DeleteProcessingJobRequestTypeDef,
        DescribeProcessingJobRequestTypeDef,
        ListProcessingJobsRequestTypeDef,
        StopProcessingJobRequestTypeDef,
    )

sagemaker = Service("sagemaker")

DEFAULT_RUNTIME = 86400
"""Seconds a job may run when its StoppingCondition does not say."""


@sagemaker.operation
@partly("a ContainerEntrypoint, or the image profile; S3 inputs in File mode and S3 outputs")
async def create_processing_job(ctx: Context, req: CreateProcessingJobRequestTypeDef) -> Mapping[str, Any]:
    """Starts a processing job. `ResourceInUse` for a name that is taken."""
    name = req["ProcessingJobName"]
    arn = ctx.arn(f"processing-job/{name}")
    served.check(dict(req))
    given = tags.checked(req.get("Tags", ()))
    doc = _document(dict(req), arn)

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

    ctx[ProcessingRunner].wake(await ctx[Rows].write(write))
    return {"ProcessingJobArn": arn}


def _document(req: dict[str, Any], arn: str) -> dict[str, Any]:
    req.pop("Tags", None)
    document = req | {
        "ProcessingJobArn": arn,
        "ProcessingResources": {"ClusterConfig": _cluster(req["ProcessingResources"]["ClusterConfig"])},
        "StoppingCondition": req.get("StoppingCondition", {"MaxRuntimeInSeconds": DEFAULT_RUNTIME}),
        "_id": f"pr-{ids.short(16)}",
    }
    if "ProcessingInputs" in req:
        document["ProcessingInputs"] = [_input(one) for one in req["ProcessingInputs"]]
    if "ProcessingOutputConfig" in req:
        outputs = [{"AppManaged": False, **one} for one in req["ProcessingOutputConfig"]["Outputs"]]
        document["ProcessingOutputConfig"] = {**req["ProcessingOutputConfig"], "Outputs": outputs}
    return document


def _cluster(given: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster with its defaults; of several types that would do, the first is taken."""
    cluster = {"InstanceCount": 1, **given}
    if "InstancePreferences" in given:
        first = given["InstancePreferences"][0]
        cluster["SelectedInstanceType"] = first["InstanceType"]
        cluster["SelectedInstanceCount"] = first.get("InstanceCount", cluster["InstanceCount"])
    return cluster


def _input(given: Mapping[str, Any]) -> dict[str, Any]:
    source = {"S3DataDistributionType": "FullyReplicated", "S3InputMode": "File", "S3CompressionType": "None"}
    return {"AppManaged": False, **given, "S3Input": source | given["S3Input"]}


@sagemaker.operation
async def describe_processing_job(ctx: Context, req: DescribeProcessingJobRequestTypeDef) -> Mapping[str, Any]:
    """Everything known of one processing job."""
    row = await settled(ctx, await find(ctx, req["ProcessingJobName"]), ACTIVE)
    return view(row or await find(ctx, req["ProcessingJobName"]))


@sagemaker.operation
async def list_processing_jobs(ctx: Context, req: ListProcessingJobsRequestTypeDef) -> Mapping[str, Any]:
    """The processing jobs of this account and region, oldest first unless asked otherwise, as AWS has it."""
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req, descending=False)
    return {"ProcessingJobSummaries": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
async def stop_processing_job(ctx: Context, req: StopProcessingJobRequestTypeDef) -> None:
    """Asks a job to stop: SIGTERM, 120 seconds to write what it has, then SIGKILL."""
    row = await find(ctx, req["ProcessingJobName"])

    def write(tx: Tx) -> Row:
        fresh = tx.get(KIND, ctx.scope, row.name) or row
        if fresh.status in lifecycle.TERMINAL:
            text = f"The request was rejected because the processing job is in status {fresh.status}."
            raise WireError("ValidationException", text)
        return fresh if fresh.status == "Stopping" else tx.update(fresh, status="Stopping")

    ctx[ProcessingRunner].wake(await ctx[Rows].write(write))


@sagemaker.operation
async def delete_processing_job(ctx: Context, req: DeleteProcessingJobRequestTypeDef) -> None:
    """Forgets a job that has ended. Its outputs and logs stay."""
    row = await find(ctx, req["ProcessingJobName"])
    if row.status not in lifecycle.TERMINAL:
        raise InUse(f"Processing job {row.name} is {row.status}. Stop it first, then delete it once it has ended.")
    await ctx[Rows].write(lambda tx: tx.delete(row))


async def find(ctx: Context, name: str) -> Row:
    """A job's row; AWS answers `ValidationException` for an absent one, though the model lists another code."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        message = (
            f"Could not find requested job with name: {name} in {ctx.region}. ListProcessingJobs names those here."
        )
        raise WireError("ValidationException", message)
    return row


def view(row: Row) -> dict[str, Any]:
    """A job as Describe shows it; the wire drops what a shape does not know."""
    return row.doc | {
        "ProcessingJobStatus": row.status,
        "CreationTime": row.created,
        "LastModifiedTime": row.modified,
    }
