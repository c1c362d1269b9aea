"""Between ASGI and the wire: bytes in become a `Request`, a `Response` becomes bytes out. Knows no AWS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire.message import Request, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


MOST_LEFT = 2**20
"""Bytes of a body that nobody wanted which are read all the same, to keep the connection."""


MOST_SILENCE = 60.0
"""Seconds that a body may stall."""

PATIENCE = 30.0
"""Seconds that are waited for a body, all in all, before its rate counts."""

LEAST_RATE = 1024
"""Bytes a second that a body must bring from then on, over the time in which it was waited for."""

SETTLE_TIME = 10.0
"""Seconds in which the rest of a body that nobody wanted must come, to keep the connection."""


class Disconnected(Exception):
    """The client went away before its request was whole; nobody is left to answer."""


class _Chunks:
    """A body's chunks as they arrive; `whole` once the last one has."""

    def __init__(self, receive: Receive, *, empty: bool) -> None:
        self._receive = receive
        self.whole = empty
        self.begun = False
        self.stalled = False
        self._size = 0
        self._waited = 0.0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.whole:
            self.begun = True
            message = await self._next()
            if message["type"] == "http.disconnect":
                raise Disconnected
            self.whole = not message.get("more_body")
            if chunk := message.get("body", b""):
                yield chunk

    async def _next(self) -> Message:
        start = monotonic()
        try:
            async with asyncio.timeout(MOST_SILENCE):
                message = await self._receive()
        except TimeoutError as error:
            self.stalled = True
            text = f"The body stalled: nothing of it came for {MOST_SILENCE:g} seconds. Send it again."
            raise WireError("RequestTimeout", text) from error
        self._waited += monotonic() - start
        self._size += len(message.get("body", b""))
        if self._size < LEAST_RATE * (self._waited - PATIENCE) and message.get("more_body"):
            self.stalled = True
            text = f"The body comes too slowly: at least {LEAST_RATE} bytes a second are expected. Send it again."
            raise WireError("RequestTimeout", text)
        return message


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, and how far its body has been read."""

    request: Request
    chunks: _Chunks


def incoming(scope: Scope, receive: Receive) -> Incoming:
    """The request of an ASGI scope; its body is read on demand."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    length = headers.get("content-length", "")
    chunked = "transfer-encoding" in headers
    unsaid = chunked or scope["method"] == "PUT"  # a client that puts has to say how much, be it nothing
    size = int(length) if length.isdigit() else None if unsaid else 0
    chunks = _Chunks(receive, empty=size == 0)
    request = Request(
        method=scope["method"],
        path=raw_path.split(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=Body(aiter(chunks), size),
        client=(scope.get("client") or ("",))[0],
        secure=scope.get("scheme") == "https",
    )
    return Incoming(request, chunks)


async def settle(incoming: Incoming) -> bool:
    """Whether the connection can carry another request: the rest of this one's body is read, if that is little.

    A client that waits for `100 Continue` and gets its answer at once sends no body at all, while the parser counts on
    it: the next request would be taken for it. Such a connection must end, as one with much left to read.
    """
    chunks = incoming.chunks
    if chunks.stalled or (not chunks.whole and "expect" in incoming.request.headers and not chunks.begun):
        return False
    left = MOST_LEFT
    try:
        async with asyncio.timeout(SETTLE_TIME):
            async for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    return False
    except (WireError, TimeoutError):
        return False
    return True


async def respond(send: Send, receive: Receive, response: Response, *, head: bool = False, last: bool = False) -> None:
    """Sends a response; without its body when the request was a HEAD, and as its connection's last when told so.

    A body that streams is read no further once the client has gone away, and closed however it ends.
    """
    headers = [(name.lower().encode("latin-1"), value.encode("utf-8")) for name, value in response.headers]
    if last:
        headers.append((b"connection", b"close"))
    body = response.body
    if isinstance(body, bytes):
        if not head and not any(name == b"content-length" for name, _ in headers) and response.status != 304:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})
        return
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if head or await _stream(send, receive, body):
            await send({"type": "http.response.body", "body": b""})
    finally:
        close = getattr(body, "aclose", None)  # generators have one; to abandon them is to keep their files open
        if close is not None:
            await close()


async def _stream(send: Send, receive: Receive, body: AsyncIterator[bytes]) -> bool:
    """Whether all of the body was sent: `send` keeps still when nobody listens, only `receive` tells."""
    gone: asyncio.Task[None] | None = None
    try:
        async for chunk in body:
            if gone is not None and gone.done():
                return False
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            gone = gone or asyncio.create_task(_disconnected(receive))  # a single chunk is done without
    finally:
        if gone is not None:
            gone.cancel()
    return True


async def _disconnected(receive: Receive) -> None:
    """Returns when the client has gone away; what is left of its request's body is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass
