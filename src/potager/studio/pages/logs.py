"""Logs of everything, searched or followed live; and what happened lately.

`/logs?q=ERROR+-timeout&kind=training-jobs&name=claims&hours=24&problems=on`, `/events?kind=endpoints&failed=on`
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio import happened, loglines
from potager.studio.asking import asking
from potager.studio.live import stream
from potager.studio.loglines import Line, Marks, Search, Tail
from potager.studio.views import fragment, page, wanted

HOURS = {"1": "the last hour", "24": "the last day", "168": "the last week", "": "any time"}
DEFAULT = "24"
MOST = 2000
"""Lines that a page follows; then it says so and ends."""


def _since(request: Request) -> datetime:
    hours = request.query_params.get("hours", DEFAULT)
    if hours not in HOURS:
        hours = DEFAULT
    return datetime.now(UTC) - timedelta(hours=int(hours)) if hours else datetime.fromtimestamp(0, UTC)


def _search(request: Request) -> Search:
    query = request.query_params
    return Search(
        query.get("q", ""),
        query.get("kind", "") if query.get("kind") in loglines.KINDS else "",
        query.get("name", "").strip(),
        int(_since(request).timestamp() * 1000),
        bool(query.get("problems")),
    )


async def show(request: Request) -> Response:
    """The search, and what it finds, oldest first."""
    search, problem = _search(request), ""
    found: list[Line] = []
    marks: Marks = {}
    try:
        found, marks = await loglines.lines(
            asking(request), search, loglines.unmarked(request.query_params.get("next"))
        )
    except WireError as error:
        problem = error.message
    asked = {name: value for name, value in request.query_params.items() if name != "next"}
    return page(
        request,
        "logs/lines.html" if wanted(request) else "logs/search.html",
        search=search,
        lines=found,
        next=loglines.marked(marks),
        asked=asked,
        problem=problem,
        kinds=loglines.KINDS,
        hours=HOURS,
        chosen=request.query_params.get("hours", DEFAULT),
    )


async def live(request: Request) -> Response:
    """What is printed from now on."""
    search = _search(request)
    now = int(datetime.now(UTC).timestamp() * 1000)
    tail = Tail(asking(request), Search(search.terms, search.kind, search.name, now, search.problems))
    told = 0

    async def look() -> tuple[dict[str, str], bool]:
        nonlocal told
        lines = await tail.news()
        told += len(lines)
        return {"lines": fragment(request, "logs/rows.html", lines=lines)} if lines else {}, told < MOST

    return stream(request, look)


async def follow(request: Request) -> Response:
    """The page on which they come."""
    asked = dict(request.query_params)
    return page(request, "logs/live.html", search=_search(request), asked=asked, most=MOST)


async def events(request: Request) -> Response:
    """What happened, the newest first."""
    query = request.query_params
    found, whole = await happened.gathered(asking(request), _since(request))
    kind, text = query.get("kind", ""), query.get("q", "").lower()
    some = [
        event
        for event in found
        if kind in ("", event.kind)
        and (event.bad or not query.get("failed"))
        and text in f"{event.name} {event.what} {event.status} {event.why}".lower()
    ]
    return page(
        request,
        "logs/happened.html" if wanted(request) else "logs/events.html",
        events=some,
        whole=whole,
        any=bool(found),
        kinds={**{slug: slug.replace("-", " ").capitalize() for slug in happened.SLUGS}, "alarms": "Alarms"},
        hours=HOURS,
        chosen=query.get("hours", DEFAULT),
    )


ROUTES = [
    Route("/logs", show),
    Route("/logs/follow", follow),
    Route("/logs/live", live),
    Route("/events", events),
]
