"""Home: the lifecycle as a map, what runs now, what failed lately and why."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.studio.asking import asking
from potager.studio.resources import RESOURCES, Resource
from potager.studio.views import page, tone

RECENT = 20
"""How many of each kind are looked at."""
FAILED = 8
"""How many failures are shown."""


async def show(request: Request) -> Response:
    """The page."""
    ask = asking(request)

    async def recent(resource: Resource) -> list[dict[str, Any]]:
        found = await ask(
            resource.service, resource.list, MaxResults=RECENT, SortBy="CreationTime", SortOrder="Descending"
        )
        return [
            {
                "resource": resource,
                "name": item[resource.name],
                "status": item.get(resource.status or "", ""),
                "at": item.get("CreationTime"),
            }
            for item in found[resource.items]
        ]

    lists = await asyncio.gather(*(recent(resource) for resource in RESOURCES))
    everything = sorted((item for items in lists for item in items), key=lambda item: item["at"], reverse=True)
    return page(
        request,
        "home.html",
        running=[item for item in everything if tone(item["status"]) == "busy"],
        failed=[item for item in everything if item["status"] == "Failed"][:FAILED],
        counts={resource.slug: len(items) for resource, items in zip(RESOURCES, lists, strict=True)},
        most=RECENT,
        empty=not everything,
    )


ROUTES = [Route("/", show)]
