"""How much room an endpoint's instances have for the copies of inference components. Pure but for reading rows.

A copy lies on one instance. Nothing runs on instances here, so copies are laid out anew for each question, the largest
first: what AWS would place somehow, fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from potager.compute import instances
from potager.compute.allotment import NO_CAPACITY
from potager.compute.instances import Shape
from potager.kernel.errors import Invalid
from potager.store.pages import Page
from potager.store.rows import Row, Tx

KIND = "inference-component"
MOST = 1000
"""More components than an endpoint has."""
MIB = 2**20


@dataclass(frozen=True, order=True, slots=True)
class Need:
    """What one copy asks for: MiB of memory, vCPUs, accelerators."""

    memory: int
    cpus: float = 0.0
    devices: float = 0.0

    @classmethod
    def of(cls, specification: Mapping[str, Any]) -> Need:
        """Of a Specification's ComputeResourceRequirements."""
        asked = specification["ComputeResourceRequirements"]
        return cls(
            asked["MinMemoryRequiredInMb"],
            asked.get("NumberOfCpuCoresRequired", 0.0),
            asked.get("NumberOfAcceleratorDevicesRequired", 0.0),
        )

    def __str__(self) -> str:
        more = [f"{self.cpus:g} vCPU"] * bool(self.cpus) + [f"{self.devices:g} accelerator(s)"] * bool(self.devices)
        return " and ".join([f"{self.memory} MB", *more])


def fits(shape: Shape, count: int, needs: Sequence[Need]) -> bool:
    """Whether copies that need so much have room on `count` instances.

    >>> from potager.compute.instances import shape
    >>> fits(shape("ml.m5.large"), 1, [Need(4096), Need(4096)]), fits(shape("ml.m5.large"), 1, [Need(4096)] * 3)
    (True, False)
    """
    devices = shape.gpus or int(shape.accelerated)
    left = [[shape.memory // MIB, float(shape.cpus), float(devices)] for _ in range(count)]
    for need in sorted(needs, reverse=True):
        asked = (need.memory, need.cpus, need.devices)
        for each in left:
            if all(has >= wants for has, wants in zip(each, asked, strict=True)):
                each[:] = [has - wants for has, wants in zip(each, asked, strict=True)]
                break
        else:
            return False
    return True


def count(variant: Mapping[str, Any]) -> int:
    """How many instances a variant may have; where AWS would add some by itself, the most."""
    scaling: Mapping[str, Any] = variant["spec"].get("ManagedInstanceScaling", {})
    managed = scaling.get("Status") == "ENABLED"
    return max(variant["count"], scaling.get("MaxInstanceCount", 0) if managed else 0)


def on(tx: Tx, endpoint: Row) -> list[Row]:
    """The components of an endpoint, oldest first."""
    return tx.page(KIND, endpoint.scope, Page(limit=MOST, where={"EndpointName": endpoint.name}))[0]


def short(tx: Tx, endpoint: Row, wanted: Mapping[str, Any], name: str) -> str:
    """Why a component's deployment has no room on its endpoint; empty where it has."""
    (asked,) = wanted["variants"]
    variant = _variant(endpoint.doc["_wanted"], asked["name"])
    if variant is None:
        return f"Endpoint {endpoint.name} has no variant '{asked['name']}' any more."
    others = [row for row in on(tx, endpoint) if row.name != name]
    mine = [Need.of(asked["spec"])] * asked["count"]
    shape, instances_ = instances.shape(variant["spec"]["InstanceType"]), count(variant)
    if fits(shape, instances_, _needs(others, asked["name"]) + mine):
        return ""
    has = Need(shape.memory // MIB, shape.cpus, shape.gpus or int(shape.accelerated))
    return (
        f"{NO_CAPACITY} {asked['count']} copies that need {Need.of(asked['spec'])} each do not fit beside the "
        f"{len(others)} other component(s) of endpoint {endpoint.name}: variant '{asked['name']}' has {instances_} "
        f"{shape.kind} of {has}. Ask for less, or for more instances."
    )


def check(tx: Tx, endpoint: Row, wanted: Mapping[str, Any]) -> None:
    """`Invalid` where an endpoint's components have no room on the deployment that it is to have."""
    rows = on(tx, endpoint)
    for name in dict.fromkeys(row.doc["VariantName"] for row in rows):
        variant, mine = _variant(wanted, name), [row for row in rows if row.doc["VariantName"] == name]
        told = f"inference component '{mine[0].name}' of endpoint \"{endpoint.arn}\""
        if variant is None or variant["containers"]:
            raise Invalid(f"The update leaves no variant '{name}' for {told}. Keep the variant, or delete it first.")
        if not fits(instances.shape(variant["spec"]["InstanceType"]), count(variant), _needs(mine, name)):
            raise Invalid(f"The update leaves too little room for {told}. Keep more instances, or take copies away.")


def _variant(deployment: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return next((each for each in deployment["variants"] if each["name"] == name), None)


def _needs(rows: Sequence[Row], variant: str) -> list[Need]:
    """What the copies of components need that are there, or on their way."""
    return [need for row in rows if row.status != "Failed" and row.doc["VariantName"] == variant for need in _held(row)]


def _held(row: Row) -> list[Need]:
    """What a component's copies need, before and after an update: it may go back."""
    deployments = (row.doc["_live"], None if row.doc["_short"] else row.doc["_wanted"])
    variants = [variant for each in deployments if each for variant in each["variants"]]
    needs = [[Need.of(each["spec"])] * each["count"] for each in variants]
    return [
        Need(max(n.memory for n in both), max(n.cpus for n in both), max(n.devices for n in both))
        for both in zip_longest(*needs, fillvalue=Need(0))
    ]
