"""A client with as little of its own as there can be: one thread, kept connections, requests written beforehand."""

from __future__ import annotations

import itertools
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measure import p50, p99

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"transfer-encoding: *chunked", re.IGNORECASE)


@dataclass(slots=True)
class Load:
    """What came of it.

    Parameters
    ----------
    taken : seconds that each answer took, sorted.
    seconds : that the load lasted.
    statuses : how many answers had which status; 0 stands for a connection that ended without an answer.
    said : the last answer that was no success.
    """

    taken: list[float] = field(default_factory=list[float])
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter[int])
    said: bytes = b""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.taken) / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        bad = {status: count for status, count in self.statuses.items() if status != 200}
        more = f"   NOT 200: {bad} {self.said[-300:]!r}" if bad else ""
        return f"{self.rate:8,.0f} /s   p50 {p50(self.taken) * 1e3:7.2f}   p99 {p99(self.taken) * 1e3:7.2f} ms{more}"


def post(place: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A request as it goes over the wire."""
    fields = {"host": place, "content-length": str(len(body))} | headers
    return "".join([f"POST {path} HTTP/1.1\r\n", *(f"{k}: {v}\r\n" for k, v in fields.items()), "\r\n"]).encode() + body


class _Line:
    __slots__ = ("began", "buffer", "size", "sock")

    def __init__(self, address: tuple[str, int]) -> None:
        self.sock = socket.create_connection(address, timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.size, self.began = b"", 0, 0.0

    def send(self, request: bytes) -> None:
        self.buffer, self.size, self.began = b"", 0, time.perf_counter()
        self.sock.sendall(request)

    def whole(self) -> bool:
        """Reads once; whether the answer is there."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError
        self.buffer = self.buffer + data if self.buffer else data
        if not self.size:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return False
            if found := _LENGTH.search(self.buffer, 0, end):
                self.size = end + 4 + int(found[1])
            elif _CHUNKED.search(self.buffer, 0, end):
                return self.buffer.endswith(b"0\r\n\r\n")
        return len(self.buffer) >= self.size


def hammer(place: str, requests: Sequence[bytes], connections: int, seconds: float, pace: float = 0.0) -> Load:
    """Sends requests over so many connections for so long, each with one under way.

    pace : requests a second at most, all connections together; 0 for as many as are answered.
    """
    host, _, port = place.rpartition(":")
    address = (host, int(port))
    load, turn = Load(), itertools.cycle(requests)
    taken, statuses = load.taken, load.statuses
    clock = time.perf_counter
    with selectors.DefaultSelector() as waiting:
        began = clock()
        end, due, idle = began + seconds, began, [_Line(address) for _ in range(connections)]
        busy = 0
        while busy or clock() < end:
            now = clock()
            while idle and now < end and (not pace or due <= now):
                line = idle.pop()
                line.send(next(turn))
                waiting.register(line.sock, selectors.EVENT_READ, line)
                busy, due = busy + 1, due + (1 / pace if pace else 0)
            for key, _ in waiting.select(min(max(due - now, 0), 0.1) if pace and idle else 0.5):
                line = key.data
                try:
                    if not line.whole():
                        continue
                    status = int(line.buffer[9:12])
                except (OSError, ValueError):
                    status = 0
                waiting.unregister(line.sock)
                busy -= 1
                taken.append(clock() - line.began)
                statuses[status] += 1
                if status != 200:
                    load.said = line.buffer
                closing = status == 0 or b"onnection: close" in line.buffer
                if closing:
                    line.sock.close()
                    line = _Line(address)
                if pace or clock() >= end:
                    idle.append(line)
                else:
                    line.send(next(turn))
                    waiting.register(line.sock, selectors.EVENT_READ, line)
                    busy += 1
        load.seconds = clock() - began
        for line in idle:
            line.sock.close()
    taken.sort()
    return load
