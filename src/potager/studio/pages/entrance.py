"""Signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.settings import Keys
from potager.studio.safety import ROOT, SIGN_IN, below
from potager.studio.signin import COOKIE, LIFE
from potager.studio.views import page

OLD_LINK = "This link was used already, or is too old. `potager studio` makes a new one."
WRONG_KEY = "That is not an access key of this server with its secret. `potager env` shows them."


async def show(request: Request) -> Response:
    """The form for an access key; or, with a link's token, the way in.

    HEAD takes no token: what looks at a link before it is followed does not use it up.
    """
    token = request.query_params.get("token")
    if not token or request.method == "HEAD":
        return _form(request, "", request.query_params.get("next", ""))
    cookie = request.app.state.signin.taken(token)
    return _in(request, cookie, "") if cookie else _form(request, OLD_LINK)


async def enter(request: Request) -> Response:
    """Signs in by the administrator's key pair, and leads on to the page that was asked for."""
    form = await request.form()
    keys: Keys = request.app.state.keys
    known = keys.secret_access_key if str(form.get("access_key", "")).strip() == keys.access_key_id else None
    cookie = request.app.state.signin.by_key(str(form.get("secret_key", "")).strip(), known)
    after = str(form.get("next", ""))
    return _in(request, cookie, after) if cookie else _form(request, WRONG_KEY, after)


def _form(request: Request, problem: str, after: str = "") -> Response:
    return page(request, "sign-in.html", 403 if problem else 200, problem=problem, after=below(after))


async def leave(request: Request) -> Response:
    """Signs out."""
    if request.state.person:
        request.app.state.signin.end(request.state.person)
    response = RedirectResponse(SIGN_IN, 303)
    response.delete_cookie(COOKIE, path=ROOT)
    return response


def _in(request: Request, cookie: str, after: str) -> Response:
    response = RedirectResponse(below(after) or f"{ROOT}/", 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, LIFE, path=ROOT, httponly=True, samesite="lax", secure=secure)
    return response


ROUTES = [
    Route("/sign-in", show),
    Route("/sign-in", enter, methods=["POST"]),
    Route("/sign-out", leave, methods=["POST"]),
]
