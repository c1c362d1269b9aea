"""One request and its answer on a connection: the body as it comes, the answer as it goes. Knows no AWS.

    connection.py ─► feed ─► Incoming ─► the app ─► Response ─► head and body in one write

What a client sends and takes is bounded in time here, once it is known what it asks; `connection.py` has the bounds on
what comes before.
"""

from __future__ import annotations

import asyncio
import http
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Protocol

from potager.kernel.body import Body, Disconnected
from potager.kernel.errors import WireError
from potager.wire.message import Request, Response, Switch

log = logging.getLogger(__name__)

Answer = Callable[[Request], Awaitable[Response]]
"""The app: answers every request, whatever happens, but one whose client has gone (`Disconnected`)."""

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

HIGH_WATER = 2**16
"""Bytes of a body that wait for the app before the connection is read no further."""

JOINED = 2**16
"""Bytes of a body that are copied to go out in one piece with their head."""

MOST_NAMES = 1024
"""Names of headers that are remembered as good ones."""

_BAD_NAME = re.compile('[\x00-\x1f\x7f()<>@,;:\\[\\]={} \t\\\\"]|[^\x00-\x7f]')
_BAD_VALUE = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_BODILESS = frozenset((101, 204, 304))


def _status_line(status: int) -> str:
    try:
        return f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n"
    except ValueError:
        return f"HTTP/1.1 {status} \r\n"


STATUS_LINE = {status: _status_line(status) for status in range(100, 600)}


class Line(Protocol):
    """What an exchange needs of its connection."""

    def write(self, *data: bytes) -> None:
        """Sends, all in one go."""
        ...

    def pause(self) -> None:
        """Reads no further."""
        ...

    def resume(self) -> None:
        """Reads on."""
        ...

    async def drained(self) -> None:
        """Returns once the client has taken enough to be sent more, or has gone."""
        ...


class Incoming(Body):
    """A request's body as its connection brings it.

    Attributes
    ----------
    whole_came : whether the last byte is here.
    stalled : whether it was given up, so that the rest of it may still come.
    gone : whether the client went away before that.
    expects : whether the client waits to be asked for it (`Expect: 100-continue`).
    """

    def __init__(self, line: Line, length: int | None, *, expects: bool = False) -> None:
        super().__init__(aiter(self._coming()), length)
        self._line = line
        self._parts: list[bytes] = []
        self._held = 0
        self._size = 0
        self._waited = 0.0
        self._news: asyncio.Future[None] | None = None
        self.whole_came = False
        self.stalled = False
        self.gone = False
        self.expects = expects

    # --- what the connection brings

    def feed(self, data: bytes) -> None:
        self._parts.append(data)
        self._held += len(data)
        if self._held > HIGH_WATER:
            self._line.pause()
        self._tell()

    def end(self) -> None:
        self.whole_came = True
        self._tell()

    def lose(self) -> None:
        self.gone = True
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    # --- what the app takes

    def arrived(self) -> bytes | None:
        return self._taken() if self.whole_came and not self._size else None

    async def _coming(self) -> AsyncIterator[bytes]:
        while True:
            if not self._parts and not self.whole_came:
                await self._more()
            if data := self._taken():
                yield data
            elif self.whole_came:
                return

    def _taken(self) -> bytes:
        parts, self._parts, self._held = self._parts, [], 0
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._size += len(data)
        return data

    async def _more(self) -> None:
        """Waits until there is more of it."""
        if self.gone:
            raise Disconnected
        if self._size < LEAST_RATE * (self._waited - PATIENCE):
            self.stalled = True
            text = f"The body comes too slowly: at least {LEAST_RATE} bytes a second are expected. Send it again."
            raise WireError("RequestTimeout", text)
        if self.expects:
            self.expects = False
            self._line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._line.resume()
        start = monotonic()
        self._news = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(MOST_SILENCE):
                await self._news
        except TimeoutError as error:
            self.stalled = True
            text = f"The body stalled: nothing of it came for {MOST_SILENCE:g} seconds. Send it again."
            raise WireError("RequestTimeout", text) from error
        finally:
            self._news = None
        if self.gone and not self.whole_came:
            raise Disconnected
        self._waited += monotonic() - start

    async def settle(self) -> bool:
        """Whether the connection can carry another request: the rest of this one's body is read, if that is little.

        A client that waits for `100 Continue` and gets its answer at once sends no body at all, while the parser counts
        on it: the next request would be taken for it. Such a connection must end, as one with much left to read.
        """
        if self.whole_came:
            self._parts.clear()
            return True
        if self.stalled or self.expects:
            return False
        left = MOST_LEFT
        try:
            async with asyncio.timeout(SETTLE_TIME):
                async for chunk in self._coming():
                    left -= len(chunk)
                    if left < 0:
                        return False
        except (WireError, TimeoutError):
            return False
        return True


