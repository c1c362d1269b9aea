"""A connection whose request head is bounded in bytes and in time, whoever is at its other end.

uvicorn collects a head for as long as it grows, before anybody has been asked who they are. One that begins with
CONNECT is no request to the app: it is handed to the proxy of jobs (`passage.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 2**10
"""Bytes of a request line and its headers; AWS takes 8 to 16 KB of headers."""

HEAD_TIME = 30.0
"""Seconds that a client has to send a request's head, from its first byte, or from the connection."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 42\r\n"
    b"connection: close\r\n\r\nThe request's headers exceed 65,536 bytes."
)


Tunnel = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves a connection that asks for another one."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with limits on the head of a request.

    Parameters
    ----------
    tunnel : takes the connections that begin with CONNECT.
    """

    def __init__(self, *args: Any, tunnel: Tunnel | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._tunnel = tunnel
        self._started = False

    _head = 0
    _reading = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None and data.startswith(b"CONNECT ") and not self._started:
            self._hand_over(self._tunnel, data)
            return
        self._started = True
        if not self._reading:
            super().data_received(data)
            return
        before = self._head
        super().data_received(data)
        if self._reading:  # all of it was head
            self._head = before + len(data)
            if self._head > MOST_HEAD:
                self._arrived()
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def shutdown(self) -> None:
        """Has the connection end with its request, an idle one at once: TLS would await its client's word."""
        idle = self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if idle and self.scheme == "https" and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().shutdown()

    def _hand_over(self, tunnel: Tunnel, data: bytes) -> None:
        self._arrived()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        reader = asyncio.StreamReader(limit=MOST_HEAD, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, tunnel, loop=self.loop)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        self._arrived()
        super().on_headers_complete()

    def _expect(self) -> None:
        self._arrived()
        self._reading = True
        self._timer = self.loop.call_later(HEAD_TIME, self._late)

    def _arrived(self) -> None:
        self._reading = False
        self._head = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        self.transport.close()
