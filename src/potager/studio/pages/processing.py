"""A processing job's page: how it goes, what went in and where it came out, its log, and stopping it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.studio.asking import Asking, asking
from potager.studio.live import stream
from potager.studio.loglines import KINDS
from potager.studio.pages import streams
from potager.studio.pages.listed import members
from potager.studio.pages.streams import Printed
from potager.studio.resources import BY_SLUG, ENDED
from potager.studio.s3 import placed
from potager.studio.safety import ROOT
from potager.studio.trials import moment
from potager.studio.views import fragment, page

SLUG = "processing-jobs"
RESOURCE = BY_SLUG[SLUG]
GROUP = KINDS[SLUG][1]
SHOWN = ("ProcessingInputs", "ProcessingOutputConfig", "ExitMessage")
"""Members that have a place of their own on the page."""


async def _described(ask: Asking, name: str) -> dict[str, Any]:
    return await ask("sagemaker", "DescribeProcessingJob", ProcessingJobName=name)


async def show(request: Request) -> Response:
    """The page."""
    ask, name = asking(request), request.path_params["name"]
    found = await _described(ask, name)
    apart = {member: value for member, value in found.items() if member not in SHOWN}
    return page(
        request,
        "processing/job.html",
        resource=RESOURCE,
        inputs=[_input(each) for each in found.get("ProcessingInputs", ())],
        outputs=[_output(each) for each in found.get("ProcessingOutputConfig", {}).get("Outputs", ())],
        **members(RESOURCE, apart),
        **await _head(ask, found),
    )


def _printed(found: Mapping[str, Any]) -> Printed:
    over = found["ProcessingJobStatus"] in ENDED
    return streams.of_job(GROUP, found["ProcessingJobName"], found["CreationTime"], over=over)


async def _find(ask: Asking, name: str) -> Printed:
    return _printed(await _described(ask, name))


async def _head(ask: Asking, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the part of the page that is live shows."""
    name, printed = found["ProcessingJobName"], _printed(found)
    begun, end = moment(found.get("ProcessingStartTime")), moment(found.get("ProcessingEndTime"))
    return {
        "name": name,
        "found": found,
        "over": printed.over,
        "took": ((end or datetime.now(UTC)) - begun).total_seconds() if begun else None,
        "streams": await streams.streams(ask, printed),
        "here": f"{ROOT}/{SLUG}/{name}",
    }


def _input(each: Mapping[str, Any]) -> dict[str, Any]:
    source = each.get("S3Input", {})
    return {"name": each["InputName"], "uri": source.get("S3Uri", ""), "path": source.get("LocalPath", "")} | {
        "link": placed(source.get("S3Uri", ""))
    }


def _output(each: Mapping[str, Any]) -> dict[str, Any]:
    target = each.get("S3Output", {})
    return {"name": each["OutputName"], "uri": target.get("S3Uri", ""), "path": target.get("LocalPath", "")} | {
        "link": placed(target.get("S3Uri", "")),
        "mode": target.get("S3UploadMode", ""),
    }


async def live(request: Request) -> Response:
    """What changes while it runs."""
    ask, name = asking(request), request.path_params["name"]

    async def look() -> tuple[dict[str, str], bool]:
        head = await _head(ask, await _described(ask, name))
        names = ("status", "actions", "log")
        return {each: fragment(request, f"processing/{each}.html", **head) for each in names}, not head["over"]

    return stream(request, look)


async def stop(request: Request) -> Response:
    """Asks it to stop."""
    name = request.path_params["name"]
    await asking(request)("sagemaker", "StopProcessingJob", ProcessingJobName=name)
    return RedirectResponse(f"{ROOT}/{SLUG}/{name}", 303)


ROUTES = [
    Route(f"/{SLUG}/{{name}}", show),
    Route(f"/{SLUG}/{{name}}/live", live),
    Route(f"/{SLUG}/{{name}}/stop", stop, methods=["POST"]),
    *streams.routes(f"/{SLUG}", _find),
]
