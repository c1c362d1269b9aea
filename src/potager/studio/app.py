"""Studio's routes, and what they all stand on."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from potager.kernel.context import House
from potager.kernel.errors import WireError
from potager.kernel.settings import Keys, Settings
from potager.studio.failing import Failing
from potager.studio.pages import (
    alarms,
    data,
    entrance,
    home,
    hosting,
    jobs,
    listed,
    logs,
    new_tuning,
    notebooks,
    processing,
    profile,
    search,
    settings,
    table,
    training,
    tuning,
    tutorial,
)
from potager.studio.resources import PLACES, Place
from potager.studio.safety import ROOT, Safety
from potager.studio.signin import SignIn
from potager.studio.tutorial import Walker
from potager.studio.views import Views, page, wanted

HERE = Path(__file__).parent

PAGES: Sequence[ModuleType] = (
    home,
    tutorial,
    search,
    settings,
    entrance,
    profile,
    data,
    hosting,
    training,
    table,
    tuning,
    new_tuning,
    processing,
    logs,
    alarms,
    jobs,
    notebooks,
    listed,
)
"""The modules of pages, each with its `ROUTES`; `listed` takes what no other one has."""

PACKED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "image/bmp", "application/octet-stream")
"""Content types that are sent as they are: packed already, or a user's, whose length must be told."""


def create(house: House, settings: Settings, keys: Keys, signin: SignIn) -> Starlette:
    """The ASGI app of Studio."""
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=HERE / "static"))]
    for module in PAGES:
        routes += module.ROUTES
    app = Starlette(
        routes=[Mount(ROOT, routes=routes)],
        middleware=[
            Middleware(GZipMiddleware, minimum_size=1024, compresslevel=6, exclude_content_types=PACKED),
            Middleware(Safety, signin=signin),
            Middleware(Failing, told=_problem),
        ],
        exception_handlers={WireError: _refused, HTTPException: _absent},
    )
    state = app.state
    state.house, state.settings, state.keys, state.signin = house, settings, keys, signin
    state.places = _places()
    state.views = Views(HERE / "templates", version=_version(HERE / "static"), places=state.places)
    state.closing = asyncio.Event()
    state.walker = Walker(state.closing)
    return app


def _places() -> list[Place]:
    """The places that a module of pages serves, `listed` aside, which takes any address."""
    served = {route.path for module in PAGES if module is not listed for route in module.ROUTES}
    return [place for place in PLACES if place.address in served]


def _version(static: Path) -> str:
    """Changes with what is served to browsers, which keep it for as long as it is the same."""
    found = hashlib.sha256()
    for path in sorted(static.rglob("*.*")):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


async def _refused(request: Request, error: Exception) -> Response:
    """What an operation refuses, as AWS's code and our text, with its status."""
    assert isinstance(error, WireError)
    return _problem(request, error.status, error.code, error.message)


async def _absent(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(request, error.status_code, str(error.detail), f"{request.url.path} is no page of Studio.")


def _problem(request: Request, status: int, code: str, text: str) -> Response:
    if wanted(request):
        return HTMLResponse(
            request.app.state.views.text(request, "problem-fragment.html", code=code, text=text),
            status,
            {"HX-Retarget": "#problems", "HX-Reswap": "innerHTML"},
        )
    return page(request, "problem.html", status, code=code, text=text)
