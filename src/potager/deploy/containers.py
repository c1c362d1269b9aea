"""The containers of a model: which of them a request may give, and how they answer together.

    PrimaryContainer              one, which answers
    Containers, Serial            up to 15 in a row, each given what the one before it answered
    Containers, Direct            up to 15 beside one another; TargetContainerHostname says who is asked
    Mode MultiModel               one that serves whatever models lie below ModelDataUrl (`deploy/many`)

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html
https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipelines.html
https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-endpoints.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel import uris
from potager.kernel.errors import Invalid, Unserved

Container = Mapping[str, Any]
"""A ContainerDefinition."""


def of(model: Mapping[str, Any]) -> list[Container]:
    """The containers of a model's document, in order."""
    return [model["PrimaryContainer"]] if "PrimaryContainer" in model else list(model.get("Containers", ()))


def serial(model: Mapping[str, Any]) -> bool:
    """Whether a request goes through all containers, as where nothing is said."""
    return model.get("InferenceExecutionConfig", {}).get("Mode", "Serial") == "Serial"


def name(container: Container, number: int) -> str:
    """What a container is called, the `number`th from 1: its ContainerHostname, or as AWS calls it by its place."""
    return container.get("ContainerHostname") or f"container-{number}"


def many(container: Container) -> bool:
    """Whether it serves many models."""
    return container.get("Mode") == "MultiModel"


def check(model: Mapping[str, Any]) -> None:
    """`Invalid` for containers of a CreateModel request that do not fit together."""
    if ("PrimaryContainer" in model) == ("Containers" in model):
        given = "both" if "Containers" in model else "neither"
        raise Invalid(f"A model has a PrimaryContainer or Containers; {given} given. Set one of them.")
    found = of(model)
    if not found:
        raise Invalid("Containers is empty. Give one container at least, or a PrimaryContainer.")
    for number, container in enumerate(found, 1):
        if not container.get("Image"):
            raise Invalid(f"Container {number} has no Image, which is required: model packages are not served yet.")
    _check_names(found, serial(model))
    _check_many(found, serial(model))


def _check_names(found: Sequence[Container], in_series: bool) -> None:
    names = [container["ContainerHostname"] for container in found if container.get("ContainerHostname")]
    if not in_series and len(names) < len(found):
        raise Invalid("InferenceExecutionConfig.Mode is Direct, where every container needs a ContainerHostname.")
    if names and len(names) < len(found):
        raise Invalid(
            f"{len(names)} of {len(found)} containers have a ContainerHostname. Give one to each of them, or to none."
        )
    for each in names:
        if names.count(each) > 1:
            raise Invalid(f"ContainerHostname '{each}' is given to {names.count(each)} containers. Give each its own.")


def _check_many(found: Sequence[Container], in_series: bool) -> None:
    holders = [container for container in found if many(container)]
    if holders and not in_series:
        raise Invalid("A container with Mode MultiModel cannot be one of several in Direct mode. Use Serial.")
    if len(holders) > 1:
        raise Invalid(f"{len(holders)} containers have Mode MultiModel; a pipeline may have one.")
    for container in holders:
        if container.get("ModelDataSource"):
            raise Unserved("ModelDataSource of a container with Mode MultiModel is not served. Use ModelDataUrl.")
        if not container.get("ModelDataUrl"):
            raise Invalid("A container with Mode MultiModel needs a ModelDataUrl: the prefix of its models.")
        uris.s3(container["ModelDataUrl"])
    for container in found:
        if not many(container) and container.get("MultiModelConfig"):
            raise Invalid("MultiModelConfig is for a container with Mode MultiModel. Set Mode, or leave it out.")
