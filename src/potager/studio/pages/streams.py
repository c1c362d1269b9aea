"""What one resource has printed, as `<po-log>` (static/log.js) reads it: by pages, searched, or whole as a file.

A page of a resource says where its log is (`Printed`) and takes `routes` among its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking, seconds

PAGE = 1000
"""Events of one page."""
LONGEST = 10_000
"""Letters of an event that are shown; the file has all of them."""


@dataclass(frozen=True)
class Printed:
    """Where the log of a resource is.

    Parameters
    ----------
    group : the log group. begin, end : how the names of its streams begin and end; an earlier job of the same name left
    streams that end otherwise. over : whether nothing more will be printed.
    """

    group: str
    begin: str = ""
    end: str = ""
    over: bool = False

    def has(self, stream: str) -> bool:
        """Whether a stream is of this resource."""
        return stream.startswith(self.begin) and stream.endswith(self.end)


Find = Callable[[Asking, str], Awaitable[Printed]]
"""Where the log of a resource is, by the resource's name."""


def of_job(group: str, name: str, created: Any, *, over: bool) -> Printed:
    """Where a job's log is: one stream a host, whose name ends with the second in which the job was made."""
    return Printed(group, f"{name}/", f"-{int(seconds(created))}", over)


async def streams(ask: Asking, printed: Printed) -> list[str]:
    """The streams of a resource; none where nothing was printed."""
    try:
        found = await ask("logs", "DescribeLogStreams", logGroupName=printed.group, logStreamNamePrefix=printed.begin)
    except WireError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return []
    return [stream["logStreamName"] for stream in found["logStreams"] if printed.has(stream["logStreamName"])]


async def events(ask: Asking, group: str, stream: str, **asked: Any) -> dict[str, Any]:
    """A page of a stream's events and its tokens."""
    return await ask("logs", "GetLogEvents", logGroupName=group, logStreamName=stream, **{"limit": PAGE, **asked})


def routes(slug: str, find: Find) -> list[Route]:
    """`<slug>/{name}/log.json`, `log-search.json` and `log.txt`, each with `?stream=`: the first one without it."""

    async def asked(request: Request) -> tuple[Asking, Printed, str]:
        ask, stream = asking(request), request.query_params.get("stream", "")
        printed = await find(ask, request.path_params["name"])
        if not printed.has(stream) and stream:
            raise WireError("ResourceNotFoundException", f"{stream!r} is no log stream of this.", 404)
        return ask, printed, stream or next(iter(await streams(ask, printed)), "")

    async def some(request: Request) -> Response:
        return JSONResponse(await _some(*await asked(request), request.query_params))

    async def search(request: Request) -> Response:
        return JSONResponse(await _search(*await asked(request), request.query_params.get("q", "").strip()))

    async def whole(request: Request) -> Response:
        ask, printed, stream = await asked(request)
        host = stream.rpartition("/")[2].removesuffix(printed.end) or "log"
        headers = {"Content-Disposition": f'attachment; filename="{request.path_params["name"]}-{host}.log"'}
        lines = _lines(ask, printed.group, stream)
        return StreamingResponse(lines, media_type="text/plain; charset=utf-8", headers=headers)

    return [
        Route(f"{slug}/{{name}}/log.json", some),
        Route(f"{slug}/{{name}}/log-search.json", search),
        Route(f"{slug}/{{name}}/log.txt", whole),
    ]


async def _some(ask: Asking, printed: Printed, stream: str, query: Any) -> dict[str, Any]:
    """A page of events: behind a `token`, from the time `at`, or the end."""
    if not stream:
        return {"events": [], "forward": "", "backward": "", "done": printed.over}
    place: dict[str, Any] = {}
    if query.get("token"):
        place = {"nextToken": query["token"]}
    elif query.get("at", "").isdigit():
        place = {"startTime": int(query["at"]), "startFromHead": True}
    found = await events(ask, printed.group, stream, **place)
    return {
        "events": [_event(each) for each in found["events"]],
        "forward": found["nextForwardToken"],
        "backward": found["nextBackwardToken"],
        "done": printed.over,
    }


async def _search(ask: Asking, printed: Printed, stream: str, wanted: str) -> dict[str, Any]:
    """The events of the whole stream that hold a text, oldest first, `PAGE` at most."""
    found: list[list[Any]] = []
    token = None
    while stream and wanted and len(found) < PAGE:
        page = await ask(
            "logs",
            "FilterLogEvents",
            logGroupName=printed.group,
            logStreamNames=[stream],
            filterPattern=json.dumps(wanted, ensure_ascii=False),
            limit=PAGE - len(found),
            nextToken=token,
        )
        found += [_event(each) for each in page["events"]]
        token = page.get("nextToken")
        if not token:
            break
    return {"events": found, "more": bool(token)}


async def _lines(ask: Asking, group: str, stream: str) -> AsyncIterator[str]:
    token = None
    while stream:
        found = await events(ask, group, stream, nextToken=token, startFromHead=True, limit=10_000)
        yield "".join(f"{_moment(each['timestamp'])} {each['message']}\n" for each in found["events"])
        if found["nextForwardToken"] == token:
            return
        token = found["nextForwardToken"]


def _event(event: dict[str, Any]) -> list[Any]:
    text: str = event["message"]
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} ... ({len(text) - LONGEST} more letters: download the log)"
    return [event["timestamp"], text]


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
