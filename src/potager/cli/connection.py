"""A connection whose client can take only so much, whoever it is: bytes, time, headers, requests in a row.

uvicorn collects a head as long as it grows, queues requests as long as they come, reads what stands around chunks as
long as it goes on, and keeps an answer as long as nobody reads it, all before anybody has been asked who they are. The
bounds on bodies, which need the request, stand in `gateway/asgi.py` and `gateway/pipeline.py`.

A connection that begins with CONNECT is no request to the app: it is handed to the proxy of jobs (`passage.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_HEAD = 64 * 2**10
"""Bytes of a request line and its headers; AWS takes 8 to 16 KB of headers."""

MOST_HEADERS = 256
"""Headers of a request; S3's users may bring some of their own."""

HEAD_TIME = 30.0
"""Seconds that a client has to send a request's head, from its first byte, or from the connection."""

MOST_AROUND = 64 * 2**10
"""Bytes that may stand around a chunked body's data (sizes, extensions, trailers), beside eight for each byte of it."""

MOST_QUEUED = 16
"""Requests that a client may send before the one that is being answered is done."""

UNREAD_TIME = 60.0
"""Seconds after which a client must have read some of what waits for it."""

LEAST_READ = 2**16
"""Bytes that count as some."""

Tunnel = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves a connection that asks for another one."""


class Refused(NamedTuple):
    """What a client is told that goes beyond a bound, before its connection ends."""

    status: int
    text: str

    def answer(self) -> bytes:
        head = f"content-type: text/plain\r\ncontent-length: {len(self.text)}\r\nconnection: close\r\n\r\n"
        return STATUS_LINE[self.status] + head.encode() + self.text.encode()


_TOO_LARGE = Refused(431, f"The request's headers exceed {MOST_HEAD:,} bytes.")
_TOO_MANY = Refused(431, f"The request has more than {MOST_HEADERS} headers.")
_HOSTS = Refused(400, "The request must have one Host header.")
_AROUND = Refused(400, "The chunks of the body are wrapped in too much.")
_LENGTHS = Refused(400, "The request must have one Content-Length header.")
_BUSY = Refused(503, "Too many connections are open. Try again, or raise the setting `connections`.")


class Joined:
    """What one answer is written to: its head goes out with the beginning of its body, if that is there by then.

    uvicorn writes the two one after the other, and each is a system call that wakes the client.
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._begun = False
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data) if data else (held,))
        elif self._begun or data.startswith(b"HTTP/1.1 100 "):
            self._transport.write(data)
        else:
            self._begun, self._held = True, data
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._held:
            self.write(b"")

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with bounds.

    Parameters
    ----------
    tunnel : takes the connections that begin with CONNECT.
    most : how many connections may be open at a time, None for any number.
    """

    def __init__(self, *args: Any, tunnel: Tunnel | None = None, most: int | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._tunnel = tunnel
        self._most = most
        self._started = False

    _head = 0  # bytes of the head that is being read
    _reading = False  # whether a head is being read
    _begun = 0  # requests
    _data = 0  # bytes of the body that is being read
    _around = 0  # bytes around them
    _unread = 0  # bytes that waited for the client when last looked
    _moved = False  # whether it has taken some since, or was given more
    _refused: Refused | None = None
    _answered: Any = None  # the request whose turn it is
    _timer: asyncio.TimerHandle | None = None
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch = self.loop.call_later(UNREAD_TIME, self._look)
        if self._most is not None and len(self.connections) > self._most:
            self._refuse(_BUSY)
            return
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self._unwatch()
        super().connection_lost(exc)
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True  # uvicorn tells the request that came last, which may be another one
            self._answered.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None and data.startswith(b"CONNECT ") and not self._started:
            self._hand_over(self._tunnel, data)
            return
        self._started = True
        reading, head, begun, body = self._reading, self._head, self._begun, self._data
        super().data_received(data)
        if self._begun != begun or self.transport.is_closing():
            return
        if self._reading and reading:  # all of it was head
            self._head = head + len(data)
            if self._head > MOST_HEAD:
                self._refuse(_TOO_LARGE)
        elif not reading:
            self._around += len(data) - (self._data - body)
            if self._around > MOST_AROUND + 8 * self._data:
                self._refuse(_AROUND)

    def shutdown(self) -> None:
        """Has the connection end with its request, an idle one at once: TLS would await its client's word."""
        idle = self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if idle and self.scheme == "https" and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().shutdown()

    def _hand_over(self, tunnel: Tunnel, data: bytes) -> None:
        self._arrived()
        self._unwatch()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        reader = asyncio.StreamReader(limit=MOST_HEAD, loop=self.loop)
        protocol = asyncio.StreamReaderProtocol(reader, tunnel, loop=self.loop)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(data)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answered = cycle
        cycle.transport = Joined(self.transport, self.loop)
        super()._start_asgi_task(cycle, app)

    # --- what the parser finds

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun += 1
        self._expect()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._reading:
            return  # a trailer of a chunked body, which nobody reads
        if len(self.headers) >= MOST_HEADERS:
            self._stop(_TOO_MANY)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._arrived()
        self._data = self._around = 0
        names = [name for name, _ in self.headers]
        old = self.parser is not None and self.parser.get_http_version() == "1.0"
        if names.count(b"host") != 1 and (b"host" in names or not old):
            self._stop(_HOSTS)
        if names.count(b"content-length") > 1:
            self._stop(_LENGTHS)
        super().on_headers_complete()
        if len(self.pipeline) > MOST_QUEUED:
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        self._data += len(body)
        super().on_body(body)

    # --- refusing

    def _stop(self, refused: Refused) -> None:
        """Ends the parsing; uvicorn then sends its 400, which is ours."""
        self._refused = refused
        raise ValueError(refused.text)

    def _refuse(self, refused: Refused) -> None:
        self._refused = refused
        self.send_400_response(refused.text)

    def send_400_response(self, msg: str) -> None:
        """Says what is wrong where the client can take it for the answer to what is wrong, and ends the connection."""
        self._arrived()
        told = self._refused or Refused(400, msg)
        asked = self._answered is not None and not self.cycle.response_complete
        mine = asked and self.cycle.more_body and not self.cycle.response_started and not self.pipeline
        if not asked or mine:
            self.transport.write(told.answer())
        self.transport.close()

    # --- time

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

    def resume_writing(self) -> None:
        self._moved = True
        super().resume_writing()

    def on_response_complete(self) -> None:
        self._moved = True
        super().on_response_complete()

    def _look(self) -> None:
        """Ends a connection whose client takes nothing, also one that was closed and still has some to send."""
        unread = self.transport.get_write_buffer_size()
        if unread and self._unread and not self._moved and self._unread - unread < LEAST_READ:
            self.transport.abort()
            return
        self._unread, self._moved = unread, False
        self._watch = self.loop.call_later(UNREAD_TIME, self._look)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
