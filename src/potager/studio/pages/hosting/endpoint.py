"""An endpoint's page: what it serves, what is asked of it now, how that was in the last hours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio import live, s3
from potager.studio.asking import Asking, asking
from potager.studio.loglines import KINDS
from potager.studio.pages import streams
from potager.studio.pages.hosting import examples, numbers
from potager.studio.pages.streams import Printed
from potager.studio.views import fragment, page

GROUP = KINDS["endpoints"][1]
HOURS = (1, 3, 24, 24 * 14)
"""What charts can show."""
STREAMS, FIRST = 10, 30
"""The newest logs that are looked at for what serves a model, and how many lines of each."""


async def show(request: Request) -> Response:
    """The page."""
    name, ask = request.path_params["name"], asking(request)
    found = await ask("sagemaker", "DescribeEndpoint", EndpointName=name)
    config, served, example, known = await asyncio.gather(
        described(ask, "DescribeEndpointConfig", EndpointConfigName=found["EndpointConfigName"]),
        _served(ask, name),
        examples.of_endpoint(ask, found),
        streams.streams(ask, Printed(GROUP + name)),
    )
    return page(
        request,
        "hosting/endpoint.html",
        name=name,
        found=found,
        config=config,
        rows=rows(found, config, served),
        example=example,
        captured=s3.placed(f"{_captured(found)}/{name}/"),
        hours=_hours(request),
        spans=HOURS,
        numbers=None,
        streams=known,
    )


def _captured(found: Mapping[str, Any]) -> str:
    return found.get("DataCaptureConfig", {}).get("DestinationS3Uri", "").rstrip("/")


async def described(ask: Asking, operation: str, **named: str) -> dict[str, Any]:
    """A description; empty for what was deleted meanwhile."""
    try:
        return await ask("sagemaker", operation, **named)
    except WireError:
        return {}


def rows(found: Mapping[str, Any], config: Mapping[str, Any], served: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row of the table for each variant: what answers, else what is on its way."""
    pending: Mapping[str, Any] = found.get("PendingDeploymentSummary") or {}
    variants: list[dict[str, Any]] = found.get("ProductionVariants") or pending.get("ProductionVariants") or []
    specs = {each["VariantName"]: each for each in config.get("ProductionVariants", ())}
    total = sum(each.get("CurrentWeight", 0.0) for each in variants) or 1.0
    return [
        {
            **each,
            "spec": specs.get(each["VariantName"], {}),
            "share": each.get("CurrentWeight", 0.0) / total,
            "served": served.get(each["VariantName"], ""),
            "steps": each.get("VariantStatus", ()),
        }
        for each in variants
    ]


async def _served(ask: Asking, name: str) -> dict[str, str]:
    """By variant: what its newest worker said that it serves with, such as a compiled program."""
    try:
        streams = await ask(
            "logs",
            "DescribeLogStreams",
            logGroupName=GROUP + name,
            orderBy="LastEventTime",
            descending=True,
            limit=STREAMS,
        )
    except WireError:
        return {}
    newest: dict[str, str] = {}
    for stream in streams["logStreams"]:
        newest.setdefault(stream["logStreamName"].partition("/")[0], stream["logStreamName"])

    async def said(stream: str) -> str:
        told = await ask(
            "logs", "GetLogEvents", logGroupName=GROUP + name, logStreamName=stream, startFromHead=True, limit=FIRST
        )
        lines = [each["message"] for each in told["events"]]
        return next((line[line.index("served by") :] for line in lines if "served by" in line), "")

    found = await asyncio.gather(*map(said, newest.values()))
    return dict(zip(newest, found, strict=True))


async def watch(request: Request) -> Response:
    """The page's events: `status`, `variants`, `numbers`, and `pulse` for the live chart."""
    name, ask = request.path_params["name"], asking(request)
    pulse = numbers.Pulse(name)
    seen: dict[str, Any] = {"status": None, "config": {}, "served": {}}

    async def look() -> tuple[dict[str, str], bool]:
        try:
            found = await ask("sagemaker", "DescribeEndpoint", EndpointName=name)
        except WireError:
            return {"status": fragment(request, "hosting/status.html", found=None, name=name)}, False
        if (found["EndpointStatus"], found["EndpointConfigName"]) != seen["status"]:
            seen["status"] = found["EndpointStatus"], found["EndpointConfigName"]
            seen["config"], seen["served"] = await asyncio.gather(
                described(ask, "DescribeEndpointConfig", EndpointConfigName=found["EndpointConfigName"]),
                _served(ask, name),
            )
        table = rows(found, seen["config"], seen["served"])
        variants = [each["VariantName"] for each in table]
        rates = await pulse.look(ask, variants)
        return {
            "status": fragment(request, "hosting/status.html", found=found, name=name),
            "variants": fragment(request, "hosting/variants.html", found=found, rows=table),
            "numbers": fragment(request, "hosting/numbers.html", numbers=rates),
            "pulse": json.dumps(pulse.chart(variants)),
        }, True

    return live.stream(request, look)


async def chart(request: Request) -> Response:
    """The data of one of the charts."""
    name, ask = request.path_params["name"], asking(request)
    found = await ask("sagemaker", "DescribeEndpoint", EndpointName=name)
    variants = [each["VariantName"] for each in rows(found, {}, {})]
    data = await numbers.chart(ask, request.path_params["what"], name, variants, _hours(request))
    if data is None:
        raise HTTPException(404)
    return JSONResponse(data)


def _hours(request: Request) -> int:
    said = request.query_params.get("hours", "1")
    return int(said) if said.isdecimal() and int(said) in HOURS else HOURS[0]


async def _printed(ask: Asking, name: str) -> Printed:
    return Printed(GROUP + name)


ROUTES = [
    Route("/endpoints/{name}", show),
    Route("/endpoints/{name}/live", watch),
    Route("/endpoints/{name}/charts/{what}.json", chart),
    *streams.routes("/endpoints", _printed),
]
