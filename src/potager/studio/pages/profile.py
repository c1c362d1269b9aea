"""The profile of a table: started where there is none yet, live while it is made, then read.

GET .../profile?key=  ─► finished? ─► the profile
                           │ no ─► a job? ─► its progress, or why it failed
                           └ none ─► a button that starts it, which presses itself when the reader came from here
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from potager.kernel import lastwords
from potager.kernel.errors import WireError
from potager.studio import profiles
from potager.studio.asking import Asking, asking, seconds
from potager.studio.live import stream
from potager.studio.profiles import Profiles, Subject
from potager.studio.resources import ENDED
from potager.studio.safety import ROOT
from potager.studio.views import fragment, page, wanted

COLUMNS = 100
"""How many columns are listed at once."""
LOOK = 0.25
"""Seconds between two looks at a job that takes one or two."""
SEVERITIES = {"high": ("bad", "Mend first"), "medium": ("busy", "Look at"), "low": ("still", "Good to know")}
PROBLEMS = {
    "binary": "Yes or no: a model tells one of two values (binary classification).",
    "multiclass": "One of several: a model tells which of the values (multiclass classification).",
    "regression": "How much: a model tells a number (regression).",
}
TYPES = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "two values, yes or no",
    "date": "dates or times",
    "category": "words that come again and again",
    "text": "free text",
    "identifier": "another value in every row, which names the row",
    "constant": "one value in all rows",
    "empty": "nothing but gaps",
}
LOGS = "/aws/sagemaker/ProcessingJobs"


async def show(request: Request) -> Response:
    """The page, in the state that the profile is in."""
    found, subject = await _subject(request)
    profile = await found.found(subject)
    if profile is not None:
        return page(request, "profile/one.html", **_told(subject, profile))
    job = await found.job(subject)
    status = job["ProcessingJobStatus"] if job else ""
    if job is None or status == "Completed":  # somebody has deleted what it made
        came = request.headers.get("sec-fetch-site", "")
        return page(request, "profile/start.html", **_named(subject), at_once=came in ("same-origin", "none"))
    if status in ("Failed", "Stopped"):
        return page(request, "profile/failed.html", **_named(subject), **_failure(job))
    return page(request, "profile/making.html", **_named(subject), **await _progress(asking(request), job))


async def start(request: Request) -> Response:
    """Has the profile made."""
    form = await request.form()
    found, subject = await _subject(request, str(form.get("key", "")), str(form.get("target", "")))
    if await found.content(subject) is None:
        await found.start(subject)
    where = _address(subject)
    if not wanted(request):
        return RedirectResponse(where, 303)
    job = await found.job(subject)
    if job is None or job["ProcessingJobStatus"] != "InProgress":
        return Response(status_code=204, headers={"HX-Redirect": where})
    told = _named(subject) | await _progress(asking(request), job)
    return HTMLResponse(fragment(request, "profile/progress.html", **told))


async def live(request: Request) -> Response:
    """The progress of the job, until it has ended."""
    found, subject = await _subject(request)

    async def look() -> tuple[Mapping[str, str], bool]:
        job = await found.job(subject)
        if job is None:
            return {}, False
        over = job["ProcessingJobStatus"] in ENDED
        told = _named(subject) | await _progress(asking(request), job) | {"over": over}
        return {"progress": fragment(request, "profile/state.html", **told)}, not over

    return stream(request, look, LOOK)


async def column(request: Request) -> Response:
    """One column, opened."""
    _, _, profile = await _profile(request)
    place = request.query_params.get("place", "")
    for one in profile["columns"]:
        if str(one["place"]) == place:
            told = next((each for each in profile["target"].get("columns", ()) if each["name"] == one["name"]), None)
            values = {"one": one, "chart": profiles.bars(one), "foretells": told, "whole": _whole(profile)}
            return HTMLResponse(
                fragment(request, "profile/column.html", profile=profile, types=TYPES, **_WORDS, **values)
            )
    raise HTTPException(404)


async def columns(request: Request) -> Response:
    """Further columns of the list."""
    _, subject, profile = await _profile(request)
    text = request.query_params.get("from", "0")
    first = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    return HTMLResponse(fragment(request, "profile/columns.html", **(_told(subject, profile) | _part(profile, first))))


async def as_json(request: Request) -> Response:
    """`profile.json`, to keep."""
    found, subject = await _subject(request)
    content = await found.content(subject)
    if content is None:
        raise HTTPException(404)
    return _download(content, f"{subject.file}.profile.json", "application/json")


async def as_csv(request: Request) -> Response:
    """The columns as CSV, to keep."""
    _, subject, profile = await _profile(request)
    return _download(profiles.as_csv(profile).encode(), f"{subject.file}.profile.csv", "text/csv")


def _download(content: bytes, name: str, kind: str) -> Response:
    told = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(content, media_type=kind, headers=told)


async def _subject(request: Request, key: str = "", target: str = "") -> tuple[Profiles, Subject]:
    found = Profiles(asking(request))
    key, target = key or request.query_params.get("key", ""), target or request.query_params.get("target", "")
    if not key:
        raise WireError("InvalidRequest", "The address names no object. Open one below Data, and choose Profile.")
    return found, await found.subject(request.path_params["bucket"], key, target)


async def _profile(request: Request) -> tuple[Profiles, Subject, dict[str, Any]]:
    found, subject = await _subject(request)
    profile = await found.found(subject)
    if profile is None:
        raise HTTPException(404)
    return found, subject, profile


def _address(subject: Subject, part: str = "", **more: str) -> str:
    query = {"key": subject.key, **({"target": subject.target} if subject.target else {}), **more}
    return f"{ROOT}/data/{quote(subject.bucket)}/profile{part}?{urlencode(query)}"


def _address_of(subject: Subject) -> Callable[..., str]:
    def address(part: str, **more: str) -> str:
        return _address(subject, part, **more)

    return address


def _named(subject: Subject) -> dict[str, Any]:
    """What every state of the page shows."""
    return {
        "subject": subject,
        "here": _address(subject),
        "address": _address_of(subject),
        "bucket": f"{ROOT}/data/{quote(subject.bucket)}",
        "object": f"{ROOT}/data/{quote(subject.bucket)}/object?{urlencode({'key': subject.key})}",
    }


def _failure(job: Mapping[str, Any]) -> dict[str, Any]:
    said = str(job.get("ExitMessage") or job.get("FailureReason") or "")
    if job["ProcessingJobStatus"] == "Stopped":
        said = said or "Somebody stopped it."
    return {"job": job, "said": said.removeprefix("ClientError: "), "log": _log(job)}


def _log(job: Mapping[str, Any]) -> str:
    return f"{ROOT}/logs?{urlencode({'kind': 'processing-jobs', 'name': job['ProcessingJobName']})}"


async def _progress(ask: Asking, job: Mapping[str, Any]) -> dict[str, Any]:
    """How a job is getting on: since when, and what it said last."""
    name = job["ProcessingJobName"]
    said = "It waits for room on this machine."
    if "ProcessingStartTime" in job:
        said = "The table is being read."
        try:
            streams = await ask("logs", "DescribeLogStreams", logGroupName=LOGS, logStreamNamePrefix=f"{name}/")
            stream_name = streams["logStreams"][0]["logStreamName"]
            events = await ask("logs", "GetLogEvents", logGroupName=LOGS, logStreamName=stream_name, limit=5)
            lines = [event["message"].partition("] ")[2] for event in events["events"]]
            said = lastwords.message([line for line in lines if line]) or said
        except (WireError, LookupError):
            pass
    passed = time.time() - seconds(job["CreationTime"])
    return {"job": job, "said": said, "seconds": int(max(0.0, passed)), "over": False}


_WORDS = {
    "figure": profiles.figure,
    "many": profiles.many,
    "percent": profiles.percent,
    "clip": profiles.clip,
    "brief": profiles.brief,
}


def _told(subject: Subject, profile: Mapping[str, Any]) -> dict[str, Any]:
    """What the finished page shows."""
    relations, target = profile["relations"], profile["target"]
    matrices: list[dict[str, Any]] = []
    for title, names, key, low, meaning in (
        ("All columns", "columns", "association", 0.0, "0: nothing to do with each other. 1: one tells the other."),
        (
            "Numbers, by rank (Spearman)",
            "numbers",
            "spearman",
            -1.0,
            "1: both rise together. -1: one falls as the other rises.",
        ),
        (
            "Numbers, by a straight line (Pearson)",
            "numbers",
            "pearson",
            -1.0,
            "The same, where only straight lines count.",
        ),
    ):
        if len(relations.get(names, ())) > 1 and key in relations:
            chart = profiles.heat(relations[names], relations[key], low)
            matrices.append(
                {"title": title, "chart": chart, "meaning": meaning, "height": 90 + 26 * len(relations[names])}
            )
    return {
        **_named(subject),
        **_WORDS,
        "profile": profile,
        "table": profile["table"],
        "target": target,
        "whole": _whole(profile),
        "severities": SEVERITIES,
        "problems": PROBLEMS,
        "types": TYPES,
        "place_of": {one["name"]: one["place"] for one in profile["columns"]},
        "matrices": matrices,
        "gaps": profiles.gaps(profile["columns"]),
        "powers": profiles.powers(target) if target["name"] else None,
        "choices": [
            one["name"] for one in profile["columns"] if one["type"] not in ("empty", "constant", "identifier", "text")
        ],
        "train": f"{ROOT}/new/training-table?{urlencode({'source': subject.uri, 'target': target['name'] or ''})}",
        **_part(profile, 0),
    }


def _part(profile: Mapping[str, Any], first: int) -> dict[str, Any]:
    """Some of the columns, and where the next ones begin."""
    shown = profile["columns"][first : first + COLUMNS]
    more = len(profile["columns"]) - first - len(shown)
    return {"shown": shown, "next": first + COLUMNS if more > 0 else None, "more": more}


def _whole(profile: Mapping[str, Any]) -> bool:
    return bool(profile["table"]["sample"]["whole"])


_BASE = "/data/{bucket}/profile"
ROUTES = [
    Route(_BASE, show),
    Route(_BASE, start, methods=["POST"]),
    Route(f"{_BASE}/live", live),
    Route(f"{_BASE}/column", column),
    Route(f"{_BASE}/columns", columns),
    Route(f"{_BASE}/profile.json", as_json),
    Route(f"{_BASE}/columns.csv", as_csv),
]
"""They stand before those of buckets and objects."""
