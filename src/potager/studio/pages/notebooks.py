"""Notebooks: JupyterLab started, stopped and reached; the tutorials as notebooks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.access.roles import role_arn
from potager.kernel.context import House
from potager.kernel.errors import Unavailable, WireError
from potager.kernel.names import Scope
from potager.kernel.settings import Settings
from potager.prepare.notebooks import served, tutorials
from potager.prepare.notebooks.runner import NotebookRunner, address
from potager.studio import lab, live
from potager.studio.asking import Asking, asking
from potager.studio.passing import passed
from potager.studio.safety import PASSED, ROOT
from potager.studio.views import fragment, page

DEFAULT = "default"
"""The instance that the button makes."""
KIND = "ml.t3.medium"
"""Its type."""
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


async def show(request: Request) -> Response:
    """The instances, and what can be done with each."""
    return page(request, "notebooks/notebooks.html", problem="", **await _known(request))


async def watch(request: Request) -> Response:
    """The instances as they change."""

    async def seen() -> tuple[Mapping[str, str], bool]:
        return {"instances": fragment(request, "notebooks/instances.html", **await _known(request))}, True

    return live.stream(request, seen)


async def change(request: Request) -> Response:
    """Starts, stops or deletes an instance; the default one is made where it is not there yet."""
    form = await request.form()
    name, what = str(form.get("name", DEFAULT)), str(form.get("action", ""))
    ask = asking(request)
    try:
        await _change(ask, name, what)
    except WireError as fault:
        return page(request, "notebooks/notebooks.html", fault.status, problem=fault.message, **await _known(request))
    return RedirectResponse(f"{ROOT}/notebooks", 303)


async def _change(ask: Asking, name: str, what: str) -> None:
    if what == "create":
        role = role_arn(ask.context.account)
        await ask("sagemaker", "CreateNotebookInstance", NotebookInstanceName=name, InstanceType=KIND, RoleArn=role)
    elif what in ("start", "stop", "delete"):
        await ask("sagemaker", f"{what.capitalize()}NotebookInstance", NotebookInstanceName=name)
    else:
        raise HTTPException(400)


async def _known(request: Request) -> dict[str, Any]:
    ask = asking(request)
    found = (await ask("sagemaker", "ListNotebookInstances", MaxResults=100))["NotebookInstances"]
    runner, scope = _runner(request)

    async def one(item: dict[str, Any]) -> dict[str, Any]:
        name = item["NotebookInstanceName"]
        told = await ask("sagemaker", "DescribeNotebookInstance", NotebookInstanceName=name)
        return {
            "name": name,
            "status": told["NotebookInstanceStatus"],
            "reason": told.get("FailureReason", ""),
            "kind": told["InstanceType"],
            "folder": await runner.where(scope, name),
            "lab": f"{address(name)}lab",
            "tutorials": f"{address(name)}lab/tree/{tutorials.FOLDER}",
        }

    instances = await asyncio.gather(*map(one, found))
    return {
        "instances": instances,
        "missing": served.missing(),
        "default": DEFAULT,
        "idle": runner.idle,
        "tutorials": tutorials.names(),
    }


async def through(request: Request) -> Response:
    """What an instance serves, at its own addresses."""
    runner, scope = _runner(request)
    name = request.path_params["name"]
    if not PASSED.match(request.url.path):  # a name that no instance can have
        raise HTTPException(404)
    if (found := lab.file(request, request.path_params["path"], address(name))) is not None:
        return found
    try:
        streams = await runner.connect(scope, name)
    except Unavailable as fault:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return page(request, "notebooks/away.html", 503, name=name, text=fault.message)
        return Response(fault.message, 503, media_type="text/plain")
    person, signin = request.state.person, request.app.state.signin
    return await passed(request, streams, address(name), lambda: signin.lasts(person))


def _runner(request: Request) -> tuple[NotebookRunner, Scope]:
    house: House = request.app.state.house
    settings: Settings = request.app.state.settings
    return house[NotebookRunner], Scope(settings.account_id, settings.region)


ROUTES = [
    Route("/notebooks", show),
    Route("/notebooks", change, methods=["POST"]),
    Route("/notebooks/live", watch),
    Route("/notebooks/{name}/jupyter/{path:path}", through, methods=METHODS),
]
