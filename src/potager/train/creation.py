"""Makes training jobs: the document of one, and its row. CreateTrainingJob comes by here, and so do tuning jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.kernel import clock
from potager.kernel.errors import Exists, Invalid, NotFound
from potager.kernel.names import Scope
from potager.store import inputs
from potager.store.objects import Objects
from potager.store.rows import Row, Tx
from potager.train import artifacts, attempts, checkpoints, cluster, lifecycle, metrics, pools
from potager.train.runner import KIND


def document(req: dict[str, Any], arn: str) -> dict[str, Any]:
    """The document of a job that has just been asked for, by CreateTrainingJob's members; `Invalid` for bad metrics."""
    algorithm = req["AlgorithmSpecification"]
    metrics.compiled(algorithm.get("MetricDefinitions", ()))
    req.pop("Tags", None)
    made = req | {
        "TrainingJobArn": arn,
        "AlgorithmSpecification": {"EnableSageMakerMetricsTimeSeries": False, **algorithm},
        "OutputDataConfig": {"KmsKeyId": "", **req["OutputDataConfig"]},
        "ResourceConfig": cluster.chosen(req["ResourceConfig"]),
        "StoppingCondition": {"MaxRuntimeInSeconds": lifecycle.DEFAULT_RUNTIME, **req.get("StoppingCondition", {})},
        "EnableNetworkIsolation": req.get("EnableNetworkIsolation", False),
        "EnableInterContainerTrafficEncryption": req.get("EnableInterContainerTrafficEncryption", False),
        "EnableManagedSpotTraining": req.get("EnableManagedSpotTraining", False),
        "ProfilingStatus": "Disabled",
        "ModelArtifacts": {"S3ModelArtifacts": f"{artifacts.home(req, req['TrainingJobName'])}/model.tar.gz"},
        **({"CheckpointConfig": config} if (config := checkpoints.described(req)) else {}),
        "_id": attempts.new_id(),
    }
    return lifecycle.moved(made, "Starting", clock.now())


async def check_inputs(objects: Objects, doc: Mapping[str, Any]) -> None:
    """Refuses a prefix that holds nothing, in AWS's words, before a job is made of it."""
    for channel in doc.get("InputDataConfig", ()):
        source = channel["DataSource"]["S3DataSource"]
        try:
            await inputs.check(objects, source)
        except (inputs.BadInput, NotFound) as fault:
            raise Invalid(fault.message) from fault


def insert(tx: Tx, scope: Scope, doc: dict[str, Any], tags: Mapping[str, str]) -> Row:
    """The row of a job with this document; `Exists` for a name that is taken."""
    name, arn = doc["TrainingJobName"], doc["TrainingJobArn"]
    try:
        warm = pools.taken(tx, scope, name, doc)
        row = tx.insert(KIND, scope, name, warm, arn=arn, status="InProgress")
    except Exists:
        raise Exists(
            "Training job names must be unique within an AWS account and region, and a training job with this "
            f"name already exists ({arn}). Choose another name."
        ) from None
    tx.tag(arn, tags)
    return row
