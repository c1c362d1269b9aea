"""The page of one training job: its heading, live, and one of its tabs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio import live
from potager.studio.asking import Asking, asking
from potager.studio.pages import streams
from potager.studio.pages.jobs import curves, evaluation, log, measures, overview
from potager.studio.pages.jobs.advice import advice
from potager.studio.resources import ENDED
from potager.studio.s3 import placed
from potager.studio.safety import ROOT
from potager.studio.training.code import as_code
from potager.studio.views import fragment, page

TABS = ("overview", "log", "curves", "evaluation", "code")
LATER = ("curves",)
"""Tabs that come by the stream alone, because they may take longer than a page should."""


async def show(request: Request) -> Response:
    """The page: `?tab=log`."""
    ask = asking(request)
    job = await _job(ask, request)
    tab = _tab(request)
    more = {} if tab in LATER else await PARTS[tab](request, ask, job)
    values = {"later": tab in LATER} | await _heading(ask, job) | more
    return page(request, f"jobs/{tab}.html", job=job, name=job["TrainingJobName"], tab=tab, tabs=TABS, **values)


async def look(request: Request) -> Response:
    """What of the page is live: its heading, and what the tab shows of a job that goes on."""
    ask, tab = asking(request), _tab(request)

    async def fragments() -> tuple[dict[str, str], bool]:
        job = await _job(ask, request)
        values = await _heading(ask, job)
        known = {"job": job, "name": job["TrainingJobName"], "tab": tab}
        found = {"head": fragment(request, "jobs/head.html", **known, **values)}
        more: dict[str, Any] = {}
        if tab != "log":
            more = await PARTS[tab](request, ask, job)
            found["part"] = fragment(request, f"jobs/{tab}-part.html", **known, **values, **more)
        return found, values["active"] or bool(more.get("behind"))

    return live.stream(request, fragments)


async def stop(request: Request) -> Response:
    """Stops the job. One that has ended meanwhile is shown as it is."""
    ask, name = asking(request), request.path_params["name"]
    try:
        await ask("sagemaker", "StopTrainingJob", TrainingJobName=name)
    except WireError:
        if (await _job(ask, request))["TrainingJobStatus"] not in ENDED:
            raise
    return RedirectResponse(f"{ROOT}/training-jobs/{name}", 303)


async def _job(ask: Asking, request: Request) -> dict[str, Any]:
    return await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=request.path_params["name"])


def _tab(request: Request) -> str:
    wanted = request.query_params.get("tab", "")
    return wanted if wanted in TABS else TABS[0]


async def _heading(ask: Asking, job: dict[str, Any]) -> dict[str, Any]:
    """Status, time line, and of a job that failed its last words."""
    failed = job["TrainingJobStatus"] == "Failed"
    stream, words = await log.last_words(ask, job) if failed else ("", [])
    return {
        "active": job["TrainingJobStatus"] not in ENDED,
        "steps": overview.timeline(job),
        "advice": advice(job.get("FailureReason", ""), job.get("SecondaryStatus", "")),
        "words": words,
        "stream": stream,
    }


async def _overview(request: Request, ask: Asking, job: dict[str, Any]) -> dict[str, Any]:
    return {
        "channels": overview.channels(job),
        "parameters": overview.hyperparameters(job),
        "about": overview.about(job),
        "metrics": [each | {"words": measures.said(each["MetricName"])} for each in job.get("FinalMetricDataList", ())],
        "placed": placed,
        **await overview.beside(ask, job),
    }


async def _log(request: Request, ask: Asking, job: dict[str, Any]) -> dict[str, Any]:
    query = request.query_params
    known = await streams.streams(ask, log.printed(job))
    chosen = query.get("stream", "")
    at = query.get("at", "")
    return {
        "streams": [(stream, stream.partition("/")[2].rpartition("-")[0]) for stream in known],
        "chosen": chosen if chosen in known else next(iter(known), ""),
        "at": at if at.isdigit() else "",
    }


async def _curves(request: Request, ask: Asking, job: dict[str, Any]) -> dict[str, Any]:
    query = request.query_params
    counted, behind = await curves.counted(ask, job)
    return {
        "groups": curves.groups(counted),
        "behind": behind,
        "defined": curves.names(job),
        "x": "time" if query.get("x") == "time" else "iteration",
        "y": "log" if query.get("y") == "log" else "linear",
        "said": measures.said,
        "better": measures.better,
    }


async def _evaluation(request: Request, ask: Asking, job: dict[str, Any]) -> dict[str, Any]:
    found = await evaluation.read(ask, job)
    return {
        "evaluation": found,
        "told": evaluation.shown(found, request.query_params.get("channel", "")) if found else None,
    }


async def _code(request: Request, ask: Asking, job: dict[str, Any]) -> dict[str, Any]:
    return {"codes": as_code(job)}


PARTS: dict[str, Callable[[Request, Asking, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "overview": _overview,
    "log": _log,
    "curves": _curves,
    "evaluation": _evaluation,
    "code": _code,
}

ROUTES = [
    Route("/training-jobs/{name}", show),
    Route("/training-jobs/{name}/live", look),
    Route("/training-jobs/{name}/stop", stop, methods=["POST"]),
]
