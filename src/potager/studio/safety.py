"""What every answer of Studio carries, and what no request gets past: signed in, and not forged.

Scripts and styles come from our own folder of them and from nowhere else, not even from a bucket of this server; no
page may be framed. What changes something is a POST, PUT or DELETE from our own origin (`Sec-Fetch-Site`, else
`Origin`) that carries the session's token: a header, `X-Form-Token`, or a field of a plain form, `form_token`. Uploads
(`multipart/form-data` and anything else) are not read here and must bring the header; whoever is not signed in sends
nothing but the plain form that signs in. What wants to become a socket brings an `Origin` of ours. What is passed on to
JupyterLab (`passing.py`) brings a token of JupyterLab's instead.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlencode, urlsplit

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
MOST_FIELDS = 1000
"""Its fields: as many as Starlette reads."""

FORM = "application/x-www-form-urlencoded"

ELSEWHERE = "This request came from another site. Open Studio and try there."
OUTDATED = "This form is out of date. Go back, reload the page, try again."
TOO_LARGE = (
    f"A form holds {MOST_FORM:,} bytes and {MOST_FIELDS:,} fields at most. Upload what is larger, on a bucket's page."
)
UNKNOWN = "Sign in by the form."

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

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", kept if static and message["status"] < 400 else "no-store")
                for name, value in said.items():
                    headers.setdefault(name, value)
            await send(message)

        person = request.state.person = self._signin.person(request.cookies.get(COOKIE))
        refused: Response | None = None
        changes = request.method not in ("GET", "HEAD")
        if (changes or "upgrade" in request.headers) and not (_ours if changes else _from_here)(request):
            refused = PlainTextResponse(ELSEWHERE, 403)
        elif person is None and not static and request.url.path != SIGN_IN:
            refused = _way_in(request)
        elif changes and not (person and PASSED.match(request.url.path)):
            refused, receive = await self._looked(request, receive)
        await (refused or self._app)(scope, receive, told)

    async def _looked(self, request: Request, receive: Receive) -> tuple[Response | None, Receive]:
        """Why a request must not change anything, None where it may; and what its page reads its body from."""
        person, token = request.state.person, request.headers.get("x-form-token")
        plain = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM
        if plain:
            body, receive = await _read(receive)
            fields = _fields(body)
            if fields is None:
                return PlainTextResponse(TOO_LARGE, 413), receive
            token = fields.get("form_token", [""])[0] if token is None else token
        if person is None:
            return (None if plain else PlainTextResponse(UNKNOWN, 415)), receive
        genuine = self._signin.genuine(person, token or "")
        return (None if genuine else PlainTextResponse(OUTDATED, 403)), receive


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
        shown = _split(request.headers.get("hx-current-url", ""))
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
    found = _split(address)
    path = unquote(found.path)
    plain = address.isascii() and address.isprintable() and "\\" not in path and ".." not in path.split("/")
    inside = path == ROOT or (path.startswith(f"{ROOT}/") and not path.startswith((SIGN_IN, SIGN_OUT, STATIC)))
    return address if plain and inside and not found.scheme and not found.netloc and "//" not in path else ""


def _split(address: str) -> SplitResult:
    """The parts of an address; of what is none, nothing."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


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


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """A form's bytes, no more than just beyond what it may hold; and what a page reads them from once more."""
    body, more = b"", True
    while more and len(body) <= MOST_FORM:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and bool(message.get("more_body"))
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


def _fields(body: bytes) -> dict[str, list[str]] | None:
    """A form's fields, None for one that holds too much."""
    if len(body) > MOST_FORM:
        return None
    try:
        return parse_qs(body.decode("latin-1"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
