"""What CreateHyperParameterTuningJob refuses before a job is made, in AWS's words where they are known.

`search` refuses what is wrong with ranges and strategies; here is what concerns definitions, objectives, static
hyperparameters, limits, and the training jobs that would come of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Catalogue
from potager.kernel.errors import Invalid, LimitReached
from potager.train import metrics, served
from potager.train.tuning import definitions, trials
from potager.train.tuning.definitions import Definition
from potager.train.tuning.search import Space

MOST_JOBS = 750
MOST_PARALLEL = 100
MOST_DEFINITIONS = 10


def check_definitions(req: Mapping[str, Any]) -> list[Definition]:
    """The definitions of a request, each whole; `Invalid` where that is not so."""
    one, several, config = req.get("TrainingJobDefinition"), req.get("TrainingJobDefinitions"), _config(req)
    if bool(one) == bool(several):
        raise Invalid("Specify either TrainingJobDefinition or TrainingJobDefinitions, and not both.")
    if one is not None and not (config.get("HyperParameterTuningJobObjective") or one.get("TuningObjective")):
        raise Invalid(
            "HyperParameterTuningJobConfig.HyperParameterTuningJobObjective is missing. Name the metric to tune for."
        )
    for each in several or ():
        _check_one_of_several(each)
    if several:
        _check_several(config, several)
    every: list[Mapping[str, Any]] = [*(several or ()), *([one] if one else ())]
    for each in every:
        own, chosen = each.get("ResourceConfig"), each.get("HyperParameterTuningResourceConfig")
        if not (own or chosen) or (own and chosen and own != definitions.resources(each)):
            raise Invalid(
                "Each training job definition must have either ResourceConfig or HyperParameterTuningResourceConfig."
            )
    return definitions.of(req)


def _config(req: Mapping[str, Any]) -> Mapping[str, Any]:
    return req["HyperParameterTuningJobConfig"]


def _check_one_of_several(definition: Mapping[str, Any]) -> None:
    for member in ("DefinitionName", "TuningObjective", "HyperParameterRanges"):
        if not definition.get(member) and not (member == "HyperParameterRanges" and member in definition):
            raise Invalid(f"Each of TrainingJobDefinitions must have a {member}. Add it.")


def _check_several(config: Mapping[str, Any], several: Sequence[Mapping[str, Any]]) -> None:
    for member, instead in (
        ("HyperParameterTuningJobObjective", "TuningObjective"),
        ("ParameterRanges", "HyperParameterRanges"),
    ):
        if config.get(member):
            raise Invalid(
                f"HyperParameterTuningJobConfig.{member} cannot be used with TrainingJobDefinitions. Give each "
                f"definition a {instead} instead."
            )
    names = [each["DefinitionName"] for each in several]
    for name in names:
        if names.count(name) > 1:
            raise Invalid(f"There are two training job definitions named '{name}'. Rename one.")
    if len(several) > MOST_DEFINITIONS:
        raise LimitReached(
            f"The limit 'Training job definitions per tuning job' is {MOST_DEFINITIONS}, and there are {len(several)}."
        )


def check_limits(config: Mapping[str, Any]) -> None:
    """`Invalid` for a job that nothing would end, `LimitReached` for one that is larger than AWS's quotas."""
    limits = config["ResourceLimits"]
    jobs, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    ends = jobs or limits.get("MaxRuntimeInSeconds") or config.get("TuningJobCompletionCriteria")
    if not ends and config["Strategy"] != "Grid":
        raise Invalid(
            "ResourceLimits.MaxNumberOfTrainingJobs is missing. Give it, or MaxRuntimeInSeconds, or "
            "TuningJobCompletionCriteria."
        )
    for asked, most, what in (
        (jobs, MOST_JOBS, "Maximum number of training jobs"),
        (parallel, MOST_PARALLEL, "Maximum number of parallel training jobs"),
    ):
        if asked is not None and asked > most:
            raise LimitReached(
                f"The limit '{what} per tuning job' is {most}, and {asked} are asked for. Ask for fewer."
            )


def check_objective(definition: Definition) -> None:
    """`Invalid` for an objective that no training job would report, or that is better the other way."""
    algorithm, metric = definition.given["AlgorithmSpecification"], definition.metric
    image, defined = definition.builtin, algorithm.get("MetricDefinitions")
    if image is None or (image.jumpstart and defined):
        if metric not in [each["Name"] for each in metrics.defined(algorithm)]:
            raise Invalid(
                "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric "
                f"definitions. There is none named '{metric}'."
            )
        return
    uri = algorithm["TrainingImage"]
    if defined and defined != image.metric_definitions():
        raise Invalid(
            "You can't override the metric definitions for Amazon SageMaker algorithms. Please retry the request "
            "without specifying metric definitions."
        )
    if metric not in image.objectives:
        raise Invalid(
            f"The objective metric for the hyperparameter tuning job, [{metric}], isn't valid for the [{uri}] "
            f"algorithm. Choose a valid objective metric. It has {', '.join(image.objectives)}."
        )
    if image.objectives[metric] != definition.objective["Type"]:
        raise Invalid(
            f"The objective metric type, [{definition.objective['Type']}], that you specified for objective metric, "
            f"[{metric}], isn't valid for the [{uri}] algorithm. Choose a valid objective metric type. "
            f"It is {image.objectives[metric]}."
        )


def check_static(definition: Definition, space: Space) -> None:
    """`Invalid` where a built-in algorithm would refuse every training job of a definition."""
    image = definition.builtin
    catalogue = image.catalogue() if image else None
    if catalogue is None:
        return
    complaints = [
        _complaint(catalogue, {**definition.static, **space.values([at] * len(space.ranges))}) for at in (0, 1)
    ]
    if all(complaints):
        raise Invalid(complaints[0])


def _complaint(catalogue: Catalogue, given: Mapping[str, str]) -> str:
    try:
        catalogue.read(given)
    except ClientError as error:
        return str(error)
    return ""


def probe(definition: Definition, tuning_job: str, space: Space) -> dict[str, Any]:
    """CreateTrainingJob's members for one of a definition's training jobs; what that refuses is refused here."""
    made = trials.request(definition, trials.name(tuning_job, 1), space.values([0.5] * len(space.ranges)))
    served.check(made)
    return made
