"""Models and endpoint configurations: what they are made of, what uses them, and what can be done with them.

Nothing keeps a list of what uses a model; the newest configurations are asked, and their endpoints.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.compute import catalog
from potager.studio.asking import Asking, asking
from potager.studio.pages.hosting import code
from potager.studio.pages.hosting.endpoint import described
from potager.studio.pages.hosting.examples import trained_in
from potager.studio.pages.listed import members
from potager.studio.resources import BY_SLUG
from potager.studio.s3 import split
from potager.studio.safety import ROOT
from potager.studio.views import page

LOOKED = 100
"""Configurations and endpoints, the newest, that are looked through for what uses a model."""
_NEWEST = {"SortBy": "CreationTime", "SortOrder": "Descending"}


async def model(request: Request) -> Response:
    """A model's page."""
    name, ask = request.path_params["name"], asking(request)
    found = await ask("sagemaker", "DescribeModel", ModelName=name)
    containers: list[dict[str, Any]] = found.get("Containers") or [found["PrimaryContainer"]]
    configs = await _configs(ask)
    using = [each["EndpointConfigName"] for each in configs if name in models_of(each)]
    endpoints = await _endpoints(ask, set(using))
    resource = BY_SLUG["models"]
    return page(
        request,
        "hosting/model.html",
        resource=resource,
        name=name,
        found=found,
        **members(resource, found),
        containers=[_told(each) for each in containers],
        configs=using,
        endpoints=endpoints,
        looked=LOOKED,
        programs=_program("CreateModel", found, ("ModelArn", "CreationTime")),
    )


def _told(container: dict[str, Any]) -> dict[str, Any]:
    """A container with what is known of its image and of where its artifact comes from."""
    image = catalog.find(container.get("Image", ""))
    data = container.get("ModelDataUrl") or ""
    bucket, key = split(data)
    return {
        **container,
        "program": image.repository if image else "",
        "job": trained_in(data),
        "bucket": bucket,
        "key": key,
    }


async def config(request: Request) -> Response:
    """An endpoint configuration's page."""
    name, ask = request.path_params["name"], asking(request)
    found = await ask("sagemaker", "DescribeEndpointConfig", EndpointConfigName=name)
    resource = BY_SLUG["endpoint-configs"]
    there = await asyncio.gather(*(described(ask, "DescribeModel", ModelName=each) for each in models_of(found)))
    return page(
        request,
        "hosting/config.html",
        resource=resource,
        name=name,
        found=found,
        **members(resource, found),
        variants=[*found["ProductionVariants"], *found.get("ShadowProductionVariants", ())],
        gone=[each for each, model in zip(models_of(found), there, strict=True) if not model],
        endpoints=await _endpoints(ask, {name}),
        looked=LOOKED,
        programs=_program("CreateEndpointConfig", found, ("EndpointConfigArn", "CreationTime")),
    )


def models_of(config: dict[str, Any]) -> list[str]:
    """The models that a configuration names."""
    variants = [*config.get("ProductionVariants", ()), *config.get("ShadowProductionVariants", ())]
    return list(dict.fromkeys(each["ModelName"] for each in variants if each.get("ModelName")))


async def _configs(ask: Asking) -> list[dict[str, Any]]:
    """The newest configurations, described."""
    listed = await ask("sagemaker", "ListEndpointConfigs", MaxResults=LOOKED, **_NEWEST)
    names = [each["EndpointConfigName"] for each in listed["EndpointConfigs"]]
    return list(
        await asyncio.gather(*(described(ask, "DescribeEndpointConfig", EndpointConfigName=each) for each in names))
    )


async def _endpoints(ask: Asking, configs: set[str]) -> list[dict[str, Any]]:
    """The endpoints, of the newest, that run one of these configurations."""
    if not configs:
        return []
    listed = await ask("sagemaker", "ListEndpoints", MaxResults=LOOKED, **_NEWEST)
    found = await asyncio.gather(
        *(described(ask, "DescribeEndpoint", EndpointName=each["EndpointName"]) for each in listed["Endpoints"])
    )
    return [each for each in found if each.get("EndpointConfigName") in configs]


def _program(operation: str, found: dict[str, Any], answered: tuple[str, ...]) -> str:
    """The call that made it."""
    return code.boto3([("sagemaker", operation, {key: value for key, value in found.items() if key not in answered})])


async def bring_up(request: Request) -> Response:
    """Makes an endpoint of a configuration."""
    endpoint = str((await request.form()).get("endpoint") or "").strip()
    names = {"EndpointName": endpoint, "EndpointConfigName": request.path_params["name"]}
    await asking(request)("sagemaker", "CreateEndpoint", **names)
    return RedirectResponse(f"{ROOT}/endpoints/{endpoint}", 303)


ROUTES = [
    Route("/models/{name}", model),
    Route("/endpoint-configs/{name}", config),
    Route("/endpoint-configs/{name}/endpoint", bring_up, methods=["POST"]),
]
