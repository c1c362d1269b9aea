"""Threads of a worker, for what its loop must not wait for.

    INVOKE, where the predictor passes requests on (`at_once`)  ─► a thread ─► the loop sends the answer
    PING, of such a predictor: it may wait for who is asked      ─► a thread of their own, one at a time
    CONTROL: a model is loaded or unloaded (`control`)          ─► a thread of their own, one at a time

The loop alone writes to a socket: a thread leaves its frame, and wakes it.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from potager.compute import frames
from potager.compute.process import limits

Handle = Callable[[int, int, bytes], bytes]
"""The frame that answers a frame; never raises."""


class Hands:
    """The threads; they start with the first request that needs one.

    finished : readable when an answer waits to be sent by `settle`.
    """

    def __init__(self, handle: Handle, at_once: int) -> None:
        self._handle = handle
        self._pools = {frames.CONTROL: ThreadPoolExecutor(1, "control")}
        if at_once:
            self._pools[frames.INVOKE] = ThreadPoolExecutor(at_once, "request")
            self._pools[frames.PING] = ThreadPoolExecutor(1, "ping")
        self._done: deque[tuple[socket.socket, bytes]] = deque()
        self.finished, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self.finished.setblocking(False)

    def take(self, sock: socket.socket, number: int, kind: int, payload: bytes) -> bool:
        """Whether a request of a connection is theirs; it is answered then."""
        pool = self._pools.get(kind)
        if pool is not None:
            pool.submit(self._work, sock, partial(self._handle, number, kind, payload))
        return pool is not None

    def _work(self, sock: socket.socket, work: Callable[[], bytes]) -> None:
        self._done.append((sock, work()))
        self.ring()

    def ring(self) -> None:
        """Wakes the loop; any thread may."""
        with contextlib.suppress(BlockingIOError):  # it is full of bells already
            self._bell.send(b"\0")

    def settle(self) -> None:
        """Sends the answers that are there."""
        with contextlib.suppress(BlockingIOError):
            self.finished.recv(1 << 16)
        while self._done:
            sock, answer = self._done.popleft()
            try:
                sock.sendall(answer)
            except OSError:  # whoever asked has gone
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Returns when everything that was taken has been answered."""
        for pool in self._pools.values():
            pool.shutdown()
        self.settle()


def controlled(predictor: Any, payload: bytes) -> bytes:
    """What a predictor says to an order, and the worker's `resident` bytes after it.

    `ValueError` from a predictor that takes no orders.
    """
    control: Callable[[dict[str, Any]], dict[str, Any]] | None = getattr(predictor, "control", None)
    if control is None:
        raise ValueError("The worker's predictor takes no orders.")
    said = control(json.loads(payload))
    return json.dumps(said | {"resident": limits.used()}).encode()
