"""The logs of endpoints and of transform jobs, as `<po-log>` (static/log.js) reads them: a page at a time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking

PAGE = 1000
"""Events of one page."""
LONGEST = 10_000
"""Letters of an event that are shown; the file has all of them."""

Place = Callable[[str], tuple[str, str]]
"""The log group of a resource by its name, and what the names of its streams begin with."""


async def streams(ask: Asking, group: str, prefix: str) -> list[str]:
    """The streams of a resource; none where nothing was printed."""
    try:
        found = await ask("logs", "DescribeLogStreams", logGroupName=group, logStreamNamePrefix=prefix)
    except WireError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return []
    return [stream["logStreamName"] for stream in found["logStreams"]]


def routes(slug: str, place: Place) -> list[Route]:
    """`<slug>/{name}/log.json`, `log-search.json` and `log.txt`, each with `?stream=`."""

    def where(request: Request) -> tuple[str, str]:
        group, prefix = place(request.path_params["name"])
        stream = request.query_params.get("stream", "")
        if not stream.startswith(prefix):
            raise WireError("ResourceNotFoundException", f"{stream!r} is no log stream of this.", 404)
        return group, stream

    async def some(request: Request) -> Response:
        """A page of events: behind a `token`, from the time `at`, or the end."""
        (group, stream), query = where(request), request.query_params
        at = query.get("at", "")
        asked: dict[str, Any] = {"nextToken": query["token"]} if query.get("token") else {}
        if at.isdigit() and not asked:
            asked = {"startTime": int(at), "startFromHead": True}
        named = {"logGroupName": group, "logStreamName": stream, "limit": PAGE}
        found = await asking(request)("logs", "GetLogEvents", **named, **asked)
        return JSONResponse(
            {
                "events": [_event(each) for each in found["events"]],
                "forward": found["nextForwardToken"],
                "backward": found["nextBackwardToken"],
                "done": False,
            }
        )

    async def search(request: Request) -> Response:
        """The events that hold `?q=`, oldest first."""
        (group, stream), wanted = where(request), request.query_params.get("q", "").strip()
        found = await asking(request)(
            "logs",
            "FilterLogEvents",
            logGroupName=group,
            logStreamNames=[stream],
            filterPattern=json.dumps(wanted, ensure_ascii=False),
            limit=PAGE,
        )
        more = bool(found.get("nextToken"))
        return JSONResponse({"events": [_event(each) for each in found["events"]], "more": more})

    async def whole(request: Request) -> Response:
        """The whole stream as a text file."""
        group, stream = where(request)
        headers = {"Content-Disposition": f'attachment; filename="{request.path_params["name"]}.log"'}
        lines = _lines(asking(request), group, stream)
        return StreamingResponse(lines, media_type="text/plain; charset=utf-8", headers=headers)

    return [
        Route(f"{slug}/{{name}}/log.json", some),
        Route(f"{slug}/{{name}}/log-search.json", search),
        Route(f"{slug}/{{name}}/log.txt", whole),
    ]


def _event(event: dict[str, Any]) -> list[Any]:
    text: str = event["message"]
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} ... ({len(text) - LONGEST} more letters: download the log)"
    return [event["timestamp"], text]


async def _lines(ask: Asking, group: str, stream: str) -> AsyncIterator[str]:
    token = None
    named = {"logGroupName": group, "logStreamName": stream, "startFromHead": True}
    while True:
        found = await ask("logs", "GetLogEvents", **named, nextToken=token)
        for each in found["events"]:
            at = datetime.fromtimestamp(each["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
            yield f"{at.replace('+00:00', 'Z')} {each['message']}\n"
        if found["nextForwardToken"] == token:
            return
        token = found["nextForwardToken"]
