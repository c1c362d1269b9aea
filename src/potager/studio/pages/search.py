"""The search over everything: pages, what can be done, and resources by name. `static/search.js` shows it on Ctrl-K.

Names are asked of the list operations, all at once, as `NameContains`; buckets are few enough to be looked through.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.studio.asking import Asking, asking
from potager.studio.resources import RESOURCES, Place, Resource
from potager.studio.views import page, wanted

FEW = 5
"""How many of each kind are shown."""
LONGEST = 200
"""Characters of a question that are read."""

_NAME = re.compile(r"[A-Za-z0-9-]{1,63}")


@dataclass(frozen=True)
class Hit:
    """Something found: its address below Studio's, its name, and a word beside it."""

    address: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class Group:
    """What was found of a kind."""

    title: str
    hits: list[Hit] = field(default_factory=list[Hit])


async def show(request: Request) -> Response:
    """What fits `?q=`: options of a list box for the dialog, else a page."""
    question = request.query_params.get("q", "").strip()[:LONGEST]
    found = await groups(asking(request), question, request.app.state.places)
    return page(request, "found.html" if wanted(request) else "search.html", groups=found, question=question)


async def groups(ask: Asking, question: str, places: Iterable[Place]) -> list[Group]:
    """Everything that fits, kind by kind; kinds without any are left out."""
    ways = [Hit(place.address, place.title) for place in places]
    ways += [Hit(f"/{resource.slug}", resource.title) for resource in RESOURCES]
    acts = [Hit(address, label, one.title) for one in RESOURCES for address, label in one.actions]
    name = name_in(question)
    named = [*(_resources(ask, one, name) for one in RESOURCES), _buckets(ask, name)] if name else []
    told = [Group("Pages", _fitting(ways, question)), Group("To do", _fitting(acts, question))]
    return [group for group in [*told, *await asyncio.gather(*named)] if group.hits]


def name_in(question: str) -> str:
    """The name that is looked for: the question itself, that of an ARN or of an S3 URI; "" where it can be none."""
    if question.startswith("arn:"):
        question = question.rpartition("/")[2]
    if question.startswith("s3://"):
        question = question.removeprefix("s3://").partition("/")[0]
    return question if _NAME.fullmatch(question) or re.fullmatch(r"[a-z0-9.-]{1,63}", question) else ""


def _fitting(hits: Iterable[Hit], question: str) -> list[Hit]:
    """Those that hold each word of the question, whatever its capitals."""
    sought = question.lower().split()
    return [hit for hit in hits if all(word in f"{hit.name} {hit.note}".lower() for word in sought)]


async def _resources(ask: Asking, resource: Resource, name: str) -> Group:
    if not resource.accepts("NameContains") or not _NAME.fullmatch(name):
        return Group(resource.title)
    asked = {"NameContains": name, "MaxResults": FEW, "SortBy": "CreationTime", "SortOrder": "Descending"}
    accepted = {member: value for member, value in asked.items() if resource.accepts(member)}
    found = await ask(resource.service, resource.list, **accepted)
    hits = [
        Hit(f"/{resource.slug}/{item[resource.name]}", item[resource.name], item.get(resource.status or "", ""))
        for item in found[resource.items]
    ]
    return Group(resource.title, hits)


async def _buckets(ask: Asking, name: str) -> Group:
    found = await ask("s3", "ListBuckets")
    names = [bucket["Name"] for bucket in found.get("Buckets", ()) if name.lower() in bucket["Name"]]
    return Group("Buckets", [Hit(f"/data/{each}", each) for each in names[:FEW]])


ROUTES = [Route("/search", show)]
