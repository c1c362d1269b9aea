"""Training jobs on the wire: Create, Describe, List, Stop, Delete.

An operation writes what is wanted and wakes the runner (`runner.py`); it never does the work itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from potager.kernel import clock, tags
from potager.kernel.context import Context
from potager.kernel.errors import InUse, Unserved, WireError
from potager.store.listing import listing
from potager.store.objects import Objects
from potager.store.rows import Row, Rows, Tx
from potager.store.settling import settled
from potager.train import attempts, creation, lifecycle, metrics, pools, served
from potager.train.runner import ACTIVE, KIND, Runner
from potager.wire.service import Service, partly

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateTrainingJobRequestTypeDef,
        DeleteTrainingJobRequestTypeDef,
        DescribeTrainingJobRequestTypeDef,
        ListTrainingJobsRequestTypeDef,
        StopTrainingJobRequestTypeDef,
        UpdateTrainingJobRequestTypeDef,
    )

sagemaker = Service("sagemaker")


@sagemaker.operation
@partly(
    "built-in algorithms for tables, and scripts or commands on plain Python and the frameworks' images; channels from "
    "S3; no debugger, profiler or TensorBoard"
)
async def create_training_job(ctx: Context, req: CreateTrainingJobRequestTypeDef) -> Mapping[str, Any]:
    """Starts a training job. `ResourceInUse` for a name that is taken."""
    arn = ctx.arn(f"training-job/{req['TrainingJobName']}")
    served.check(dict(req))
    given = tags.checked(req.get("Tags", ()))
    doc = creation.document(dict(req), arn)
    await creation.check_inputs(ctx[Objects], doc)
    ctx[Runner].wake(await ctx[Rows].write(lambda tx: creation.insert(tx, ctx.scope, doc, given)))
    return {"TrainingJobArn": arn}


@sagemaker.operation
async def describe_training_job(ctx: Context, req: DescribeTrainingJobRequestTypeDef) -> Mapping[str, Any]:
    """Everything known of one training job, and the metrics that its image has by itself."""
    row = await settled(ctx, await find(ctx, req["TrainingJobName"]), ACTIVE)
    shown = view(row or await find(ctx, req["TrainingJobName"]))
    algorithm = shown["AlgorithmSpecification"]
    if definitions := metrics.defined(algorithm):
        shown["AlgorithmSpecification"] = algorithm | {"MetricDefinitions": definitions}
    return shown


@sagemaker.operation
@partly("no TrainingPlanArnEquals")
async def list_training_jobs(ctx: Context, req: ListTrainingJobsRequestTypeDef) -> Mapping[str, Any]:
    """The training jobs of this account and region, oldest first unless asked otherwise, as AWS has it."""
    if req.get("TrainingPlanArnEquals"):
        raise Unserved(
            "ListTrainingJobs TrainingPlanArnEquals is not served: there are no training plans. Leave it out."
        )
    where = {"_warm": status} if (status := req.get("WarmPoolStatusEquals")) else None
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req, descending=False, where=where)
    return {"TrainingJobSummaries": [view(row) for row in rows], "NextToken": token}


@sagemaker.operation
@partly("ResourceConfig alone: no profiler, no remote debugging")
async def update_training_job(ctx: Context, req: UpdateTrainingJobRequestTypeDef) -> Mapping[str, Any]:
    """Gives the warm pool that a job left another time to live; 0 ends it."""
    for member in ("ProfilerConfig", "ProfilerRuleConfigurations", "RemoteDebugConfig"):
        if member in req:
            raise Unserved(f"UpdateTrainingJob {member} is not served. Leave it out.")
    row = await find(ctx, req["TrainingJobName"])
    if "ResourceConfig" in req:
        seconds = req["ResourceConfig"]["KeepAlivePeriodInSeconds"]
        pool = await ctx[Rows].write(lambda tx: pools.updated(tx, tx.find(KIND, ctx.scope, row.name), seconds))
        await ctx[Runner].pools.settled(pool)
    return {"TrainingJobArn": row.arn}


@sagemaker.operation
async def stop_training_job(ctx: Context, req: StopTrainingJobRequestTypeDef) -> None:
    """Asks a job to stop: SIGTERM, 120 seconds to save what it has, then SIGKILL."""
    row = await find(ctx, req["TrainingJobName"])

    def write(tx: Tx) -> Row:
        fresh = tx.get(KIND, ctx.scope, row.name) or row
        if fresh.status in lifecycle.TERMINAL:
            text = f"The request was rejected because the training job is in status {fresh.status}."
            raise WireError("ValidationException", text)
        if fresh.status != "InProgress":
            return fresh
        return tx.update(fresh, doc=lifecycle.moved(fresh.doc, "Stopping", clock.now()), status="Stopping")

    ctx[Runner].wake(await ctx[Rows].write(write))


@sagemaker.operation
async def delete_training_job(ctx: Context, req: DeleteTrainingJobRequestTypeDef) -> None:
    """Forgets a job that has ended. Its artifacts and logs stay."""
    row = await find(ctx, req["TrainingJobName"])
    if row.status not in lifecycle.TERMINAL:
        raise InUse(f"Training job {row.name} is {row.status}. Stop it first, then delete it once it has ended.")
    pools.check_free(row)

    def write(tx: Tx) -> None:
        arn = row.doc.get("TuningJobArn")  # a warm pool's row has none, and "" would find that
        tuning = tx.by_arn(arn) if arn else None
        if tuning is not None and tuning.doc["_id"] == row.doc["_tuner"] and tuning.status in ACTIVE:
            raise InUse(
                f"Training job {row.name} belongs to the hyperparameter tuning job {tuning.name}, which is "
                f"{tuning.status} and learns from it. Stop that first, or wait for its end."
            )
        tx.delete(row)

    await ctx[Rows].write(write)


async def find(ctx: Context, name: str) -> Row:
    """A job's row; AWS answers `ValidationException` for an absent one, though the model lists another code."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        message = (
            f"Requested resource not found: training job {name} in {ctx.region}. ListTrainingJobs names those here."
        )
        raise WireError("ValidationException", message)
    return row


def view(row: Row) -> dict[str, Any]:
    """A job as Describe shows it; the wire drops what a shape does not know."""
    doc = row.doc
    shown = doc | {
        "TrainingJobStatus": row.status,
        "CreationTime": row.created,
        "LastModifiedTime": row.modified,
    }
    if "TrainingStartTime" in doc and "TrainingEndTime" in doc:
        seconds = max(1, round(attempts.taken(doc, doc["TrainingEndTime"])))
        shown["TrainingTimeInSeconds"] = shown["BillableTimeInSeconds"] = seconds
    return shown
