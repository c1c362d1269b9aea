"""Endpoints whose variants name no model: they are in service with no worker, and hold inference components.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel.errors import Invalid, Unserved

UNFIT = ("ServerlessConfig", "InstancePools")
"""Members of a ProductionVariant that go with a model of its own alone."""
STRATEGIES = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")


def bare(deployment: Mapping[str, Any]) -> bool:
    """Whether an endpoint's deployment is one for components."""
    return not any(variant["containers"] for variant in deployment["variants"])


def check(req: Mapping[str, Any]) -> None:
    """Holds an endpoint configuration against what variants without a model need; `Invalid` names what it lacks."""
    variants: Sequence[Mapping[str, Any]] = req["ProductionVariants"]
    for variant in variants:
        _check_routing(variant)
    without = [variant for variant in variants if not variant.get("ModelName")]
    if not without:
        return
    name = without[0]["VariantName"]
    if len(without) < len(variants):
        raise Invalid(
            f"Variant '{name}' names no model, and others do. Set ModelName for every variant, or for none: the "
            "endpoint then holds inference components."
        )
    for member in ("AsyncInferenceConfig", "ShadowProductionVariants"):
        if req.get(member):
            raise Invalid(f"Variant '{name}' names no model. Set ModelName, which {member} needs, or leave that out.")
    if not req.get("ExecutionRoleArn"):
        raise Invalid(
            f"Variant '{name}' names no model. Set ModelName; or, for an endpoint that holds inference components, "
            "the configuration's ExecutionRoleArn, which is required there."
        )
    for variant in without:
        _check(variant)


def _check(variant: Mapping[str, Any]) -> None:
    name = variant["VariantName"]
    for member in UNFIT:
        if variant.get(member):
            raise Invalid(f"Variant '{name}' names no model, and has {member}, which needs one. Set ModelName.")
    if not variant.get("InstanceType"):
        raise Invalid(f"Variant '{name}' has no InstanceType, whose memory inference components share. Set it.")
    scaling: Mapping[str, Any] = variant.get("ManagedInstanceScaling", {})
    least, most = scaling.get("MinInstanceCount", 0), scaling.get("MaxInstanceCount")
    if most is not None and most < max(least, 1):
        raise Invalid(f"Variant '{name}': MaxInstanceCount is {most}, below the minimum of {max(least, 1)}. Raise it.")


def _check_routing(variant: Mapping[str, Any]) -> None:
    strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", STRATEGIES[0])
    if strategy not in STRATEGIES:
        raise Unserved(f"RoutingStrategy {strategy} is not served. Use {' or '.join(STRATEGIES)}.")
