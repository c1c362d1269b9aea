"""The list and the detail page of a resource, made of its description in `resources.py`."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.studio.asking import asking
from potager.studio.resources import BY_SLUG, Resource
from potager.studio.views import page, wanted

PAGE = 50
"""How many a page of a list shows."""


def resource_of(request: Request) -> Resource:
    """The resource that the address names; 404 where it names none."""
    found = BY_SLUG.get(request.path_params["slug"])
    if found is None:
        raise HTTPException(404)
    return found


async def show(request: Request) -> Response:
    """A page of the list, filtered as the address says: `?name=claims&status=Failed&next=...`."""
    resource, query = resource_of(request), request.query_params
    asked = {
        "MaxResults": PAGE,
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "NameContains": query.get("name"),
        "StatusEquals": query.get("status"),
    }
    accepted = {name: value for name, value in asked.items() if resource.accepts(name)}
    found = await asking(request)(resource.service, resource.list, NextToken=query.get("next"), **accepted)
    return page(
        request,
        "rows.html" if wanted(request) else "list.html",
        resource=resource,
        items=found[resource.items],
        next=found.get("NextToken"),
    )


async def one(request: Request) -> Response:
    """Everything that the describe operation tells of one."""
    resource, name = resource_of(request), request.path_params["name"]
    found = await asking(request)(resource.service, resource.describe, **{resource.key: name})
    return page(request, "one.html", resource=resource, name=name, found=found, parts_of=parts(resource, found))


def parts(resource: Resource, found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members that are shown as they are, and those that are documents, without what the heading shows."""
    shown = (resource.key, resource.status, "FailureReason")
    plain = {key: value for key, value in found.items() if not isinstance(value, dict | list) and key not in shown}
    return plain, {key: value for key, value in found.items() if isinstance(value, dict | list) and value}


ROUTES = [Route("/{slug}", show), Route("/{slug}/{name}", one)]
"""They stand last: other pages' addresses are tried before."""
