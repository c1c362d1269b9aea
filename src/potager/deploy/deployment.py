"""What an endpoint runs: a copy of what its configuration and their models said. Either may be deleted meanwhile.

    deployment   config, revision, variants, shadows, capture, async       of an endpoint's row: `_wanted`, `_live`
    variant      name, instance, weight, count, isolated, containers, serial, spec
    container    name, image, data, environment, many, spec

A variant without a model has no containers: its endpoint holds inference components (`deploy/components`).
`many` is of a multi-model container: the `prefix` of its models, and whether they are `cached`.
`spec` is what the client wrote, ProductionVariant or ContainerDefinition, with what only one feature asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potager.compute import instances
from potager.deploy import artifact, configs, containers, models, serverless
from potager.kernel import ids
from potager.kernel.context import Context
from potager.kernel.errors import Invalid

Deployment = Mapping[str, Any]


async def made(ctx: Context, config_name: str) -> dict[str, Any]:
    """The deployment of a configuration, as it and its models are now."""
    doc = (await configs.find(ctx, config_name)).doc
    isolated = doc["EnableNetworkIsolation"]
    return {
        "config": config_name,
        "revision": ids.short(8),
        "variants": [await _variant(ctx, variant, isolated) for variant in doc["ProductionVariants"]],
        "shadows": [await _variant(ctx, variant, isolated) for variant in doc.get("ShadowProductionVariants", ())],
        "capture": doc.get("DataCaptureConfig"),
        "async": doc.get("AsyncInferenceConfig"),
    }


async def _variant(ctx: Context, variant: Mapping[str, Any], isolated: bool) -> dict[str, Any]:
    name = variant.get("ModelName")
    model: Mapping[str, Any] = (await models.find(ctx, name)).doc if name else {}
    without = variant.get(serverless.CONFIG)
    return {
        "name": variant["VariantName"],
        "instance": instances.serverless(without["MemorySizeInMB"])
        if without
        else variant.get("InstanceType", "ml.m5.large"),
        "containers": contained(model),
        "serial": containers.serial(model),
        "isolated": model.get("EnableNetworkIsolation", False) or isolated,
        "weight": variant["InitialVariantWeight"],
        "count": serverless.kept(without) if without else variant["InitialInstanceCount"],
        "spec": variant,
    }


def contained(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The containers of a model's document, as a deployment has them."""
    return [_container(each, number) for number, each in enumerate(containers.of(model), 1)]


def _container(container: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "name": containers.name(container, number),
        "image": container["Image"],
        "data": None if containers.many(container) else artifact.data(container),
        "many": _many(container) if containers.many(container) else None,
        "environment": container.get("Environment", {}),
        "spec": container,
    }


def _many(container: Mapping[str, Any]) -> dict[str, Any]:
    setting = container.get("MultiModelConfig", {}).get("ModelCacheSetting", "Enabled")
    return {"prefix": container["ModelDataUrl"], "cached": setting == "Enabled"}


def reweighed(deployment: Deployment, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A deployment with other weights and counts; `Invalid` for a variant that it does not have."""
    variants = {variant["name"]: dict(variant) for variant in deployment["variants"]}
    configs.check_names([change["VariantName"] for change in changes])
    for change in changes:
        variant = variants.get(change["VariantName"])
        if variant is None:
            known = ", ".join(variants)
            raise Invalid(f"The endpoint has no variant '{change['VariantName']}'. Its variants: {known}.")
        variant["weight"] = change.get("DesiredWeight", variant["weight"])
        variant.update(serverless.changed(variant, change))
    configs.check_shares(
        [
            (each["name"], each["weight"], None if serverless.config(each) else each["count"])
            for each in variants.values()
        ],
        least=0 if deployment.get("async") else 1,
    )
    return {**deployment, "variants": list(variants.values())}
