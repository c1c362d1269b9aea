"""Requests passed on to the user's server over connections that are kept, several at a time.

A server that works on one connection after another must not be kept waiting by one that is idle. So no more connections
are kept, while requests are under way, than it was seen to hold at once: one that answers on a newer connection while
an older one is open holds them both. And no more than `QUEUED` wait for it to take them up, for which there is room in
every server's queue.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import http.client
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

from potager.kernel import prediction
from potager.kernel.prediction import Answer, Query

AT_ONCE = 32
"""Requests that the server may have in hand; what else comes waits in the worker."""

QUEUED = 5
"""Connections that may be open beside those that the server was seen to hold; Python's own servers queue as many."""

CHUNK = 2**16
"""Bytes of an answer in parts that are passed on together."""

PING = 2.0
"""Seconds that one `/ping` may take while it serves, as on AWS."""

_GONE = (http.client.HTTPException, OSError)


class Answered(Exception):
    """The server answered with a status that is no success. `status`: its own, where it says that something failed."""

    def __init__(self, path: str, status: int, said: str) -> None:
        fails = 400 <= status < 600
        super().__init__(said if fails else f"{path} answered with status {status}: {said}")
        self.status = status if fails else 500


class Unanswered(Exception):
    """The server closed the connection, or spoke no HTTP."""

    status = 502


@dataclass(eq=False, slots=True)
class _Connection:
    """A connection, and when the making of it began and ended."""

    http: http.client.HTTPConnection
    began: float
    made: float = math.inf
    used: bool = False


class Bridge:
    """The ways to a server on this machine. Any number of threads may use it.

    at_once : how many requests it is asked to pass on at a time (`compute/process/hands.py`).
    """

    at_once = AT_ONCE

    def __init__(self, port: int) -> None:
        self._port = port
        self._change = threading.Condition()
        self._open: set[_Connection] = set()
        self._idle: list[_Connection] = []
        self._width = 1

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The server's answer and its content type; `Answered` with its status where that is no success."""
        answer = self.answer(Query(body, content_type, accept))
        return answer.body, answer.content_type

    def answer(self, query: Query) -> Answer:
        """The server's answer to a whole request: the rest of it travels in headers, as on AWS."""
        return self.post("/invocations", query)

    def post(self, path: str, query: Query) -> Answer:
        """What it answers to a POST."""
        response, body = self.exchange("POST", path, query.body, query.headers)
        return _answer(body, response.headers)

    def health(self) -> str:
        """The status of `GET /ping`, or why there is none; "busy" where it did not answer, but has requests in hand.

        It is asked as any request is: a server that works on one connection at a time takes no other while one is kept.
        """
        with self._change:
            if len(self._open) - len(self._idle) >= self._width + QUEUED:
                return "busy"
        try:
            response, _ = self.exchange("GET", "/ping", timeout=PING)
        except Answered as answered:
            return str(answered.status)
        except Unanswered as unanswered:
            with self._change:
                return "busy" if len(self._idle) < len(self._open) else str(unanswered)
        return str(response.status)

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """A response with its body; `Answered` where its status is no success, `Unanswered` where there is none.

        timeout : seconds that the server may be silent.
        """
        connection, response = self._begun(method, path, body, headers or {}, timeout)
        try:
            said = response.read()
        except _GONE as error:
            self._drop(connection)
            raise _unanswered(method, path, error) from error
        self._give_back(connection)
        if not 200 <= response.status < 300:
            raise Answered(path, response.status, said.decode("utf-8", "replace"))
        return response, said

    def stream(self, query: Query) -> tuple[Answer, Iterator[bytes]]:
        """The server's answer without its body, and the parts of that as they come."""
        connection, response = self._begun("POST", "/invocations", query.body, query.headers)
        parts = self._parts(connection, response)
        if not 200 <= response.status < 300:
            raise Answered("/invocations", response.status, b"".join(parts).decode("utf-8", "replace"))
        return _answer(b"", response.headers), parts

    def _parts(self, connection: _Connection, response: http.client.HTTPResponse) -> Iterator[bytes]:
        whole = False
        try:
            while part := response.read1(CHUNK):
                yield part
            response.read()  # nothing is left; only this tells the connection so
            whole = True
        except _GONE as error:
            raise Unanswered(f"The server broke its answer off: {type(error).__name__}: {error}") from error
        finally:
            (self._give_back if whole else self._drop)(connection)

    def _begun(
        self, method: str, path: str, body: bytes, headers: dict[str, str], timeout: float | None = None
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        """A response whose body is not read, and its connection."""
        connection = self._taken(timeout)
        try:
            return connection, _sent(connection, method, path, body, headers, timeout)
        except _GONE as error:
            self._drop(connection)
            # Servers close a connection that was idle for long, and this one may have crossed with that.
            if not (connection.used and isinstance(error, ConnectionError)):
                raise _unanswered(method, path, error) from error
        connection = self._taken(timeout, fresh=True)
        try:
            return connection, _sent(connection, method, path, body, headers, timeout)
        except _GONE as error:
            self._drop(connection)
            raise _unanswered(method, path, error) from error

    def _taken(self, timeout: float | None, *, fresh: bool = False) -> _Connection:
        """An idle connection, or a new one."""
        with self._change:
            while not (self._idle and not fresh) and len(self._open) >= self._width + QUEUED:
                self._change.wait()
            if self._idle and not fresh:
                return self._idle.pop()
            connection = _Connection(http.client.HTTPConnection("127.0.0.1", self._port, timeout), monotonic())
            self._open.add(connection)
        try:
            connection.http.connect()
        except OSError as error:
            self._drop(connection)
            raise _unanswered("connect", f"port {self._port}", error) from error
        connection.made = monotonic()
        return connection

    def _give_back(self, connection: _Connection) -> None:
        """Keeps a connection that has answered, unless the server may be waiting for its end."""
        with self._change:
            held = 1 + sum(other.made < connection.began for other in self._open)
            self._width = max(self._width, held)
            others = len(self._open) - len(self._idle) - 1
            if connection.http.sock is None or (others and len(self._open) > self._width):
                self._open.discard(connection)
                connection.http.close()
            else:
                connection.used = True
                self._idle.append(connection)
            self._change.notify_all()

    def _drop(self, connection: _Connection) -> None:
        connection.http.close()
        with self._change:
            self._open.discard(connection)
            self._change.notify_all()


def _sent(
    connection: _Connection, method: str, path: str, body: bytes, headers: dict[str, str], timeout: float | None
) -> http.client.HTTPResponse:
    if connection.http.sock is not None:
        connection.http.sock.settimeout(timeout)
    connection.http.request(method, path, body, headers)
    return connection.http.getresponse()


def _answer(body: bytes, headers: http.client.HTTPMessage) -> Answer:
    beside = (prediction.ATTRIBUTES, prediction.NEW_SESSION, prediction.CLOSED_SESSION)
    return Answer(body, headers.get("Content-Type", ""), *(_line(headers.get(name, "")) for name in beside))


def _line(text: str) -> str:
    """Text that fits a header of one line, as AWS passes it on: ASCII, 1,024 characters at most."""
    return " ".join(text.encode("ascii", "ignore").decode().split())[:1024]


def _unanswered(method: str, path: str, error: Exception) -> Unanswered:
    return Unanswered(f"The server gave no answer to {method} {path}: {type(error).__name__}: {error}")
