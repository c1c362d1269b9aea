"""Signed requests on kept connections with as little client as there can be: what is left is the server's."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import selectors
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CHUNK = 2**18
"""Bytes that are read of an answer at once."""


class Raw:
    """Posts signed bodies to a server. The signature of a body is made once and sent again within its five minutes."""

    def __init__(self, server: Any, service: str) -> None:
        self.url = server.url
        self.service = service
        keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
        self.auth = SigV4Auth(keys, service, "us-east-1")
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        self._signed: dict[tuple[Any, ...], dict[str, str]] = {}

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """The body of the answer, which must be a 200."""
        asked = (path, body, *headers.values())
        signed = self._signed.get(asked)
        if signed is None:
            request = AWSRequest("POST", self.url + path, headers, body)
            self.auth.add_auth(request)
            signed = self._signed[asked] = dict(request.headers.items())
        self.connection.request("POST", path, body, signed)
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status == 200, data
        return data


class _Auth(S3SigV4Auth):
    hashed = ""

    def payload(self, request: AWSRequest) -> str:
        """The hash of a body that the request does not hold."""
        return self.hashed


class Signer:
    """Writes whole signed requests to an S3 server, before anything is measured.

    Parameters
    ----------
    url : the server's, without a path.
    key, secret : who signs.
    """

    def __init__(self, url: str, key: str, secret: str) -> None:
        self.url = url
        self.place = urlsplit(url).netloc
        self._auth = _Auth(Credentials(key, secret), "s3", "us-east-1")

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
        """One request as it goes over the wire."""
        return self.head(method, path, len(body), hashlib.sha256(body).hexdigest(), headers) + body

    def head(self, method: str, path: str, size: int, hashed: str, headers: dict[str, str] | None = None) -> bytes:
        """The head of a request whose body of `size` bytes has that SHA-256."""
        request = AWSRequest(method, self.url + path, headers)
        self._auth.hashed = hashed
        self._auth.add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.place}", f"content-length: {size}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Line:
    """A kept connection. An answer is read as far as it must be to know where it ends."""

    def __init__(self, place: str) -> None:
        host, _, port = place.rpartition(":")
        self._place = (host, int(port))
        self.socket = self._connected()
        self._buffer = bytearray()

    def _connected(self) -> socket.socket:
        made = socket.create_connection(self._place)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def ask(self, request: bytes) -> bytes:
        """The body of the answer, which must be a success."""
        self.socket.sendall(request)
        while (answer := self.take()) is None:
            pass
        return answer

    def take(self) -> bytes | None:
        """Reads once; the answer's body, None while it is not whole."""
        self._buffer += self._received()
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        fields = _fields(self._buffer[:end])
        size = len(self._buffer) - end - 4
        if "content-length" in fields:
            if size < int(fields["content-length"]):
                return None
        elif b"transfer-encoding" in self._buffer[:end].lower() and not self._buffer.endswith(b"0\r\n\r\n"):
            return None
        body = bytes(self._buffer[end + 4 :])
        assert self._buffer[9:10] == b"2", bytes(self._buffer[:2000])
        self._buffer.clear()
        if fields.get("connection", "").lower() == "close":
            self.socket.close()
            self.socket = self._connected()
        return body

    def stream_up(self, head: bytes, source: BinaryIO) -> None:
        """Sends a request whose body is a file, in the kernel."""
        self.socket.sendall(head)
        self.socket.sendfile(source)
        while self.take() is None:
            pass

    def stream_down(self, request: bytes) -> int:
        """Asks, and drops the answer's body as it comes; how many bytes it had."""
        self.socket.sendall(request)
        head = bytearray()
        while (end := head.find(b"\r\n\r\n")) < 0:
            head += self._received()
        assert head[9:10] == b"2", bytes(head[:2000])
        fields = _fields(head[:end])
        size = int(fields["content-length"])
        left, room = size - (len(head) - end - 4), memoryview(bytearray(2**20))
        while left > 0:
            got = self.socket.recv_into(room)
            assert got, "the connection ended early"
            left -= got
        if fields.get("connection", "").lower() == "close":
            self.socket.close()
            self.socket = self._connected()
        return size

    def _received(self) -> bytes:
        data = self.socket.recv(CHUNK)
        assert data, "the connection ended early"
        return data

    def close(self) -> None:
        self.socket.close()


def _fields(head: bytes | bytearray) -> dict[str, str]:
    lines = bytes(head).decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@contextlib.contextmanager
def lines(place: str, count: int) -> Iterator[list[Line]]:
    """So many connections, closed in the end."""
    made = [Line(place) for _ in range(count)]
    try:
        yield made
    finally:
        for line in made:
            line.close()


def burst(place: str, requests: Sequence[bytes], connections: int) -> None:
    """Sends prepared requests over several connections, each with one under way; done when all are answered.

    One thread serves them all, so that clients do not wait for each other's interpreter lock.
    """
    left = iter(requests)
    with lines(place, connections) as made, selectors.DefaultSelector() as waiting:
        busy = sum(_send(line, left, waiting) for line in made)
        while busy:
            for ready, _ in waiting.select():
                line: Line = ready.data
                before = line.socket
                if line.take() is None:
                    continue
                waiting.unregister(before)
                busy -= not _send(line, left, waiting)


def _send(line: Line, left: Iterable[bytes], waiting: selectors.BaseSelector) -> bool:
    request = next(iter(left), None)
    if request is None:
        return False
    line.socket.sendall(request)
    waiting.register(line.socket, selectors.EVENT_READ, line)
    return True
