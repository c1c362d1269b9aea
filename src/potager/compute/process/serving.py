"""A serving worker's loop: frames in, predictions out, in order, in one thread.

`Desk.handle` is the one place where a request becomes an answer; threads, batches and streams come in there.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, NoReturn, Protocol

from potager.compute import frames
from potager.kernel.prediction import Answer, Query

CHUNK = 1 << 18
PATIENCE = 60.0
"""Seconds that the server may take to read an answer."""


class Predictor(Protocol):
    """A loaded model.

    One that wants more of a request than its body and media types, or has more to answer, has a method
    `answer(query: Query) -> Answer` as well, which is called in place of `predict`.
    """

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The answer and its content type.

        `ValueError` when the request is at fault: status 400. An exception with an attribute `status` (400 to 599) is
        answered with that status, and nothing is logged: whoever raises it has said what there is to say. Any other
        is a failure, 500, and its traceback goes to the log.
        """
        ...


class Desk:
    """Turns requests into answers."""

    def __init__(self, predictor: Predictor) -> None:
        own: Any = getattr(predictor, "answer", None)
        self._answer: Callable[[Query], Answer] = own or partial(_predicted, predictor)

    def handle(self, number: int, kind: int, payload: bytes) -> bytes:
        """The frame that answers a frame."""
        if kind == frames.PING:
            return frames.frame(number, frames.PONG)
        if kind != frames.INVOKE:
            return _failure(number, 500, f"The worker knows no frame of kind {kind}.")
        try:
            head, body = frames.parted(payload)
            answer = self._answer(Query(body, *head[:6]))
            return frames.frame(number, frames.RESULT, frames.headed(answer.head, answer.body))
        except Exception as error:
            status = _status(error)
            if status is None:
                traceback.print_exc()
            said = f"{type(error).__name__}: {error}" if status is None or not str(error) else str(error)
            return _failure(number, status or 500, said)


def _predicted(predictor: Predictor, query: Query) -> Answer:
    return Answer(*predictor.predict(query.body, query.content_type, query.accept))


def _status(error: Exception) -> int | None:
    """The status that an exception asks for, None where it is a failure that nobody foresaw."""
    status: object = getattr(error, "status", None)
    if isinstance(status, int) and 400 <= status < 600:
        return status
    return 400 if isinstance(error, ValueError) else None


def _failure(number: int, status: int, said: str) -> bytes:
    return frames.frame(number, frames.FAILURE, frames.headed((str(status),), said.encode("utf-8", "replace")[:65536]))


def answer(listener: socket.socket, predictor: Predictor) -> NoReturn:
    """Answers whoever connects, until SIGTERM; the request in hand is answered first."""
    desk, selector = Desk(predictor), selectors.DefaultSelector()
    waker, woken = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGTERM, _noticed)
    selector.register(woken, selectors.EVENT_READ, None)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                if signal.SIGTERM in woken.recv(512):  # a model may have signals of its own
                    sys.exit(0)
            elif key.fileobj is listener:
                _welcome(listener, selector)
            elif not _attend(key.fileobj, key.data, desk):  # type: ignore[arg-type]
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]


def _noticed(number: int, frame: FrameType | None) -> None:
    """Does nothing: the wakeup descriptor tells the loop, and a handler keeps the signal from ending the process."""


def _welcome(listener: socket.socket, selector: selectors.BaseSelector) -> None:
    with contextlib.suppress(OSError):
        sock, _ = listener.accept()
        sock.settimeout(PATIENCE)
        selector.register(sock, selectors.EVENT_READ, frames.Reader())


def _attend(sock: socket.socket, reader: frames.Reader, desk: Desk) -> bool:
    """Answers what has arrived on a connection; False when it has ended."""
    try:
        data = sock.recv(CHUNK)
        for request in reader.feed(data):
            sock.sendall(desk.handle(*request))
    except (OSError, frames.TooLarge):
        return False
    return bool(data)
