"""What a notebook instance serves, passed on: requests, answers as they come, and web sockets.

    browser ─► Safety (signed in, our own origin) ─► pages/notebooks.py ─► here ─► the instance's unix socket

JupyterLab, and whatever runs in its kernels, is not trusted with the person's session: Studio's cookie and token stay
here, and it may set cookies for its own addresses alone. What it serves to a browser is of Studio's origin all the
same: JupyterLab's page and scripts are therefore not its own (`lab.py`), and what is runs no scripts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from potager.studio import lab
from potager.studio.signin import COOKIE
from potager.wire.message import Switch

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Headers = Sequence[tuple[str, str]]

MOST_HEAD = 64 * 2**10
"""Bytes of an answer's head."""
PATIENCE = 120.0
"""Seconds that an answer may take to begin, and each part of it to come: a kernel that starts takes some."""
UNREAD = 60.0
"""Seconds after which who is sent something must have taken some of it."""
LOOK = 5.0
"""Seconds between two looks whether the person is still signed in."""
CHUNK = 2**16
MOST_PAGE = 2**20
"""Bytes of JupyterLab's page."""

_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that are about one connection (RFC 9110, 7.6.1)."""
_KEPT_BACK = _HOP | {"host", "cookie", "authorization", "x-form-token", "expect", "content-length"}
_TOLD = frozenset(
    {
        "accept-ranges",
        "allow",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "etag",
        "expires",
        "last-modified",
        "location",
        "retry-after",
        "vary",
    }
)
"""Headers of an answer that go on to the browser: none that say something of other addresses."""


class Switching(Response):
    """An answer 101, after which `serve` has the connection (`bridge.py`)."""

    def __init__(self, headers: Headers, serve: Switch) -> None:
        super().__init__(status_code=101)
        self.raw_headers = _raw(headers)
        self.serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 101, "headers": self.raw_headers, "switch": self.serve})
        await send({"type": "http.response.body"})


async def passed(request: Request, streams: Streams, below: str, lasts: Callable[[], bool]) -> Response:
    """The answer of whoever is at the other end of `streams`, which is closed when that is done.

    below : the path that it serves. lasts : whether the person is still signed in.
    """
    reader, writer = streams
    try:
        asked = request.headers.get("upgrade", "").lower() == "websocket"
        if request.headers.get("transfer-encoding"):
            writer.close()
            return PlainTextResponse("Say how long the body is.", 411)
        writer.write(_head(request, asked))
        with suppress(ConnectionError):  # it may answer before it has read all, and close
            async for chunk in request.stream():
                writer.write(chunk)
                async with asyncio.timeout(PATIENCE):
                    await writer.drain()
        async with asyncio.timeout(PATIENCE):
            status, headers = _parsed(await reader.readuntil(b"\r\n\r\n"))
        if asked and status == 101:
            return _switching(headers, streams, lasts)
        if status < 200:
            raise ValueError(status)
        return await _answer(request, status, list(_taken(headers, below)), streams, below)
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):  # TimeoutError is the first
        writer.close()
        return PlainTextResponse("JupyterLab does not answer. See how it is doing on the notebooks' page.", 502)
    except BaseException:
        writer.close()
        raise


def _head(request: Request, asked: bool) -> bytes:
    """The request as the instance gets it; HTTP/1.0, whose answers end with their connection, but for web sockets."""
    target = request.scope["raw_path"].decode("ascii")
    if request.url.query:
        target += f"?{request.scope['query_string'].decode('latin-1')}"
    lines = [f"{request.method} {target} HTTP/1.{1 if asked else 0}", f"Host: {request.headers.get('host', '')}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in _KEPT_BACK]
    cookies = [f"{name}={value}" for name, value in request.cookies.items() if name != COOKIE]
    if cookies:
        lines.append(f"Cookie: {'; '.join(cookies)}")
    if length := request.headers.get("content-length"):
        lines.append(f"Content-Length: {length}")
    if asked:
        lines += ["Connection: Upgrade", "Upgrade: websocket"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _parsed(head: bytes) -> tuple[int, list[tuple[str, str]]]:
    """Status and headers of an answer; `ValueError` for what is none."""
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?", first)
    if found is None:
        raise ValueError(first)
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ValueError(line)
        headers.append((name.lower(), value.strip()))
    return int(found[1]), headers


def _taken(headers: Headers, below: str) -> Iterator[tuple[str, str]]:
    """The headers that go on to the browser; cookies for the instance's own addresses alone."""
    for name, value in headers:
        if name == "set-cookie":
            if (cookie := confined(value, below)) is not None:
                yield name, cookie
        elif name in _TOLD:
            yield name, value


def confined(cookie: str, below: str) -> str | None:
    """A Set-Cookie whose cookie comes back to addresses below `below` alone; None for one that takes Studio's name."""
    first, *attributes = (part.strip() for part in cookie.split(";"))
    if first.partition("=")[0].strip() == COOKIE or "=" not in first:
        return None
    kept = [one for one in attributes if one.partition("=")[0].lower() not in ("path", "domain", "samesite")]
    return "; ".join([first, f"Path={below}", "SameSite=Strict", *kept])


async def _answer(
    request: Request, status: int, headers: list[tuple[str, str]], streams: Streams, below: str
) -> Response:
    reader, writer = streams
    told = dict(headers)
    shown = request.url.path.removeprefix(below).split("/")
    kind = told.get("content-type", "")
    if status == 200 and request.method == "GET" and shown[0] == "lab" and kind.startswith("text/html"):
        async with asyncio.timeout(PATIENCE):
            body = await _whole(reader, told)
        writer.close()
        answer = lab.page(request, body, below)
        answer.raw_headers += _raw([one for one in headers if one[0] == "set-cookie"])
        return answer
    answer = StreamingResponse(_parts(reader, writer), status)
    if request.method == "HEAD" or status in (204, 304):
        writer.close()
        answer = Response(status_code=status)
    answer.raw_headers = _raw([*headers, ("content-security-policy", lab.NO_SCRIPTS)])
    return answer


async def _whole(reader: asyncio.StreamReader, told: dict[str, str]) -> bytes:
    size = int(told.get("content-length", MOST_PAGE + 1))
    if not 0 <= size <= MOST_PAGE:
        raise ValueError(size)
    return await reader.readexactly(size)


async def _parts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    try:
        while True:
            async with asyncio.timeout(PATIENCE):
                chunk = await reader.read(CHUNK)
            if not chunk:
                return
            yield chunk
    finally:
        writer.close()


def _raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


# --- web sockets


def _switching(headers: Headers, streams: Streams, lasts: Callable[[], bool]) -> Response:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await relayed((reader, writer), streams, lasts)

    kept = [(name, value) for name, value in headers if name.startswith("sec-websocket-")]
    return Switching([("connection", "Upgrade"), ("upgrade", "websocket"), *kept], serve)


async def relayed(near: Streams, far: Streams, lasts: Callable[[], bool], look: float = LOOK) -> None:
    """Bytes both ways, until either end closes, does not take what it is sent, or the person has signed out."""

    async def watching() -> None:
        while lasts():  # noqa: ASYNC110 - nobody tells of a session that has become too old
            await asyncio.sleep(look)

    ways = (_poured(near[0], far[1]), _poured(far[0], near[1]), watching())
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in (near, far):
            writer.close()


async def _poured(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            async with asyncio.timeout(UNREAD):
                await writer.drain()
