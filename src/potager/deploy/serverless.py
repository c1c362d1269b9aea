"""Serverless variants on the wire: what may be asked of one, and how it stands in a deployment.

A serverless variant has no instances of its own. Its workers come when requests do and go when none come (`pool.py`);
`count`, of a deployment's variant, is how many are kept, its ProvisionedConcurrency.

Source of what it excludes: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.kernel.errors import Invalid

SIZES = tuple(range(1024, 6145, 1024))
"""MemorySizeInMB: what AWS offers."""

CONFIG = "ServerlessConfig"

EXCLUDED = ("InstanceType", "InitialInstanceCount", "AcceleratorType", "ManagedInstanceScaling", "CoreDumpConfig")
"""Members of a ProductionVariant that only make sense for instances."""


def config(variant: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The ServerlessConfig of a deployment's variant, None where it has instances."""
    return variant.get("spec", {}).get(CONFIG)


def kept(config: Mapping[str, Any]) -> int:
    """How many workers are kept, whether requests come or not."""
    return config.get("ProvisionedConcurrency", 0)


def check(req: Mapping[str, Any], given: Sequence[Mapping[str, Any]]) -> None:
    """Holds an endpoint configuration with serverless variants against what AWS offers; `Invalid` names what is not.

    given : the request's ProductionVariants.
    """
    variants = [variant for variant in given if variant.get(CONFIG)]
    if not variants:
        return
    name = variants[0]["VariantName"]
    if len(given) > 1:
        raise Invalid(
            f"Variant '{name}' is serverless: an endpoint of that kind has one production variant; {len(given)} were "
            "given. Make an endpoint for each."
        )
    if req.get("DataCaptureConfig", {}).get("EnableCapture"):
        raise Invalid(f"Data capture is not supported for serverless variants, and '{name}' is one. Turn it off.")
    for member in ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants"):
        if req.get(member):
            raise Invalid(f"{member} is not supported with serverless variants, as '{name}' is. Leave one of them out.")
    for member in EXCLUDED:
        if variants[0].get(member) is not None:
            raise Invalid(f"Variant '{name}' has both {member} and ServerlessConfig. Give one of them.")
    check_config(name, variants[0][CONFIG])


def check_config(name: str, config: Mapping[str, Any]) -> None:
    """`Invalid` for a size that AWS does not offer, or more workers kept than may run."""
    size, most = config["MemorySizeInMB"], config["MaxConcurrency"]
    if size not in SIZES:
        known = ", ".join(map(str, SIZES))
        raise Invalid(f"Variant '{name}': MemorySizeInMB is {size}. Choose one of {known}.")
    if kept(config) > most:
        raise Invalid(
            f"Variant '{name}': ProvisionedConcurrency is {kept(config)} and must not exceed MaxConcurrency, "
            f"which is {most}."
        )


def check_model(name: str, model: Mapping[str, Any], containers: Sequence[Mapping[str, Any]], isolated: bool) -> None:
    """`Invalid` for a model that cannot be served without instances; `model` is its document."""
    what = None
    if len(containers) > 1:
        what = "Inference pipelines and models of several containers are"
    elif containers[0].get("Mode") == "MultiModel":
        what = "Multi-model containers are"
    elif isolated or model.get("EnableNetworkIsolation"):
        what = "Network isolation is"
    elif model.get("VpcConfig"):
        what = "VpcConfig is"
    if what:
        raise Invalid(
            f"{what} not supported for serverless variants, which '{name}' is: its model is '{model['ModelName']}'. "
            "Give the variant InstanceType and InitialInstanceCount instead."
        )


def changed(variant: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """What of a deployment's variant is other after a DesiredWeightAndCapacity; `Invalid` for what it cannot be."""
    name, now = variant["name"], config(variant)
    update: Mapping[str, Any] = change.get("ServerlessUpdateConfig") or {}
    if now is None:
        if update:
            raise Invalid(f"Variant '{name}' has instances: give DesiredInstanceCount, not ServerlessUpdateConfig.")
        return {"count": change.get("DesiredInstanceCount", variant["count"])}
    if "DesiredInstanceCount" in change:
        raise Invalid(f"Variant '{name}' is serverless: it takes ServerlessUpdateConfig, not DesiredInstanceCount.")
    wanted = {**now, **update}
    check_config(name, wanted)
    return {"count": kept(wanted), "spec": {**variant["spec"], CONFIG: wanted}}