class Exchange:
    """A request that is being answered.

    Attributes
    ----------
    keep : whether the connection is to carry more requests after this one.
    begun : whether something of the answer was sent. done : whether all of it was.
    change : the head that is to be sent and what speaks from then on, where the connection changes its protocol.
    """

    __slots__ = ("_head", "_line", "_loop", "begun", "body", "change", "done", "keep", "old", "request")

    def __init__(self, line: Line, request: Request, body: Incoming, *, keep: bool, old: bool) -> None:
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._head = b""
        self.request = request
        self.body = body
        self.keep = keep
        self.old = old  # HTTP/1.0, which knows no chunks
        self.begun = False
        self.done = False
        self.change: tuple[bytes, Switch] | None = None

    async def run(self, answer: Answer, more: str) -> None:
        """Answers it. What goes wrong here is in the log; a client that has gone is not told.

        more : lines of every answer's head.
        """
        try:
            response = await answer(self.request)
            if not self.body.whole_came or self.body.expects:
                self.keep = await self.body.settle() and self.keep
            if response.switch is not None:
                self.change = self._written(response, more, 0)[0], response.switch
                self.keep = False
            else:
                await self._send(response, more)
            if self.keep:  # no next request before this answer is taken: else who never reads has us keep them all
                await self._line.drained()
        except Disconnected:
            self.keep = False
        except Exception:
            log.exception("%s %s could not be answered", self.request.method, self.request.path)
            self.keep = False
            if not self.begun:
                await self._send(Response(500, [("content-type", "text/plain")], b"Internal Server Error"), more)
        except asyncio.CancelledError:
            self.keep = False
            raise

    async def _send(self, response: Response, more: str) -> None:
        """Sends an answer; without its body to a HEAD.

        A body that streams is read no further once the client has gone away, and closed however it ends.
        """
        body = response.body
        if isinstance(body, bytes):
            head, length = self._written(response, more, len(body))
            bodiless = self.request.method == "HEAD" or response.status in _BODILESS
            if not bodiless and length != len(body):
                raise RuntimeError("the answer is not as long as its head says")
            self.begun = True
            if bodiless or not body:
                self._line.write(head)
            elif len(body) < JOINED:
                self._line.write(head + body)
            else:
                self._line.write(head, body)
            self.done = True
            return
        try:
            head, length = self._written(response, more, None)
            self.begun = True
            if self.request.method == "HEAD" or response.status in _BODILESS:
                self._line.write(head)
                self.done = True
            else:
                self.done = await self._stream(head, body, length)
        finally:
            close = getattr(body, "aclose", None)  # generators have one; to abandon them is to keep their files open
            if close is not None:
                await close()
        self.keep = self.keep and self.done

    async def _stream(self, head: bytes, body: AsyncIterator[bytes], length: int | None) -> bool:
        """Whether all of the body was sent. Its head goes with its first bytes, if those are there by then."""
        chunked, left = length is None and not self.old, length
        self._head = head
        self._loop.call_soon(self._flush)
        async for chunk in body:
            if self.body.gone:
                return False
            if not chunk:
                continue
            if left is not None:
                left -= len(chunk)
                if left < 0:
                    raise RuntimeError("the answer is longer than its head says")
            self._put(b"%x\r\n" % len(chunk), chunk, b"\r\n") if chunked else self._put(chunk)
            await self._line.drained()
        if left:
            raise RuntimeError("the answer is shorter than its head says")
        self._put(b"0\r\n\r\n") if chunked else self._flush()
        return True

    def _put(self, *data: bytes) -> None:
        head, self._head = self._head, b""
        self._line.write(head, *data) if head else self._line.write(*data)

    def _flush(self) -> None:
        if self._head:
            self._put()

    def _written(self, response: Response, more: str, size: int | None) -> tuple[bytes, int | None]:
        """The head of an answer, and how long it says that the body is.

        size : bytes of a body that is whole.
        """
        lines = [STATUS_LINE[response.status], more]
        length: int | None = None
        for name, value in response.headers:
            known = _NAMES.get(name) or _named(name)
            if not (value.isascii() and value.isprintable()) and _BAD_VALUE.search(value):
                raise ValueError(f"the header {name} has a value that would end its line")
            if known == "content-length: ":
                length = int(value)
            lines.append(f"{known}{value}\r\n")
        if length is None and response.status not in _BODILESS and (size is not None or self.request.method != "HEAD"):
            length = size
            if size is not None and self.request.method != "HEAD":
                lines.append(f"content-length: {size}\r\n")
            elif size is None and not self.old:
                lines.append("transfer-encoding: chunked\r\n")
            elif size is None:
                self.keep = False
        going_on = self.keep or response.switch is not None
        lines.append("\r\n" if going_on else "connection: close\r\n\r\n")
        return "".join(lines).encode(), length


_NAMES: dict[str, str] = {}


def _named(name: str) -> str:
    """A header's name as it goes out."""
    if _BAD_NAME.search(name):
        raise ValueError(f"{name!r} is no name of a header")
    if len(_NAMES) >= MOST_NAMES:
        _NAMES.clear()
    known = _NAMES[name] = f"{name.lower()}: "
    return known
