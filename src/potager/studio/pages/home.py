"""Home: the lifecycle as a map, what runs now, what failed lately and why. All of it is live."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.studio import live, tutorial
from potager.studio.asking import Asking, asking
from potager.studio.resources import ABOUT, RESOURCES, Resource
from potager.studio.views import fragment, page, tone

MOST = 100
"""How many of each kind are counted: more are told as `100+`."""
SHOWN = 8
"""How many of what runs, and of what failed, are shown."""
EVERY = 3.0
"""Seconds between two looks."""


async def show(request: Request) -> Response:
    """The page."""
    ask = asking(request)
    known = await _known(ask)
    walk, following = await tutorial.walks(ask)
    return page(request, "home.html", walk=walk, following=following, missing=tutorial.missing(), about=ABOUT, **known)


async def watch(request: Request) -> Response:
    """The map, and what runs and failed, as they change."""
    ask = asking(request)

    async def look() -> tuple[Mapping[str, str], bool]:
        known = await _known(ask)
        map_ = fragment(request, "home-map.html", about=ABOUT, **known)
        return {"map": map_, "now": fragment(request, "home-now.html", **known)}, True

    return live.stream(request, look, EVERY)


async def _known(ask: Asking) -> dict[str, Any]:
    lists, buckets = await asyncio.gather(
        asyncio.gather(*(_recent(ask, resource) for resource in RESOURCES)), ask("s3", "ListBuckets")
    )
    everything = sorted((item for items in lists for item in items), key=lambda item: item["at"], reverse=True)
    failed = await asyncio.gather(*(_explained(ask, item) for item in _failed(everything)))
    counts = {resource.slug: len(items) for resource, items in zip(RESOURCES, lists, strict=True)}
    return {
        "running": [item for item in everything if tone(item["status"]) == "busy"][:SHOWN],
        "serving": [item for item in everything if item["status"] == "InService"][:SHOWN],
        "failed": failed,
        "counts": {slug: f"{count}+" if count == MOST else str(count) for slug, count in counts.items()},
        "buckets": len(buckets.get("Buckets", ())),
        "empty": not everything,
    }


def _failed(everything: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in everything if tone(item["status"]) == "bad"][:SHOWN]


async def _recent(ask: Asking, resource: Resource) -> list[dict[str, Any]]:
    found = await ask(resource.service, resource.list, MaxResults=MOST, SortBy="CreationTime", SortOrder="Descending")
    return [
        {
            "resource": resource,
            "name": item[resource.name],
            "status": item.get(resource.status or "", ""),
            "at": item["CreationTime"],
            "reason": "",
        }
        for item in found[resource.items]
    ]


async def _explained(ask: Asking, item: dict[str, Any]) -> dict[str, Any]:
    """A failure with its reason, which lists do not tell."""
    resource: Resource = item["resource"]
    found = await ask(resource.service, resource.describe, **{resource.key: item["name"]})
    return item | {"reason": found.get("FailureReason", "")}


ROUTES = [Route("/", show), Route("/live", watch)]
