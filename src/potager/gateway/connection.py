"""A connection of a client, from its bytes to requests, with bounds for whoever it is: bytes, time, headers, requests.

    bytes ─► httptools ─► Request ─► exchange.py ─► the app
       │                                        └─ 101 ─► switching.py: another protocol, both ways
       └─ CONNECT ... ──► the proxy of jobs (`cli/passage.py`)

Here stand the bounds on what a client can take before anybody has been asked who it is: a head that grows, requests in
a row, what stands around chunks, answers that nobody reads. Those on bodies, which need the request, stand in
`exchange.py` and `pipeline.py`. One timer keeps all the times of a connection: where it fires too early it is set anew,
so that a request costs none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any, NamedTuple, Protocol, cast

import httptools

from potager.gateway.exchange import STATUS_LINE, Answer, Exchange, Incoming
from potager.gateway.switching import Switched
from potager.kernel import clock
from potager.wire.message import Request, Switch

log = logging.getLogger(__name__)

MOST_HEAD = 64 * 2**10
"""Bytes of a request line and its headers; AWS takes 8 to 16 KB of headers."""

MOST_HEADERS = 256
"""Headers of a request; S3's users may bring some of their own."""

HEAD_TIME = 30.0
"""Seconds that a client has to send a request's head, from its first byte, or from the connection."""

KEEP_ALIVE = 75.0
"""Seconds an idle connection is kept: longer than clients pause between two polls."""

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
        return f"{STATUS_LINE[self.status]}{head}{self.text}".encode()


_TOO_LARGE = Refused(431, f"The request's headers exceed {MOST_HEAD:,} bytes.")
_TOO_MANY = Refused(431, f"The request has more than {MOST_HEADERS} headers.")
_HOSTS = Refused(400, "The request must have one Host header.")
_AROUND = Refused(400, "The chunks of the body are wrapped in too much.")
_LENGTHS = Refused(400, "The request must have one Content-Length header.")
_UPGRADE = Refused(400, "A request with a body must not ask for another protocol. Leave its Upgrade header out.")
_BUSY = Refused(503, "Too many connections are open. Try again, or raise the setting `connections`.")
_INVALID = Refused(400, "Invalid HTTP request received.")


class Open(Protocol):
    """A connection, as its server sees it."""

    def shutdown(self) -> None:
        """Has the connection end with its request, an idle one at once."""
        ...


class Clients:
    """The clients of a server.

    Parameters
    ----------
    answer : the app.
    tunnel : takes the connections that begin with CONNECT.
    most : how many connections may be open at a time, None for any number.

    Attributes
    ----------
    connections : those that are open.
    tasks : requests that are being answered.
    """

    def __init__(self, answer: Answer, tunnel: Tunnel | None = None, most: int | None = None) -> None:
        self.answer = answer
        self.tunnel = tunnel
        self.most = most
        self.connections: set[Open] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._second = 0
        self._date = ""

    def enter(self, connection: Open) -> None:
        """Counts a connection in."""
        self.connections.add(connection)
        self._empty.clear()

    def leave(self, connection: Open) -> None:
        """Counts a connection out, if it was in."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    async def gone(self) -> None:
        """Returns once no connection is left, and no request."""
        await self._empty.wait()
        if self.tasks:
            await asyncio.wait(self.tasks)

    @property
    def full(self) -> bool:
        """Whether more connections are open than may be."""
        return self.most is not None and len(self.connections) > self.most

    @property
    def date(self) -> str:
        """The line of an answer's head that says when it was made."""
        second = int(clock.now())
        if second != self._second:
            self._second, self._date = second, f"date: {formatdate(second, usegmt=True)}\r\n"
        return self._date


