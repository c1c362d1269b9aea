"""A tuning job and its training jobs as Describe and List show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel import clock
from potager.store.rows import Row
from potager.train import metrics
from potager.train.lifecycle import TERMINAL
from potager.train.tuning import definitions, planning, trials
from potager.train.tuning.search import not_improving


def summary(job: Row, row: Row) -> dict[str, Any]:
    """A training job of a tuning job."""
    value = trials.objective(row)
    shown = {
        "TrainingJobName": row.name,
        "TrainingJobArn": row.arn,
        "TuningJobName": job.name,
        "CreationTime": row.created,
        "TrainingJobStatus": row.status,
        "TunedHyperParameters": row.doc["_tuned"],
        "ObjectiveStatus": "Succeeded" if value is not None else "Failed" if row.status in TERMINAL else "Pending",
    }
    for member in ("TrainingStartTime", "TrainingEndTime", "FailureReason"):
        if member in row.doc:
            shown[member] = row.doc[member]
    definition = definitions.of(job.doc)[int(row.doc["_definition"])]
    if definition.name:
        shown["TrainingJobDefinitionName"] = definition.name
    if value is not None:
        shown["FinalHyperParameterTuningJobObjectiveMetric"] = {**row.doc["_objective"], "Value": value}
    return shown


def counters(found: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many training jobs, given as summaries, are in which state, and of how many the objective is known."""
    statuses = {"Completed": 0, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
    objectives = {"Succeeded": 0, "Pending": 0, "Failed": 0}
    for each in found:
        statuses[_counted(each)] += 1
        objectives[each["ObjectiveStatus"]] += 1
    return {"TrainingJobStatusCounters": statuses, "ObjectiveStatusCounters": objectives}


def _counted(summary: Mapping[str, Any]) -> str:
    status = summary["TrainingJobStatus"]
    if status == "Failed":
        ours = summary.get("FailureReason", "").startswith("InternalServerError")
        return "RetryableError" if ours else "NonRetryableError"
    return status if status in ("Completed", "Stopped") else "InProgress"


def best(found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The training job, of these summaries, with the best objective; the first of equals, None where none has one."""
    known = [each for each in found if "FinalHyperParameterTuningJobObjectiveMetric" in each]
    return min(known, key=lambda each: -score(each), default=None)


def score(summary: Mapping[str, Any]) -> float:
    """The objective of a training job that has one, the higher the better."""
    metric = summary["FinalHyperParameterTuningJobObjectiveMetric"]
    return metric["Value"] if metric["Type"] == "Maximize" else -metric["Value"]


def seen(job: Row, doc: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """What the training jobs of a tuning job, whose document is `doc`, say of it."""
    found = [summary(job, row) for row in rows]
    own = [trials.trial(row) for row in rows]
    details = {"NumberOfTrainingJobsObjectiveNotImproving": not_improving(planning.plan(doc), own)}
    if "_converged" in doc:
        details["ConvergenceDetectedTime"] = doc["_converged"]
    until = doc.get("HyperParameterTuningEndTime", clock.now())
    shown: dict[str, Any] = {
        **counters(found),
        "TuningJobCompletionDetails": details,
        "ConsumedResources": {"RuntimeInSeconds": round(until - job.created)},
    }
    chosen = best(found)
    if chosen:
        shown["BestTrainingJob"] = chosen
    if "_parents_best" in doc:
        shown["OverallBestTrainingJob"] = best([each for each in (chosen, doc["_parents_best"]) if each])
    return {name: value for name, value in shown.items() if value is not None}


def _measured(doc: Mapping[str, Any]) -> dict[str, Any]:
    """A tuning job's document whose definitions tell their images' metrics; the SDK's `attach` reads them."""

    def told(definition: Mapping[str, Any]) -> dict[str, Any]:
        algorithm = definition["AlgorithmSpecification"]
        shown = {"MetricDefinitions": found} if (found := metrics.defined(algorithm)) else {}
        return {**definition, "AlgorithmSpecification": {**algorithm, **shown}}

    if one := doc.get("TrainingJobDefinition"):
        return {**doc, "TrainingJobDefinition": told(one)}
    return {**doc, "TrainingJobDefinitions": [told(each) for each in doc["TrainingJobDefinitions"]]}


def described(job: Row, rows: Sequence[Row]) -> dict[str, Any]:
    """A tuning job; what its training jobs say of one that has ended was written down with its end."""
    return {
        **_measured(job.doc),
        **(job.doc.get("_seen") or seen(job, job.doc, rows)),
        "HyperParameterTuningJobStatus": job.status,
        "Strategy": job.doc["HyperParameterTuningJobConfig"]["Strategy"],
        "ResourceLimits": job.doc["HyperParameterTuningJobConfig"]["ResourceLimits"],
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
    }
