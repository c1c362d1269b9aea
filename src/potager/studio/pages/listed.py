"""The list and the detail page of a resource, made of its description in `resources.py`."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from potager.kernel import clock
from potager.studio.asking import asking
from potager.studio.cells import harmless
from potager.studio.resources import BY_SLUG, Resource
from potager.studio.views import page, tone, wanted

PAGE = 50
"""How many a page of a list shows."""
CHUNK = 100
"""How many are asked for at a time where all are."""
DEEP = 20
"""Pages that one can turn back."""
WITHIN = (
    ("1", "in the last hour"),
    ("24", "in the last day"),
    ("168", "in the last week"),
    ("720", "in the last 30 days"),
)
"""Hours by which a list can be narrowed, and how that is said."""
NEWEST = ("CreationTime", "Descending")
"""The order of a list that is not told another."""


def resource_of(request: Request) -> Resource:
    """The resource that the address names; 404 where it names none."""
    found = BY_SLUG.get(request.path_params["slug"])
    if found is None:
        raise HTTPException(404)
    return found


async def show(request: Request) -> Response:
    """A page of the list, as the address says: `?name=claims&status=Failed&sort=Name&order=Ascending&next=...`.

    A page with busy rows asks again every few seconds; `seen` says what it shows, and 204 that this is still so.
    """
    resource, query = resource_of(request), request.query_params
    found = await asking(request)(
        resource.service, resource.list, NextToken=query.get("next"), MaxResults=PAGE, **asked(resource, query)
    )
    items = found[resource.items]
    seen = digest(resource, items)
    if query.get("seen") == seen:
        return Response(status_code=204)

    def sorted_by(by: str, order: str) -> str:
        return _address(request, sort=by, order=order, next=None)

    return page(
        request,
        "rows.html" if wanted(request) else "list.html",
        resource=resource,
        items=items,
        sort=query.get("sort", NEWEST[0]),
        order=query.get("order", NEWEST[1]),
        older=_address(request, next=found.get("NextToken"), back=_trail(query)) if found.get("NextToken") else "",
        newer=_address(request, next=_trail(query)[-2], back=_trail(query)[:-2]) if "next" in query else "",
        table=_address(request, next=None, path=f"{request.url.path}.csv"),
        again=_address(request, seen=seen, back=query.getlist("back")),
        sorted_by=sorted_by,
        withins=WITHIN,
        busy=any(tone(item.get(resource.status or "", "")) == "busy" for item in items),
    )


def asked(resource: Resource, query: QueryParams) -> dict[str, Any]:
    """The list operation's parameters for what an address says, without those that it does not know."""
    said = {
        "SortBy": query.get("sort", NEWEST[0]),
        "SortOrder": query.get("order", NEWEST[1]),
        "NameContains": query.get("name", "").strip(),
        "StatusEquals": query.get("status"),
        "CreationTimeAfter": _after(query.get("within", "")),
    }
    return {name: value for name, value in said.items() if resource.accepts(name)}


def _after(hours: str) -> datetime | None:
    """The time that was so many hours ago."""
    wanted = hours in dict(WITHIN)
    return datetime.fromtimestamp(clock.now() - float(hours) * 3600, UTC) if wanted else None


def digest(resource: Resource, items: list[dict[str, Any]]) -> str:
    """What rows look like, in a few letters."""
    shown = [(item[resource.name], item.get(resource.status or "")) for item in items]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:12]


def _trail(query: QueryParams) -> list[str]:
    """The tokens of the pages up to this one, "" for the first; of many, those of the last few."""
    return ["", *query.getlist("back"), query.get("next", "")][-DEEP:] if "next" in query else [""]


def _address(request: Request, path: str = "", back: list[str] | None = None, **changes: str | None) -> str:
    """This page's address with other parameters; those that are None or "" are left out."""
    kept = {name: value for name, value in request.query_params.items() if name not in ("back", "seen")} | changes
    pairs = [(name, value) for name, value in kept.items() if value] + [("back", each) for each in back or () if each]
    return f"{path or request.url.path}?{urlencode(pairs)}"


async def table(request: Request) -> Response:
    """The whole list, filtered and sorted as the page is, as CSV: every plain member of a summary."""
    resource, ask = resource_of(request), asking(request)
    plain = [name for name, shape in resource.summary.items() if shape.type_name not in ("structure", "list", "map")]
    given = asked(resource, request.query_params)
    first = await ask(resource.service, resource.list, MaxResults=CHUNK, **given)  # so that a bad filter is an error

    async def lines() -> AsyncIterator[str]:
        yield _csv([plain])
        found = first
        while True:
            yield _csv([[_cell(item.get(name)) for name in plain] for item in found[resource.items]])
            if not (token := found.get("NextToken")):
                return
            found = await ask(resource.service, resource.list, MaxResults=CHUNK, NextToken=token, **given)

    named = {"Content-Disposition": f'attachment; filename="{resource.slug}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=named)


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return harmless(text)


async def one(request: Request) -> Response:
    """Everything that the describe operation tells of one."""
    resource, name = resource_of(request), request.path_params["name"]
    found = await asking(request)(resource.service, resource.describe, **{resource.key: name})
    return page(request, "one.html", resource=resource, name=name, found=found, **members(resource, found))


def members(resource: Resource, found: dict[str, Any]) -> dict[str, Any]:
    """The members without what the heading shows: `plain`, shown as they are, and `documents`."""
    shown = (resource.key, resource.status, "FailureReason")
    plain = {key: value for key, value in found.items() if not isinstance(value, dict | list) and key not in shown}
    return {
        "plain": plain,
        "documents": {key: value for key, value in found.items() if isinstance(value, dict | list) and value},
    }


ROUTES = [Route("/{slug}.csv", table), Route("/{slug}", show), Route("/{slug}/{name}", one)]
"""They stand last: other pages' addresses are tried before."""
