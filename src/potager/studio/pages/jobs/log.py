"""A training job's log: a page of events at a time, found again by their time, and whole as a file."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking

GROUP = "/aws/sagemaker/TrainingJobs"
PAGE = 1000
"""Events of one page."""
LONGEST = 10_000
"""Letters of an event that are shown; the file has all of them."""
FAILURE = re.compile(r"\b(error|exception|fatal|critical|traceback|failed)\b|Error\b|Exception\b", re.IGNORECASE)
LAST_WORDS = 12
"""Lines shown of a job that failed."""


async def streams(ask: Asking, job: dict[str, Any]) -> list[str]:
    """The log streams of a job, one a host; none of an earlier job that had the same name."""
    name = job["TrainingJobName"]
    try:
        found = await ask("logs", "DescribeLogStreams", logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
    except WireError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return []
    names = [stream["logStreamName"] for stream in found["logStreams"]]
    born = f"-{int(float(job['CreationTime']))}"
    return [stream for stream in names if stream.endswith(born)]


async def events(ask: Asking, stream: str, **asked: Any) -> dict[str, Any]:
    """A page of a stream's events and its tokens."""
    return await ask("logs", "GetLogEvents", logGroupName=GROUP, logStreamName=stream, **{"limit": PAGE, **asked})


async def last_words(ask: Asking, names: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """The stream whose end tells of an error, and the lines that lead up to the last one that does; or just its end."""
    chosen: tuple[str, list[dict[str, Any]]] = ("", [])
    for stream in names[:8]:
        found = (await events(ask, stream, limit=200))["events"]
        at = max((place for place, each in enumerate(found) if FAILURE.search(each["message"])), default=-1)
        if at >= 0:
            return stream, found[max(0, at + 1 - LAST_WORDS) : at + 1]
        if found and not chosen[1]:
            chosen = stream, found[-LAST_WORDS:]
    return chosen


async def some(request: Request) -> Response:
    """A page of events as JSON: `?stream=` and a `token`; or a time, `at`; or the end."""
    ask, query = asking(request), request.query_params
    job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=request.path_params["name"])
    stream = await _stream(ask, job, query.get("stream", ""))
    over = job["TrainingJobStatus"] not in ("InProgress", "Stopping")
    if not stream:
        return JSONResponse({"events": [], "forward": "", "backward": "", "done": over})
    at = query.get("at", "")
    place = {"startTime": int(at), "startFromHead": True} if at.isdigit() else {}
    found = await events(ask, stream, **({"nextToken": query["token"]} if query.get("token") else place))
    return JSONResponse(
        {
            "events": [[each["timestamp"], _cut(each["message"])] for each in found["events"]],
            "forward": found["nextForwardToken"],
            "backward": found["nextBackwardToken"],
            "done": over,
        }
    )


async def search(request: Request) -> Response:
    """The events of the whole log that hold a text, oldest first, `PAGE` at most: `?q=`."""
    ask, query = asking(request), request.query_params
    job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=request.path_params["name"])
    stream, wanted = await _stream(ask, job, query.get("stream", "")), query.get("q", "").strip()
    found: list[list[Any]] = []
    token = None
    while stream and wanted and len(found) < PAGE:
        page = await ask(
            "logs",
            "FilterLogEvents",
            logGroupName=GROUP,
            logStreamNames=[stream],
            filterPattern=json.dumps(wanted, ensure_ascii=False),
            limit=PAGE - len(found),
            nextToken=token,
        )
        found += [[each["timestamp"], _cut(each["message"])] for each in page["events"]]
        token = page.get("nextToken")
        if not token:
            break
    return JSONResponse({"events": found, "more": bool(token)})


async def whole(request: Request) -> Response:
    """The whole log of one host as a text file."""
    ask = asking(request)
    job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=request.path_params["name"])
    stream = await _stream(ask, job, request.query_params.get("stream", ""))
    name = f"{job['TrainingJobName']}-{_host(stream)}.log"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_lines(ask, stream), media_type="text/plain; charset=utf-8", headers=headers)


async def _lines(ask: Asking, stream: str) -> AsyncIterator[str]:
    token = None
    while stream:
        found = await events(ask, stream, nextToken=token, startFromHead=True, limit=10_000)
        yield "".join(f"{_moment(each['timestamp'])} {each['message']}\n" for each in found["events"])
        if found["nextForwardToken"] == token:
            return
        token = found["nextForwardToken"]


async def _stream(ask: Asking, job: dict[str, Any], asked: str) -> str:
    """The stream that is asked for, or the first; "" where the job has none, or none of that name."""
    known = await streams(ask, job)
    return next((name for name in known if name == asked or not asked), "")


def _host(stream: str) -> str:
    return stream.rpartition("/")[2].rpartition("-")[0] or "log"


def _cut(text: str) -> str:
    return (
        text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text) - LONGEST} more letters: download the log)"
    )


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


ROUTES = [
    Route("/training-jobs/{name}/log.json", some),
    Route("/training-jobs/{name}/log-search.json", search),
    Route("/training-jobs/{name}/log.txt", whole),
]
