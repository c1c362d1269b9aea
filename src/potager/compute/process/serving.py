"""A serving worker's loop: frames in, predictions out, in one thread.

    socket ─► all frames that have arrived ─► Desk ─┬─ small and alike, several ─► predict_many ─► one send
                                                    └─ each of the others ───────► predict ──────► a send each

Batches are of what waits already: while the model works, requests gather in the socket. Nobody waits for more to come,
so that a request that comes alone is answered as if there were no batches.
Answers that come in parts are `flows.py`'s.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from struct import error as StructError
from types import FrameType
from typing import Any, NoReturn, Protocol

from potager.compute import frames
from potager.compute.process import hands
from potager.compute.process.flows import Flows
from potager.compute.process.hands import Hands
from potager.kernel.prediction import Answer, Query, received

CHUNK = 1 << 18
PATIENCE = 60.0
"""Seconds that the server may take to read an answer."""

MOST_TOGETHER = 64
"""Requests of a batch: the first one waits until the last one is answered."""

SMALL = 1 << 13
"""Bytes of a request that goes into a batch. A larger one is work enough by itself, and comes after the small ones."""

Request = tuple[int, int, bytes]
"""A frame: its number, kind and payload."""


WELL, BUSY = "200", "busy"
"""What a predictor's `health` says: that it is well, or that it has something else to do; anything else is unwell."""


class Predictor(Protocol):
    """A loaded model. One that can fail while it lives has a method `health() -> str`, which pings are answered with.

    One that wants more of a request than its body and media types, or has more to answer, has a method
    `answer(query: Query) -> Answer` as well, which is called in place of `predict`.

    One to whom several requests are cheaper together has `predict_many(queries: Sequence[Query]) -> list[Answer |
    Exception]` as well: small requests of the same media types, model and session, answered in their order, each as
    it would have been by itself. Where it raises, each is asked by itself: so it may give up on any that is odd.

    One that passes requests on, and so waits more than it works, has a number `at_once` as well: of threads that call
    `answer`. One that holds many models has `control(order) -> dict`: `images/many_models` (`hands.py`).

    One whose answers can come in parts has `stream(query: Query) -> tuple[Answer, Iterator[bytes]]` as well: the answer
    without its body, and the parts of that, each made when it is asked for. Other requests are answered between them.
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
        self._many: Callable[[Sequence[Query]], list[Answer | Exception]] | None
        self._many = getattr(predictor, "predict_many", None)
        self._health: Callable[[], str] | None = getattr(predictor, "health", None)
        self._predictor = predictor
        at_once = getattr(predictor, "at_once", 0)
        self.hands = Hands(self.handle, at_once) if at_once or hasattr(predictor, "control") else None
        self.flows = Flows(
            getattr(predictor, "stream", None) or self._in_one_part, _failed, self.hands if at_once else None
        )

    def answers(self, requests: Sequence[Request]) -> Iterator[bytes]:
        """The frames that answer those which wait, a batch's in one piece, the small ones' first."""
        if self._many is None or len(requests) == 1:
            yield from (self.handle(*request) for request in requests)
            return
        alike: dict[tuple[str, ...], list[tuple[int, Query]]] = {}
        others: list[Request] = []
        for request in requests:
            number, kind, payload = request
            query = _query(payload) if kind == frames.INVOKE and len(payload) <= SMALL else None
            if query is None:
                others.append(request)
            else:
                key = (query.content_type, query.accept, query.model, query.session)
                alike.setdefault(key, []).append((number, query))
        for group in alike.values():
            for start in range(0, len(group), MOST_TOGETHER):
                yield self._together(self._many, group[start : start + MOST_TOGETHER])
        yield from (self.handle(*request) for request in others)

    def handle(self, number: int, kind: int, payload: bytes) -> bytes:
        """The frame that answers a frame."""
        if kind == frames.PING:
            said = self._health() if self._health else ""
            return frames.frame(number, frames.PONG, said.encode("utf-8", "replace")[:512])
        if kind == frames.CONTROL:
            return self._told(number, payload)
        if kind != frames.INVOKE:
            return _failure(number, 500, f"The worker knows no frame of kind {kind}.")
        query = _query(payload)
        return self._alone(number, query) if query else _failure(number, 500, "The frame's head cannot be read.")

    def _told(self, number: int, payload: bytes) -> bytes:
        try:
            return frames.frame(number, frames.TOLD, hands.controlled(self._predictor, payload))
        except Exception as error:
            return _failed(number, error)

    def _alone(self, number: int, query: Query) -> bytes:
        try:
            return _result(number, self._answer(query))
        except Exception as error:
            return _failed(number, error)

    def _in_one_part(self, query: Query) -> tuple[Answer, Iterator[bytes]]:
        answer = self._answer(query)
        return answer, iter((answer.body,))

    def _together(
        self, many: Callable[[Sequence[Query]], list[Answer | Exception]], group: list[tuple[int, Query]]
    ) -> bytes:
        try:
            found = many([query for _, query in group]) if len(group) > 1 else []
        except Exception:  # it may be one request's fault, which the others shall not pay for
            found = []
        if len(found) != len(group):
            return b"".join([self._alone(number, query) for number, query in group])
        return b"".join([_settled(number, answer) for (number, _), answer in zip(group, found, strict=True)])


def _predicted(predictor: Predictor, query: Query) -> Answer:
    return Answer(*predictor.predict(query.body, query.content_type, query.accept))


def _query(payload: bytes) -> Query | None:
    """What an invocation asks, None where it cannot be read."""
    try:
        head, body = frames.parted(payload)
    except (StructError, UnicodeDecodeError):
        return None
    return received(head, body)


def _settled(number: int, answer: Answer | Exception) -> bytes:
    return _failed(number, answer) if isinstance(answer, Exception) else _result(number, answer)


def _result(number: int, answer: Answer) -> bytes:
    try:
        return frames.frame(number, frames.RESULT, frames.headed(answer.head, answer.body))
    except Exception as error:  # too large an answer, or none at all
        return _failed(number, error)


def _failed(number: int, error: Exception) -> bytes:
    """The frame of an exception; the traceback of one that nobody foresaw goes to the log."""
    status = _status(error)
    if status is None:
        traceback.print_exception(error)
    said = f"{type(error).__name__}: {error}" if status is None or not str(error) else str(error)
    return _failure(number, status or 500, said)


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
    if desk.hands:
        selector.register(desk.hands.finished, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select(desk.flows.patience):
            if key.fileobj is woken:
                if signal.SIGTERM in woken.recv(512):  # a model may have signals of its own
                    if desk.hands:
                        desk.hands.finish()
                    sys.exit(0)
            elif desk.hands and key.fileobj is desk.hands.finished:
                desk.hands.settle()
            elif key.fileobj is listener:
                _welcome(listener, selector)
            elif not _attend(key.fileobj, key.data, desk):  # type: ignore[arg-type]
                desk.flows.drop(key.fileobj)  # type: ignore[arg-type]
                selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
        desk.flows.step()


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
        requests = [each for each in reader.feed(data) if each[1] == frames.INVOKE or not desk.flows.take(sock, *each)]
        if desk.hands:
            requests = [each for each in requests if not desk.hands.take(sock, *each)]
        for answers in desk.answers(requests):
            sock.sendall(answers)
    except (OSError, frames.TooLarge):
        return False
    return bool(data)
