"""The training job definitions of a tuning job, one or several, read in one way. Pure.

    TrainingJobDefinition    its objective and ranges stand in HyperParameterTuningJobConfig; it needs no name
    TrainingJobDefinitions   each has a DefinitionName, a TuningObjective and HyperParameterRanges of its own

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multiple-algorithm-hpo-create-tuning-jobs.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potager.compute import catalog
from potager.train.script import program

OBJECTIVE = "_tuning_objective_metric"
"""The static hyperparameter by which SageMaker tells a training job what it is tuned for."""

KINDS = ("IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges", "AutoParameters")
"""The lists of ParameterRanges."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One of them: `given` as the request has it, with the objective and the ranges that hold for it."""

    name: str
    objective: Mapping[str, Any]
    ranges: Mapping[str, Sequence[Mapping[str, Any]]]
    given: Mapping[str, Any]

    @property
    def metric(self) -> str:
        return self.objective["MetricName"]

    @property
    def maximize(self) -> bool:
        return self.objective["Type"] == "Maximize"

    @property
    def static(self) -> Mapping[str, str]:
        """The hyperparameters that every trial has, without SageMaker's own."""
        given = self.given.get("StaticHyperParameters", {})
        return {name: value for name, value in given.items() if name != OBJECTIVE}

    @property
    def image(self) -> catalog.Image | None:
        return catalog.find(self.given["AlgorithmSpecification"].get("TrainingImage", ""))

    @property
    def builtin(self) -> catalog.Image | None:
        """Its image, where that trains by an algorithm of its own rather than by a program of the user's."""
        image = self.image
        if image is None or not image.objectives:
            return None
        return None if program.wanted({**self.given, "HyperParameters": self.static}) else image

    @property
    def tuned(self) -> list[str]:
        """The names of what is tuned."""
        return [each["Name"] for kind in KINDS for each in self.ranges.get(kind, ())]


def of(doc: Mapping[str, Any]) -> list[Definition]:
    """The definitions of a tuning job's request or document, in their order."""
    config = doc["HyperParameterTuningJobConfig"]
    if one := doc.get("TrainingJobDefinition"):
        objective = config.get("HyperParameterTuningJobObjective") or one.get("TuningObjective", {})
        ranges = config.get("ParameterRanges") or one.get("HyperParameterRanges", {})
        return [Definition(one.get("DefinitionName", ""), objective, ranges, one)]
    return [
        Definition(each["DefinitionName"], each["TuningObjective"], each.get("HyperParameterRanges", {}), each)
        for each in doc.get("TrainingJobDefinitions", ())
    ]


def told(doc: Mapping[str, Any]) -> dict[str, Any]:
    """A tuning job's document whose definitions say in StaticHyperParameters what they are tuned for, as AWS's do."""
    made = [
        {**each.given, "StaticHyperParameters": {**each.static, OBJECTIVE: each.metric}, **_shown(each)}
        for each in of(doc)
    ]
    if doc.get("TrainingJobDefinition"):
        return {**doc, "TrainingJobDefinition": made[0]}
    return {**doc, "TrainingJobDefinitions": made}


def _shown(definition: Definition) -> dict[str, Any]:
    """What Describe shows whether it was given or not; the SDK's `attach` reads the key, and ResourceConfig alone."""
    names = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
    output = {"KmsKeyId": "", **definition.given["OutputDataConfig"]}
    shown = {name: definition.given.get(name, False) for name in names}
    return {**shown, "OutputDataConfig": output, "ResourceConfig": resources(definition.given)}


def resources(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The ResourceConfig of the training jobs of a definition: its own, or the first of those it would prefer."""
    chosen = definition.get("HyperParameterTuningResourceConfig")
    if not chosen:
        return dict(definition["ResourceConfig"])
    first = next(iter(chosen.get("InstanceConfigs", ())), chosen)
    return dict(_given(first, chosen))


def _given(first: Mapping[str, Any], chosen: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("InstanceType", "InstanceCount", "VolumeSizeInGB"):
        if name in first:
            yield name, first[name]
    if "VolumeKmsKeyId" in chosen:
        yield "VolumeKmsKeyId", chosen["VolumeKmsKeyId"]
