"""How an endpoint's traffic moves: between its variants, to another configuration, and with its capacity.

A form of these is sent by htmx; what an operation refuses is said where the form is, and nothing that was typed goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking
from potager.studio.pages.hosting.draft import Unclear, number_of
from potager.studio.views import page

OFFERED = 50
"""Configurations, the newest, that an update can go to."""
WAYS = ("ONCE", "ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING")
"""How an update's traffic goes over: ONCE is an update without a DeploymentConfig."""
SERVICE = {"ServiceNamespace": "sagemaker"}
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
REQUESTS = "SageMakerVariantInvocationsPerInstance"

Act = Callable[[Asking, str, Mapping[str, Any]], Awaitable[str]]


def saying(act: Act, *, again: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """A view that acts upon a form and says what came of it, or what is wrong with the form.

    again : whether the page shall ask anew for what stands around the form.
    """

    async def view(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        good, text = False, ""
        try:
            text = await act(asking(request), request.path_params["name"], form)
            good = True
        except WireError as error:
            text = f"{error.code}: {error.message}"
        except Unclear as unclear:
            text = str(unclear)
        response = page(request, "hosting/said.html", good=good, text=text)
        if good and again:
            response.headers["HX-Trigger"] = "moved"
        return response

    return view


async def shift(ask: Asking, name: str, form: Mapping[str, Any]) -> str:
    """Gives the variants their weights and counts."""
    desired: list[dict[str, Any]] = []
    for field in form:
        kind, _, variant = field.partition(":")
        if kind != "weight":
            continue
        weight = number_of(form, field, f"The weight of {variant}", 0.0)
        one: dict[str, Any] = {"VariantName": variant, "DesiredWeight": weight}
        if form.get(f"count:{variant}"):
            count = number_of(form, f"count:{variant}", f"The number of instances of {variant}", 1)
            one["DesiredInstanceCount"] = int(count)
        desired.append(one)
    await ask("sagemaker", "UpdateEndpointWeightsAndCapacities", EndpointName=name, DesiredWeightsAndCapacities=desired)
    return "Taken on. The table above shows how far it is."


async def update(ask: Asking, name: str, form: Mapping[str, Any]) -> str:
    """Brings the endpoint to another configuration."""
    config = str(form.get("config") or "")
    if not config:
        raise Unclear("config", "Choose the configuration that it shall have.")
    more: dict[str, Any] = {}
    if deployment := deployment_config(form):
        more["DeploymentConfig"] = deployment
    if form.get("retain"):
        more["RetainAllVariantProperties"] = True
    await ask("sagemaker", "UpdateEndpoint", EndpointName=name, EndpointConfigName=config, **more)
    return f"On its way to {config}. The table above shows how far it is."


def deployment_config(form: Mapping[str, Any]) -> dict[str, Any]:
    """UpdateEndpoint's DeploymentConfig, as the form says; empty for an update at once that nothing watches."""
    way = str(form.get("way") or WAYS[0])
    alarms = [{"AlarmName": each.strip()} for each in str(form.get("alarms") or "").split(",") if each.strip()]
    if way == "ONCE":
        if alarms:
            raise Unclear("way", "Alarms go with a way that shifts traffic. Choose one, or leave them out.")
        return {}
    wait = int(number_of(form, "wait", "The wait", 0))
    size = {"Type": "CAPACITY_PERCENT", "Value": int(number_of(form, "size", "The size of a step", 50))}
    if way == "ROLLING":
        config: dict[str, Any] = {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait}}
    else:
        routing: dict[str, Any] = {"Type": way, "WaitIntervalInSeconds": wait}
        if way != "ALL_AT_ONCE":
            routing["CanarySize" if way == "CANARY" else "LinearStepSize"] = size
        config = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    return config | ({"AutoRollbackConfiguration": {"Alarms": alarms}} if alarms else {})


async def show(request: Request) -> Response:
    """The forms, and what scales the endpoint."""
    name, ask = request.path_params["name"], asking(request)
    found = await ask("sagemaker", "DescribeEndpoint", EndpointName=name)
    variants: list[dict[str, Any]] = found.get("ProductionVariants", [])
    resources = [resource(name, each["VariantName"]) for each in variants]
    configs, alarms, targets, policies, activities = await asyncio.gather(
        ask("sagemaker", "ListEndpointConfigs", MaxResults=OFFERED, SortBy="CreationTime", SortOrder="Descending"),
        ask("cloudwatch", "DescribeAlarms", MaxRecords=100),
        ask("application-autoscaling", "DescribeScalableTargets", ResourceIds=resources or [name], **SERVICE),
        _each(ask, "DescribeScalingPolicies", "ScalingPolicies", resources),
        _each(ask, "DescribeScalingActivities", "ScalingActivities", resources, MaxResults=10),
    )
    return page(
        request,
        "hosting/traffic.html",
        name=name,
        found=found,
        variants=variants,
        scalable=[each for each in variants if not each.get("CurrentServerlessConfig")],
        configs=[each["EndpointConfigName"] for each in configs["EndpointConfigs"]],
        alarms=[each for each in alarms.get("MetricAlarms", ()) if _about(each, name)],
        targets=targets["ScalableTargets"],
        policies=policies,
        activities=activities,
    )


async def _each(ask: Asking, operation: str, items: str, resources: list[str], **more: Any) -> list[dict[str, Any]]:
    """What Application Auto Scaling has of each of them."""
    found = await asyncio.gather(
        *(ask("application-autoscaling", operation, ResourceId=each, **SERVICE, **more) for each in resources)
    )
    return [one for each in found for one in each[items]]


def _about(alarm: Mapping[str, Any], name: str) -> bool:
    """Whether an alarm looks at the endpoint."""
    return any(each["Name"] == "EndpointName" and each["Value"] == name for each in alarm.get("Dimensions", ()))


def resource(name: str, variant: str) -> str:
    """What Application Auto Scaling calls a variant."""
    return f"endpoint/{name}/variant/{variant}"


async def scale(ask: Asking, name: str, form: Mapping[str, Any]) -> str:
    """Has a variant's instances follow its requests."""
    variant = str(form.get("variant") or "")
    named: dict[str, Any] = {**SERVICE, "ResourceId": resource(name, variant), "ScalableDimension": DIMENSION}
    least = int(number_of(form, "least", "The least number of instances", 1))
    most = int(number_of(form, "most", "The greatest number of instances", 4))
    tracking = {
        "TargetValue": number_of(form, "target", "The requests for each instance", 1000),
        "PredefinedMetricSpecification": {"PredefinedMetricType": REQUESTS},
        "ScaleOutCooldown": int(number_of(form, "out", "The pause after growing", 300)),
        "ScaleInCooldown": int(number_of(form, "in", "The pause after shrinking", 300)),
    }
    await ask("application-autoscaling", "RegisterScalableTarget", **named, MinCapacity=least, MaxCapacity=most)
    await ask(
        "application-autoscaling",
        "PutScalingPolicy",
        **named,
        PolicyName=f"{variant}-requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )
    return f"{variant} has {least} to {most} instances from now on, by its requests."


async def unscale(ask: Asking, name: str, form: Mapping[str, Any]) -> str:
    """Has a variant be scaled no more."""
    variant = str(form.get("variant") or "")
    named: dict[str, Any] = {**SERVICE, "ResourceId": resource(name, variant), "ScalableDimension": DIMENSION}
    await ask("application-autoscaling", "DeregisterScalableTarget", **named)
    return f"{variant} keeps the instances that it has."


ROUTES = [
    Route("/endpoints/{name}/moving", show),
    Route("/endpoints/{name}/shift", saying(shift), methods=["POST"]),
    Route("/endpoints/{name}/update", saying(update), methods=["POST"]),
    Route("/endpoints/{name}/scale", saying(scale, again=True), methods=["POST"]),
    Route("/endpoints/{name}/unscale", saying(unscale, again=True), methods=["POST"]),
]
