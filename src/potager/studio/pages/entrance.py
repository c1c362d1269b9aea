"""Signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.settings import Keys
from potager.studio.safety import ROOT
from potager.studio.signin import COOKIE, LIFE
from potager.studio.views import page

OLD_LINK = "This link was used already, or is too old. `potager studio` makes a new one."
WRONG_KEY = "That is not an access key of this server with its secret. `potager env` shows them."


async def show(request: Request) -> Response:
    """The form for an access key; or, with a link's token, the way in."""
    token = request.query_params.get("token")
    if not token:
        return page(request, "sign-in.html", problem="")
    cookie = request.app.state.signin.taken(token)
    return _in(request, cookie) if cookie else page(request, "sign-in.html", 403, problem=OLD_LINK)


async def enter(request: Request) -> Response:
    """Signs in by the administrator's key pair."""
    form = await request.form()
    keys: Keys = request.app.state.keys
    known = keys.secret_access_key if str(form.get("access_key", "")).strip() == keys.access_key_id else None
    cookie = request.app.state.signin.by_key(str(form.get("secret_key", "")).strip(), known)
    return _in(request, cookie) if cookie else page(request, "sign-in.html", 403, problem=WRONG_KEY)


async def leave(request: Request) -> Response:
    """Signs out."""
    if request.state.person:
        request.app.state.signin.end(request.state.person)
    response = RedirectResponse(f"{ROOT}/sign-in", 303)
    response.delete_cookie(COOKIE, path=ROOT)
    return response


def _in(request: Request, cookie: str) -> Response:
    response = RedirectResponse(f"{ROOT}/", 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, LIFE, path=ROOT, httponly=True, samesite="lax", secure=secure)
    return response


ROUTES = [
    Route("/sign-in", show),
    Route("/sign-in", enter, methods=["POST"]),
    Route("/sign-out", leave, methods=["POST"]),
]
