"""From the front's requests to an ASGI app and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import suppress
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
    first = await call.next()
    if first is None:
        await call.task  # raises what went wrong
        raise RuntimeError("the page ended without an answer")
    status = int(first["status"])
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in first.get("headers", ())]
    part = await call.next()
    if (switch := first.get("switch")) is not None:
        await call.task
        return Response(status, headers, switch=switch)
    if part is None or not part.get("more_body"):
        await call.task
        return Response(status, headers, part.get("body", b"") if part else b"")
    return Response(status, headers, call.parts(part))


class _Call:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._sent: asyncio.Queue[Message | None] = asyncio.Queue(1)
        self._read = False
        self.task: asyncio.Task[None] | None = None

    async def run(self, app: App) -> None:
        try:
            await app(self._scope(), self._receive, self._sent.put)
        finally:
            await self._sent.put(None)

    async def next(self) -> Message | None:
        """What the app sends next, None when it has ended."""
        return await self._sent.get()

    async def parts(self, first: Message) -> AsyncIterator[bytes]:
        part: Message | None = first
        try:
            while part is not None:
                if data := part.get("body", b""):
                    yield data
                if not part.get("more_body"):
                    return
                part = await self.next()
        finally:
            if self.task is not None and not self.task.done():
                self.task.cancel()
                with suppress(asyncio.CancelledError):
                    await self.task

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