class Connection(asyncio.Protocol):
    """One connection. `tunnel` may be another one than the clients', or none."""

    transport: asyncio.Transport

    def __init__(self, clients: Clients, tunnel: Tunnel | None = None) -> None:
        self.clients = clients
        self._tunnel = tunnel
        self._loop = asyncio.get_running_loop()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._client = ""
        self._secure = False
        self._started = False
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head = 0  # bytes of the head that is being read
        self._reading = False  # whether a head is being read
        self._timed = False  # whether its time runs
        self._begun = 0  # requests
        self._data = 0  # bytes of the body that is being read
        self._around = 0  # bytes around them
        self._now: Exchange | None = None  # whose turn it is
        self._last: Exchange | None = None  # whose body comes
        self._queue: deque[Exchange] = deque()
        self._paused = False  # whether the client is not read
        self._drained: asyncio.Future[None] | None = None  # where it does not read
        self._refused: Refused | None = None
        self._deadline: float | None = None  # when the connection ends
        self._timer: asyncio.TimerHandle | None = None
        self._fires = 0.0
        self._unread = 0  # bytes that waited for the client when last looked
        self._moved = False  # whether it has taken some since, or was given more
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.clients.enter(self)
        peer: Any = transport.get_extra_info("peername")
        self._client = str(peer[0]) if peer else ""
        self._secure = bool(transport.get_extra_info("sslcontext"))
        self._watch = self._loop.call_later(UNREAD_TIME, self._look)
        if self.clients.full:
            self._refuse(_BUSY)
            return
        self._reading = True
        self._until(HEAD_TIME)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        for exchange in (self._now, *self._queue):
            if exchange is not None:
                exchange.body.lose()
        self._queue.clear()
        self.resume_writing()
        if exc is None:
            self.transport.close()
        self._parser = None

    def data_received(self, data: bytes) -> None:
        if not self._started:
            if self._tunnel is not None and data.startswith(b"CONNECT "):
                self._hand_over(self._tunnel, data)
                return
            self._started = True
        reading, head, begun, body = self._reading, self._head, self._begun, self._data
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._refuse(self._refused or _INVALID)
            return
        if self._reading and not self._timed:
            self._timed = True
            self._until(HEAD_TIME)
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

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as asked:  # answered as if it had not: what follows is no other protocol
                data = data[asked.args[0] :]

    def eof_received(self) -> None:
        """Ends the connection: who sends no more takes no more."""

    def shutdown(self) -> None:
        """Has the connection end with its request, an idle one at once: TLS would await its client's word."""
        if self._now is not None and self._last is not None:
            self._last.keep = False
        elif self._secure and not self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _hand_over(self, tunnel: Tunnel, data: bytes) -> None:
        self._forget()
        reader = asyncio.StreamReader(limit=MOST_HEAD, loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, tunnel, loop=self._loop)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        protocol.data_received(data)

    def _forget(self) -> None:
        self.clients.leave(self)
        for timer in (self._timer, self._watch):
            if timer is not None:
                timer.cancel()
        self._timer = self._watch = self._deadline = None

    # --- what the parser finds

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = []
        self._begun += 1
        self._reading, self._timed, self._head = True, False, 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reading:  # else a trailer of a chunked body, which nobody reads
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._reading = False
        self._deadline = None
        self._head = self._data = self._around = 0
        if len(self._headers) > MOST_HEADERS:
            self._stop(_TOO_MANY)
        headers: dict[str, str] = {}
        for raw_name, raw_value in self._headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            if name not in headers:
                headers[name] = value
            elif name == "host":
                self._stop(_HOSTS)
            elif name == "content-length":
                self._stop(_LENGTHS)
            else:
                headers[name] = f"{headers[name]},{value}"
        old = self._parser.get_http_version() == "1.0"
        if "host" not in headers and not old:
            self._stop(_HOSTS)
        if "upgrade" in headers and ("transfer-encoding" in headers or headers.get("content-length", "0") != "0"):
            self._stop(_UPGRADE)  # the parser would take the body for the next request
        self._take(headers, old)

    def on_body(self, body: bytes) -> None:
        self._data += len(body)
        if self._last is not None and not self._last.done:
            self._last.body.feed(body)

    def on_message_complete(self) -> None:
        if self._last is not None:
            self._last.body.end()

    def _take(self, headers: dict[str, str], old: bool) -> None:
        """Answers the request whose head has come, or puts it in line."""
        if self._url.startswith(b"/") and b"#" not in self._url:
            path, _, query = self._url.partition(b"?")
        else:
            url = httptools.parse_url(self._url)
            path, query = url.path or b"", url.query or b""
        method = self._parser.get_method().decode("ascii")
        length = headers.get("content-length", "")
        unsaid = "transfer-encoding" in headers or method == "PUT"  # who puts has to say how much, be it nothing
        size = int(length) if length.isdigit() else None if unsaid else 0
        body = Incoming(self, size, expects=headers.get("expect", "").lower() == "100-continue" and size != 0)
        request = Request(
            method, path.decode("ascii"), query.decode("latin-1"), headers, body, self._client, self._secure
        )
        keep = not old and self._parser.should_keep_alive()
        exchange = self._last = Exchange(self, request, body, keep=keep, old=old)
        if self._now is None:
            self._answer(exchange)
            return
        self._queue.append(exchange)
        self.pause()
        if len(self._queue) > MOST_QUEUED:
            self.transport.close()

    # --- one after the other

    def _answer(self, exchange: Exchange) -> None:
        self._now = exchange
        task = self._loop.create_task(self._run(exchange))
        self.clients.tasks.add(task)
        task.add_done_callback(self.clients.tasks.discard)

    async def _run(self, exchange: Exchange) -> None:
        try:
            await exchange.run(self.clients.answer, self.clients.date)
            if exchange.change is not None:
                await self._change(*exchange.change)
        finally:
            self._answered(exchange)

    async def _change(self, head: bytes, switch: Switch) -> None:
        """Has the connection speak something else, until it ends.

        Not where its client has sent more by now: that was read as HTTP, and must not be taken for the other protocol.
        """
        await self.drained()
        if self._reading or self._queue or self.transport.is_closing():
            return
        self.resume()
        self._forget()
        self._parser = None
        await Switched(self.clients, self.transport).serve(head, switch)

    def _answered(self, exchange: Exchange) -> None:
        self._now = None
        if self.transport.is_closing():
            return
        if not exchange.keep:
            self.transport.close()
            return
        if self._queue:
            self._answer(self._queue.popleft())
            return
        self.resume()
        if not self._reading:
            self._until(KEEP_ALIVE)

    def write(self, *data: bytes) -> None:
        if not self.transport.is_closing():
            self._moved = True
            self.transport.write(data[0]) if len(data) == 1 else self.transport.writelines(data)

    def pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    async def drained(self) -> None:
        if self._drained is not None:
            await self._drained

    def pause_writing(self) -> None:
        self._drained = self._drained or self._loop.create_future()

    def resume_writing(self) -> None:
        self._moved = True
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # --- refusing

    def _stop(self, refused: Refused) -> None:
        """Ends the parsing; the client is then told why."""
        self._refused = refused
        raise ValueError(refused.text)

    def _refuse(self, told: Refused) -> None:
        """Says what is wrong where the client can take it for the answer to what is wrong, and ends the connection."""
        if self.transport.is_closing():
            return
        self._reading, self._deadline = False, None
        now = self._now
        mine = now is not None and now is self._last and not now.body.whole_came and not now.begun
        if now is None or mine:
            self.transport.write(told.answer())
        self.transport.close()

    # --- time

    def _until(self, seconds: float) -> None:
        """Has the connection end so many seconds from now, unless something comes between."""
        at = self._deadline = self._loop.time() + seconds
        if self._timer is None or self._fires > at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._fires = self._loop.call_at(at, self._due), at

    def _due(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self._deadline > self._loop.time():
            self._timer, self._fires = self._loop.call_at(self._deadline, self._due), self._deadline
        else:
            self.transport.close()

    def _look(self) -> None:
        """Ends a connection whose client takes nothing, also one that was closed and still has some to send."""
        unread = self.transport.get_write_buffer_size()
        if unread and self._unread and not self._moved and self._unread - unread < LEAST_READ:
            self.transport.abort()
            return
        self._unread, self._moved = unread, False
        self._watch = self._loop.call_later(UNREAD_TIME, self._look)
