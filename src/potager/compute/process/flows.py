"""Answers that come in parts: the worker's end. The server's is `compute/flow.py`.

    STREAM ─► predictor.stream ─► BEGUN ─► a frame of each stream that may go on, then what else has arrived ─► END

A stream waits between two parts, and costs nothing, while `frames.WINDOW` bytes of it are on their way. Other requests
are answered between parts: they wait as long as one part takes to make. Where the predictor waits for others more than
it works (`at_once`), each stream has a thread that makes its frames (`_Ahead`), and nobody waits.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from potager.compute import frames
from potager.compute.process.hands import Hands
from potager.kernel.prediction import Answer, Query, received

Start = Callable[[Query], tuple[Answer, Iterator[bytes]]]
Failed = Callable[[int, Exception], bytes]

KINDS = (frames.STREAM, frames.CREDIT, frames.CANCEL)

AHEAD = 4
"""Frames that a stream's thread makes before they are sent."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame to be sent, and how many bytes of the answer it has; `last` ends the stream."""

    data: bytes
    size: int = 0
    last: bool = False


def _frames(start: Start, failed: Failed, number: int, payload: bytes) -> Iterator[_Frame]:
    """What answers a STREAM frame. To close it closes the predictor's parts."""
    parts: Any = None
    try:
        head, body = frames.parted(payload)
        answer, parts = start(received(head, body))
        pieces = _pieces(parts)
        first = next(pieces, b"")
        yield _Frame(frames.frame(number, frames.BEGUN, frames.headed(answer.head, first)), len(first))
        for piece in pieces:
            yield _Frame(frames.frame(number, frames.PART, piece), len(piece))
        yield _Frame(frames.frame(number, frames.END), last=True)
    except Exception as error:
        yield _Frame(failed(number, error), last=True)
    finally:
        _close(parts)


def _pieces(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The parts that hold something, cut where they are too large for a frame."""
    for part in parts:
        for at in range(0, len(part), frames.PIECE):
            yield part[at : at + frames.PIECE]


def _close(made: Any) -> None:
    close: Any = getattr(made, "close", None)
    if close is not None:
        try:
            close()
        except Exception:
            traceback.print_exc()


class _Ahead:
    """Frames that a thread makes, `AHEAD` of them before they are taken.

    ring : is called when there is one.
    """

    def __init__(self, made: Iterator[_Frame], ring: Callable[[], None]) -> None:
        self._made = made
        self._ring = ring
        self._frames: deque[_Frame] = deque()
        self._change = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, daemon=True).start()

    @property
    def ready(self) -> bool:
        return bool(self._frames)

    def __iter__(self) -> _Ahead:
        return self

    def __next__(self) -> _Frame:
        with self._change:
            self._change.notify()
            return self._frames.popleft()

    def close(self) -> None:
        """Ends the thread, once the part that it makes is there."""
        with self._change:
            self._closed = True
            self._change.notify()

    def _work(self) -> None:
        for frame in self._made:
            with self._change:
                self._change.wait_for(lambda: self._closed or len(self._frames) < AHEAD)
                if self._closed:
                    break
                self._frames.append(frame)
            self._ring()
        _close(self._made)


@dataclass(eq=False, slots=True)
class _Flow:
    """One stream under way. room : bytes that may be sent still."""

    sock: socket.socket
    number: int
    made: Iterator[_Frame] | _Ahead
    room: int = frames.WINDOW

    @property
    def ready(self) -> bool:
        return self.room > 0 and (not isinstance(self.made, _Ahead) or self.made.ready)


class Flows:
    """The streams of a worker.

    start : gives an answer without its body, and the parts of its body.
    failed : the frame of what an exception says, for the request of that number.
    hands : whose bell threads ring; None where the loop itself makes the parts.
    """

    def __init__(self, start: Start, failed: Failed, hands: Hands | None) -> None:
        self._start = start
        self._failed = failed
        self._hands = hands
        self._flows: dict[tuple[socket.socket, int], _Flow] = {}

    @property
    def patience(self) -> float | None:
        """Seconds that the worker may wait for requests: none while a stream can go on."""
        return 0.0 if any(flow.ready for flow in self._flows.values()) else None

    def take(self, sock: socket.socket, number: int, kind: int, payload: bytes) -> bool:
        """Does what a frame about a stream asks for; whether it was one."""
        flow = self._flows.get((sock, number))
        if kind == frames.STREAM:
            made = _frames(self._start, self._failed, number, payload)
            self._flows[sock, number] = _Flow(sock, number, _Ahead(made, self._hands.ring) if self._hands else made)
        elif kind == frames.CREDIT and flow:
            flow.room += frames.credited(payload)
        elif kind == frames.CANCEL and flow:
            self._end(flow)
        return kind in KINDS

    def step(self) -> None:
        """Sends the next frame of each stream that may go on."""
        for key, flow in list(self._flows.items()):
            if flow.ready and key in self._flows:
                self._go_on(flow)

    def drop(self, sock: socket.socket) -> None:
        """Ends the streams of a connection that has ended."""
        for flow in [flow for flow in self._flows.values() if flow.sock is sock]:
            self._end(flow)

    def _go_on(self, flow: _Flow) -> None:
        frame = next(flow.made)
        flow.room -= frame.size
        if frame.last:
            self._end(flow)
        try:
            flow.sock.sendall(frame.data)
        except OSError:
            self.drop(flow.sock)
            with contextlib.suppress(OSError):
                flow.sock.shutdown(socket.SHUT_RDWR)  # the loop sees its end

    def _end(self, flow: _Flow) -> None:
        self._flows.pop((flow.sock, flow.number), None)
        _close(flow.made)
