"""The trials of a tuning job: ordinary training jobs, whose rows are all that is known of them.

    NAME-007-1f3a09c2    the seventh training job of the tuning job NAME

    _tuner        which tuning job made it, its `_id`      _definition   by which definition, its place
    _tuned        what of its hyperparameters is tuned     _objective    what it is measured by
    _resource     the reports after which it ends, of Hyperband

A tuning job finds its trials by the beginning of their names, and by `_tuner`, for a tuning job that was deleted may
have had the same name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel import ids
from potager.store.rows import Row, Tx
from potager.train import creation
from potager.train.lifecycle import TERMINAL
from potager.train.runner import KIND
from potager.train.tuning import definitions
from potager.train.tuning.definitions import OBJECTIVE, Definition
from potager.train.tuning.search import Proposal, Trial

PASSED_ON = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
    "Environment",
)
"""The members of a definition that its training jobs have as they are."""


def name(tuning_job: str, number: int) -> str:
    """The name of a tuning job's training job, `number` from 1; nobody had it before."""
    return f"{tuning_job}-{number:03d}-{ids.uuid()[:8]}"


def request(definition: Definition, trial: str, values: Mapping[str, str]) -> dict[str, Any]:
    """CreateTrainingJob's members for a trial with these values.

    Checkpoints of trials stand apart, in a folder for each: one trial would go on from another's otherwise.
    """
    given = definition.given
    made: dict[str, Any] = {member: given[member] for member in PASSED_ON if member in given}
    if checkpoints := given.get("CheckpointConfig"):
        made["CheckpointConfig"] = {**checkpoints, "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{trial}"}
    return made | {
        "TrainingJobName": trial,
        "AlgorithmSpecification": dict(given["AlgorithmSpecification"]),
        "HyperParameters": {**definition.static, OBJECTIVE: definition.metric, **values},
        "ResourceConfig": definitions.resources(given),
    }


def document(row: Row, definition: Definition, proposal: Proposal, number: int) -> dict[str, Any]:
    """The document of the training job that a tuning job makes of a proposal."""
    trial = name(row.name, number)
    arn = row.arn.replace(f":hyper-parameter-tuning-job/{row.name}", f":training-job/{trial}")
    made = creation.document(request(definition, trial, proposal.values), arn)
    return made | {
        "TuningJobArn": row.arn,
        "_tuner": row.doc["_id"],
        "_definition": proposal.space,
        "_tuned": dict(proposal.values),
        "_objective": {"Type": definition.objective["Type"], "MetricName": definition.metric},
        "_resource": proposal.resource,
    }


def rows(tx: Tx, job: Row) -> list[Row]:
    """The training jobs of a tuning job that are there, in the order in which they were made."""
    found = tx.beginning(KIND, job.scope, f"{job.name}-")
    mine = [row for row in found if row.doc.get("_tuner") == job.doc["_id"]]
    return sorted(mine, key=lambda row: (row.created, row.name))


def objective(row: Row) -> float | None:
    """What a training job that has ended came to; None where it has not, or printed no such number."""
    if row.status not in ("Completed", "Stopped"):
        return None
    wanted = row.doc["_objective"]["MetricName"]
    for metric in row.doc.get("FinalMetricDataList", ()):
        if metric["MetricName"] == wanted and math.isfinite(metric["Value"]):
            return metric["Value"]
    return None


def trial(row: Row, curve: Sequence[tuple[int, float]] = ()) -> Trial:
    """A training job as strategies see it."""
    value = objective(row)
    if row.status not in TERMINAL:
        state = "running"
    elif row.status == "Failed" or value is None:
        state = "failed"
    else:
        state = "done" if row.status == "Completed" else "stopped"
    return Trial(row.doc["_definition"], row.doc["_tuned"], state, value, tuple(curve))
