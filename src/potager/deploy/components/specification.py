"""What a component's Specification asks for, as a deployment of one variant: copies of one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.compute import instances
from potager.deploy import containers, deployment, models
from potager.kernel import ids
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, LimitReached, Unserved
from potager.store.objects import Objects

UNSERVED = ("BaseInferenceComponentName", "InstanceType")
MOST_COPIES = 100
"""Copies of one component; each is a worker process and its model."""


def check(req: Mapping[str, Any]) -> None:
    """Holds a Create or Update request against what is served and what goes together."""
    if req.get("Specifications"):
        raise Unserved("Specifications, one for each instance type, are not served. Use Specification.")
    if req.get("DeploymentConfig"):
        raise Unserved("DeploymentConfig is not served for inference components. Leave it out: all copies change.")
    specification: Mapping[str, Any] = req.get("Specification", {})
    for member in UNSERVED:
        if specification.get(member):
            raise Unserved(f"Specification.{member} is not served. Leave it out.")
    if specification.get("Container", {}).get("ContainerMetricsConfig"):
        raise Unserved("Specification.Container.ContainerMetricsConfig is not served. Leave it out.")
    if specification.get("ComputeResourceRequirements", {}).get("AcceleratorPartitionType"):
        raise Unserved("ComputeResourceRequirements.AcceleratorPartitionType is not served. Leave it out.")


def check_copies(copies: int, least: int) -> None:
    """`Invalid` for fewer copies than there may be, `LimitReached` for more."""
    if copies < least:
        raise Invalid(f"An inference component's copy count must be an integer of {least} or more; {copies} was given.")
    if copies > MOST_COPIES:
        raise LimitReached(f"CopyCount is {copies}; at most {MOST_COPIES} copies are given. Ask for fewer.")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The specification after an update: members that it leaves out stay, and one model takes the place of another."""
    replaced = {"ModelName", "Container"} if {"ModelName", "Container"} & set(new) else set[str]()
    return {key: value for key, value in old.items() if key not in replaced} | dict(new)


async def wanted(ctx: Context, endpoint: Mapping[str, Any], variant: str, spec: Mapping[str, Any], copies: int) -> Any:
    """The deployment of a component, as its model is now.

    endpoint : the deployment of its endpoint.
    """
    given = next(each for each in endpoint["variants"] if each["name"] == variant)
    model = await _model(ctx, spec)
    asked = spec.get("ComputeResourceRequirements")
    if not asked:
        raise Invalid("Specification has no ComputeResourceRequirements, which say what a copy needs. Set them.")
    least, most = asked["MinMemoryRequiredInMb"], asked.get("MaxMemoryRequiredInMb")
    if most is not None and most < least:
        raise Invalid(f"MaxMemoryRequiredInMb is {most}, below MinMemoryRequiredInMb, which is {least}. Raise it.")
    described = {
        "name": variant,
        "instance": instances.copy(most) if most else given["spec"]["InstanceType"],
        "containers": deployment.contained(model),
        "serial": containers.serial(model),
        "isolated": model.get("EnableNetworkIsolation", False) or given["isolated"],
        "weight": 1.0,
        "count": copies,
        "spec": spec,
    }
    return {"config": None, "revision": ids.short(8), "variants": [described], "capture": endpoint["capture"]}


async def _model(ctx: Context, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document of the model that is named, or of the container that is given."""
    if bool(spec.get("ModelName")) == bool(spec.get("Container")):
        given = "both are" if spec.get("ModelName") else "neither is"
        raise Invalid(f"A Specification has a ModelName or a Container; {given} given. Set one of them.")
    if name := spec.get("ModelName"):
        return (await models.find(ctx, name)).doc
    asked: Mapping[str, Any] = spec["Container"]
    if not asked.get("Image"):
        raise Invalid("Specification.Container has no Image. Set it.")
    container = {"Image": asked["Image"], "Environment": asked.get("Environment", {})}
    if asked.get("ArtifactUrl"):
        container["ModelDataUrl"] = asked["ArtifactUrl"]
    await models.check(ctx[Objects], container)
    return {"PrimaryContainer": container}
