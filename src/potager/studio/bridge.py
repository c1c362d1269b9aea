"""From the front's requests to an ASGI app and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from potager.wire.message import Request, Response

Message = MutableMapping[str, Any]
App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


async def answer(app: App, request: Request) -> Response:
    """The response of an ASGI app; its body goes on as the app makes it, and the app ends when nobody takes it.

    An app that starts its answer with a `switch` gets the connection (`Response.switch`).
    """
    call = _Call(request)
    call.task = asyncio.create_task(call.run(app))
    try:
        return await call.answer()
    except BaseException:
        await call.leave()
        raise


class _Call:
    """An app that answers one request.

    Attributes
    ----------
    task : its.
    """

    task: asyncio.Task[None]

    def __init__(self, request: Request) -> None:
        self._request = request
        self._sent: asyncio.Queue[Message | None] = asyncio.Queue(1)
        self._read = False
        self._left = False

    async def run(self, app: App) -> None:
        try:
            await app(self._scope(), self._receive, self._sent.put)
        finally:
            if not self._left:  # else nobody takes it
                await self._sent.put(None)

    async def answer(self) -> Response:
        """The response, once its head and the first part of its body are there."""
        first = await self.next()
        if first is None:
            await self.task  # raises what went wrong
            raise RuntimeError("the page ended without an answer")
        status = int(first["status"])
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in first.get("headers", ())]
        part = await self.next()
        if (switch := first.get("switch")) is not None:
            await self.task
            return Response(status, headers, switch=switch)
        if part is None or not part.get("more_body"):
            await self.task
            return Response(status, headers, part.get("body", b"") if part else b"")
        return Response(status, headers, _Parts(self, part))

    async def next(self) -> Message | None:
        """What the app sends next, None when it has ended."""
        return await self._sent.get()

    async def leave(self) -> None:
        """Ends the app: nobody takes the rest of what it makes. What it raises from now on is nobody's, either."""
        self._left = True
        self.task.cancel()
        await asyncio.wait([self.task])
        if not self.task.cancelled():
            self.task.exception()

    def _scope(self) -> MutableMapping[str, Any]:
        request = self._request
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "https" if request.secure else "http",
            "path": unquote(request.path),
            "raw_path": request.path.encode(),
            "query_string": request.query.encode(),
            "root_path": "",
            "headers": headers,
            "client": (request.client, 0),
            "server": None,
        }

    async def _receive(self) -> Message:
        if self._read:
            await asyncio.Event().wait()  # until the task is cancelled: the client went away, or took all
        chunk = await anext(self._body, None)
        self._read = chunk is None
        return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}

    @property
    def _body(self) -> AsyncIterator[bytes]:
        if not hasattr(self, "_chunks"):
            self._chunks = aiter(self._request.body)
        return self._chunks


class _Parts:
    """The body that an app makes as it is taken.

    No generator: one that nobody has begun to read, as that of a HEAD, does nothing when it is closed, and its app
    would wait for good.
    """

    def __init__(self, call: _Call, first: Message) -> None:
        self._call = call
        self._first: Message | None = first
        self._ended = False

    def __aiter__(self) -> _Parts:
        return self

    async def __anext__(self) -> bytes:
        while not self._ended:
            part, self._first = self._first or await self._call.next(), None
            if part is None:
                self._ended = True
                await self._call.task  # raises what went wrong: the body is not whole
                break
            self._ended = not part.get("more_body")
            if data := part.get("body", b""):
                return data
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await self._call.leave()
