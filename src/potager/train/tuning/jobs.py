"""Hyperparameter tuning jobs on the wire: Create, Describe, List, Stop, Delete, and the training jobs of one.

An operation writes what is wanted and wakes the tuner (`runner.py`); it never does the work itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from potager.kernel import ids, tags
from potager.kernel.context import Context
from potager.kernel.errors import Exists, InUse, WireError
from potager.store.listing import listing
from potager.store.objects import Objects
from potager.store.rows import Row, Rows, Tx
from potager.train import creation
from potager.train.tuning import checking, definitions, parents, planning, trials, views
from potager.train.tuning.lifecycle import ACTIVE, TERMINAL
from potager.train.tuning.runner import KIND, Tuner
from potager.train.tuning.search import automatic
from potager.wire.service import Service

if TYPE_CHECKING:
    from types_boto3_sagemaker.type_defs import (
        CreateHyperParameterTuningJobRequestTypeDef,
        DeleteHyperParameterTuningJobRequestTypeDef,
        DescribeHyperParameterTuningJobRequestTypeDef,
        ListHyperParameterTuningJobsRequestTypeDef,
        ListTrainingJobsForHyperParameterTuningJobRequestTypeDef,
        StopHyperParameterTuningJobRequestTypeDef,
    )

sagemaker = Service("sagemaker")


@sagemaker.operation
async def create_hyper_parameter_tuning_job(
    ctx: Context, req: CreateHyperParameterTuningJobRequestTypeDef
) -> Mapping[str, Any]:
    """Starts a tuning job. `ResourceInUse` for a name that is taken."""
    name = req["HyperParameterTuningJobName"]
    arn = ctx.arn(f"hyper-parameter-tuning-job/{name}")
    given = tags.checked(req.get("Tags", ()))
    doc = await _document(ctx, dict(req), arn)

    def write(tx: Tx) -> Row:
        whole = parents.taken(tx, KIND, ctx.scope, doc)
        try:
            row = tx.insert(KIND, ctx.scope, name, whole, arn=arn, status="InProgress")
        except Exists:
            raise Exists(
                "Hyperparameter tuning job names must be unique within an AWS account and region, and a "
                f"hyperparameter tuning job with this name already exists ({arn}). Choose another name."
            ) from None
        tx.tag(arn, given)
        return row

    ctx[Tuner].wake(await ctx[Rows].write(write))
    return {"HyperParameterTuningJobArn": arn}


async def _document(ctx: Context, req: dict[str, Any], arn: str) -> dict[str, Any]:
    """The document of a tuning job that has just been asked for; what cannot come of it is refused."""
    defined = checking.check_definitions(req)
    for each in defined:
        checking.check_objective(each)
    spaces = planning.spaces(req)
    if req.get("Autotune"):
        config = automatic.limits(req["HyperParameterTuningJobConfig"], [space.ranges for space in spaces])
        req = req | {"HyperParameterTuningJobConfig": config}
    checking.check_limits(req["HyperParameterTuningJobConfig"])
    for each, space in zip(defined, spaces, strict=True):
        checking.check_static(each, space)
        probe = checking.probe(each, req["HyperParameterTuningJobName"], space)
        await creation.check_inputs(ctx[Objects], creation.document(probe, arn))
    req.pop("Tags", None)
    config = {"TrainingJobEarlyStoppingType": "Off", **req["HyperParameterTuningJobConfig"]}
    made = definitions.told(req | {"HyperParameterTuningJobConfig": config})
    made |= {"HyperParameterTuningJobArn": arn, "_id": f"hpo-{ids.short(16)}", "_launched": 0}
    planning.plan(made)
    return made


@sagemaker.operation
async def describe_hyper_parameter_tuning_job(
    ctx: Context, req: DescribeHyperParameterTuningJobRequestTypeDef
) -> Mapping[str, Any]:
    """Everything known of one tuning job, and its best training job."""
    row, made = await _found(ctx, req["HyperParameterTuningJobName"])
    return views.described(row, made)


@sagemaker.operation
async def list_hyper_parameter_tuning_jobs(
    ctx: Context, req: ListHyperParameterTuningJobsRequestTypeDef
) -> Mapping[str, Any]:
    """The tuning jobs of this account and region, by name unless asked otherwise, as AWS has it."""
    rows, token = await listing(ctx[Rows], KIND, ctx.scope, req, descending=False, order_by="name")
    made = await ctx[Rows].read(lambda tx: [trials.rows(tx, row) if row.status in ACTIVE else [] for row in rows])
    shown = [views.described(row, each) for row, each in zip(rows, made, strict=True)]
    return {"HyperParameterTuningJobSummaries": shown, "NextToken": token}


@sagemaker.operation
async def list_training_jobs_for_hyper_parameter_tuning_job(
    ctx: Context, req: ListTrainingJobsForHyperParameterTuningJobRequestTypeDef
) -> Mapping[str, Any]:
    """The training jobs of a tuning job; by FinalObjectiveMetricValue only those that have one, as AWS has it."""
    row, made = await _found(ctx, req["HyperParameterTuningJobName"])
    asked = (row.name, req.get("StatusEquals"), req.get("SortBy", "Name"), req.get("SortOrder", "Ascending"))
    shown = _sorted([views.summary(row, each) for each in made], *asked[1:])
    page, token = ctx[Rows].sliced(shown, req.get("MaxResults", 10), req.get("NextToken"), asked)
    return {"TrainingJobSummaries": page, "NextToken": token}


def _sorted(summaries: Sequence[dict[str, Any]], status: str | None, by: str, order: str) -> list[dict[str, Any]]:
    found = [each for each in summaries if status in (None, each["TrainingJobStatus"])]
    final = "FinalHyperParameterTuningJobObjectiveMetric"
    if by == "FinalObjectiveMetricValue":
        found = [each for each in found if final in each]
    member = {"CreationTime": "CreationTime", "Status": "TrainingJobStatus"}.get(by, "TrainingJobName")

    def key(each: Mapping[str, Any]) -> tuple[Any, str]:
        return each[final]["Value"] if by == "FinalObjectiveMetricValue" else each[member], each["TrainingJobName"]

    return sorted(found, key=key, reverse=order == "Descending")


@sagemaker.operation
async def stop_hyper_parameter_tuning_job(ctx: Context, req: StopHyperParameterTuningJobRequestTypeDef) -> None:
    """Asks a tuning job to stop, and with it every training job that it has running."""
    row = await find(ctx, req["HyperParameterTuningJobName"])

    def write(tx: Tx) -> Row:
        fresh = tx.get(KIND, ctx.scope, row.name) or row
        if fresh.status in TERMINAL:
            text = f"The request was rejected because the hyperparameter tuning job is in status {fresh.status}."
            raise WireError("ValidationException", text)
        return tx.update(fresh, status="Stopping") if fresh.status == "InProgress" else fresh

    ctx[Tuner].wake(await ctx[Rows].write(write))


@sagemaker.operation
async def delete_hyper_parameter_tuning_job(ctx: Context, req: DeleteHyperParameterTuningJobRequestTypeDef) -> None:
    """Forgets a tuning job that has ended. Its training jobs, their artifacts and logs stay."""
    row = await find(ctx, req["HyperParameterTuningJobName"])
    if row.status not in TERMINAL:
        raise InUse(
            f"Hyperparameter tuning job {row.name} is {row.status}. Stop it first, then delete it once it has ended."
        )
    await ctx[Rows].write(lambda tx: tx.delete(row))


async def find(ctx: Context, name: str) -> Row:
    """A tuning job's row; AWS answers for an absent one as for any resource that is not there."""
    row = await ctx[Rows].get(KIND, ctx.scope, name)
    if row is None:
        raise _absent(ctx, name)
    return row


def _absent(ctx: Context, name: str) -> WireError:
    message = (
        f"Amazon SageMaker can't find a tuning job with the name {name} in {ctx.region}. Check the name and try again. "
        "ListHyperParameterTuningJobs names those here."
    )
    return WireError("ResourceNotFound", message)


async def _found(ctx: Context, name: str) -> tuple[Row, list[Row]]:
    """A tuning job and its training jobs, as they were at one moment."""

    def read(tx: Tx) -> tuple[Row, list[Row]] | None:
        row = tx.get(KIND, ctx.scope, name)
        return None if row is None else (row, trials.rows(tx, row))

    found = await ctx[Rows].read(read)
    if found is None:
        raise _absent(ctx, name)
    return found
