"""What every answer of Studio carries, and what no request gets past: signed in, and not forged.

Scripts and styles come from our own folder of them and from nowhere else, not even from a bucket of this server; no
page may be framed. What changes something is a POST, PUT or DELETE from our own origin (`Sec-Fetch-Site`, else
`Origin`) that carries the session's token: a header, `X-Form-Token`, or a field of a plain form, `form_token`. Uploads
(`multipart/form-data` and anything else) are not read here and must bring the header. What wants to become a socket
brings an `Origin` of ours. What is passed on to JupyterLab (`passing.py`) brings a token of JupyterLab's instead.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from potager.studio.signin import COOKIE, SignIn

ROOT = "/_studio"
SIGN_IN, STATIC = f"{ROOT}/sign-in", f"{ROOT}/static/"
"""What is shown to whoever asks."""
SIGN_OUT = f"{ROOT}/sign-out"

PASSED = re.compile(rf"{ROOT}/notebooks/[A-Za-z0-9-]+/jupyter/")
"""What is passed on to JupyterLab, which has tokens of its own (`_xsrf`)."""

MOST_FORM = 2**20
"""Bytes of a plain form."""

FORM = "application/x-www-form-urlencoded"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")


class Safety:
    """Lets in who is signed in, and refuses what another site has sent."""

    def __init__(self, app: App, signin: SignIn) -> None:
        self._app = app
        self._signin = signin

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = Request(scope, receive)
        static = request.url.path.startswith(STATIC)
        said = HEADERS | {"Content-Security-Policy": policy(request)}
        kept = "max-age=31536000, immutable" if request.url.query else "no-cache"
        said["Cache-Control"] = kept if static else "no-store"

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in said.items():
                    headers.setdefault(name, value)
            await send(message)

        person = request.state.person = self._signin.person(request.cookies.get(COOKIE))
        refused: Response | None = None
        if request.method not in ("GET", "HEAD"):
            if not _ours(request):
                refused = PlainTextResponse("This request came from another site. Open Studio and try there.", 403)
            elif person is not None and not PASSED.match(request.url.path):
                token, receive = await _token(request, receive)
                if not self._signin.genuine(person, token):
                    refused = PlainTextResponse("This form is out of date. Go back, reload the page, try again.", 403)
        elif "upgrade" in request.headers and not _from_here(request):
            refused = PlainTextResponse("This request came from another site. Open Studio and try there.", 403)
        if refused is None and person is None and not static and request.url.path != SIGN_IN:
            refused = _way_in(request)
        await (refused or self._app)(scope, receive, told)


def policy(request: Request) -> str:
    """The Content-Security-Policy of a page of ours."""
    host = request.headers.get("host", "")
    ours = f"{request.url.scheme}://{host}{ROOT}/static/" if _HOST.fullmatch(host) else "'self'"
    return (
        f"default-src 'none'; script-src {ours}; style-src {ours}; img-src 'self' data: blob:; media-src 'self' blob:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _way_in(request: Request) -> Response:
    """To the form, which leads back to the page that was asked for."""
    if request.headers.get("hx-request"):
        shown = urlsplit(request.headers.get("hx-current-url", ""))
        return Response(status_code=401, headers={"HX-Redirect": way_in(f"{shown.path}?{shown.query}")})
    wanted = f"{request.url.path}?{request.url.query}" if request.method in ("GET", "HEAD") else ""
    return RedirectResponse(way_in(wanted), 303)


def way_in(after: str) -> str:
    """The address of the form that leads on to `after`, where that is a page of ours."""
    page = below(after.removesuffix("?"))
    return f"{SIGN_IN}?{urlencode({'next': page})}" if page and page != f"{ROOT}/" else SIGN_IN


def below(address: str) -> str:
    """The address, if it leads to a page of ours and nowhere else; else "".

    What a browser would read as another host, or as a path outside (`//host`, a backslash, `..`), is none.
    """
    found = urlsplit(address)
    path = unquote(found.path)
    plain = address.isascii() and address.isprintable() and "\\" not in path and ".." not in path.split("/")
    inside = path == ROOT or (path.startswith(f"{ROOT}/") and not path.startswith((SIGN_IN, SIGN_OUT, STATIC)))
    return address if plain and inside and not found.scheme and not found.netloc and "//" not in path else ""


def _ours(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return _from_here(request)


def _from_here(request: Request) -> bool:
    """By `Origin`, which browsers send with what changes something and with what becomes a socket.

    A page on another port of the same host is another origin, yet its requests bring our cookie along.
    """
    return request.headers.get("origin", "") == f"{request.url.scheme}://{request.headers.get('host', '')}"


async def _token(request: Request, receive: Receive) -> tuple[str, Receive]:
    """The request's token, and what the page reads its body from: what was read here is there again."""
    if (token := request.headers.get("x-form-token")) is not None:
        return token, receive
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return "", receive
    body, more = b"", True
    while more and len(body) <= MOST_FORM:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and bool(message.get("more_body"))
    if more:
        return "", receive

    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    found = parse_qs(body.decode("latin-1"), max_num_fields=10_000).get("form_token", [""])
    return found[0], again
