"""Invocations over a unix socket: the server's end.

    Channel.invoke ─► frame ─► unix socket ─► process/serving.py ─► predictor.predict
            ▲                                         │
            └──────────── frame, same request id ◄────┘

Many requests may be under way; the worker answers in the order that it likes. A worker that dies fails the requests in
its hands, once. A worker that does not answer in time fails that request and counts as hung: the room replaces it.

A user's program may have made what a worker sends, so nothing of it is trusted: what cannot be an answer fails its
request (`faults.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from potager.compute import faults, frames
from potager.compute.faults import WorkerHung, WorkerLost
from potager.compute.flow import Flow
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query

MOST_HELD = 8
"""Frames that go to a worker at once: while it has some to answer, more wait for the event loop's next round."""

_LONGEST = 100
"""Bytes of a socket's path that every system takes (Linux 107, macOS 103)."""


class Channel(asyncio.Protocol):
    """A connection to one worker. Belongs to one event loop.

    Attributes
    ----------
    outstanding : requests under way.
    hung : whether a request ran out of time. Stays so.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = frames.Reader()
        self._waiting: dict[int, asyncio.Future[tuple[int, bytes]]] = {}
        self._limits: dict[int, tuple[float, float]] = {}  # when each is late, and its seconds
        self._timer: asyncio.TimerHandle | None = None
        self._fires = 0.0
        self._held: dict[int, bytes] = {}
        self._flows: dict[int, Flow] = {}
        self._number = 0
        self._end: asyncio.Future[None] = self._loop.create_future()
        self.hung = False

    @classmethod
    async def open(cls, path: Path) -> Channel:
        """A channel to the worker that listens at `path`, however long; `WorkerLost` when none does."""
        try:
            sock = connected(path)
        except OSError as error:
            raise WorkerLost(f"The worker does not listen: {error.strerror}.", delivered=False) from error
        _, protocol = await asyncio.get_running_loop().create_unix_connection(cls, sock=sock)
        return protocol

    @property
    def alive(self) -> bool:
        return not self._end.done()

    @property
    def outstanding(self) -> int:
        return len(self._waiting) + len(self._flows)

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """The model's answer, within `timeout` seconds.

        Raises
        ------
        ModelError : 424; the predictor refused the request or failed; the original status says which.
        WorkerHung : no answer in time. WorkerLost : the worker died, or was dead already.
        """
        try:
            kind, payload = await self._ask(frames.INVOKE, frames.headed(query.head, query.body), timeout)
        except WorkerHung:
            self.hung = True
            raise
        if kind == frames.RESULT:
            head, answer = faults.parted(payload)
            return Answer(answer, *head[:4])
        raise faults.failure(kind, payload)

    async def stream(self, query: Query, timeout: float, limit: float) -> Flow:
        """The model's answer as it comes, once its first part is there; raises as `invoke` does until then.

        timeout : seconds that each part may take. limit : seconds that all of them may.
        """
        if self._transport is None or self._end.done():
            raise WorkerLost("The worker has ended.", delivered=False)
        number = self._number = (self._number + 1) & 0xFFFFFFFF
        data = self._frame(number, frames.STREAM, frames.headed(query.head, query.body))
        flow = self._flows[number] = Flow(number, self._transport.write, timeout, limit)
        flow.then(lambda _: self._flows.pop(number, None))
        self._transport.write(data)
        try:
            await flow.begun()
        except WorkerHung:
            self.hung = True
            raise
        return flow

    async def control(self, order: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """What the predictor says to an order; raises as `invoke` does."""
        try:
            kind, payload = await self._ask(frames.CONTROL, json.dumps(order).encode(), timeout)
        except WorkerHung:
            self.hung = True
            raise
        if kind == frames.TOLD:
            return faults.told(payload)
        raise faults.failure(kind, payload)

    async def ready(self, timeout: float) -> str:
        """What the worker says of its health, once it has loaded its model: "" where it has nothing to say.

        `WorkerLost` when it ends instead, `WorkerHung` when it does not say so in time.
        """
        _, payload = await self._ask(frames.PING, b"", timeout)
        return payload.decode("utf-8", "replace")

    async def closed(self) -> None:
        """Returns once the connection has ended, from either side."""
        await asyncio.shield(self._end)

    def close(self) -> None:
        """Ends the connection; requests under way fail as `WorkerLost`. The worker goes on."""
        if self._transport is not None:
            self._transport.abort()

    async def _ask(self, kind: int, payload: bytes, timeout: float) -> tuple[int, bytes]:
        if self._transport is None or self._end.done():
            raise WorkerLost("The worker has ended.", delivered=False)
        number = self._number = (self._number + 1) & 0xFFFFFFFF
        data = self._frame(number, kind, payload)
        answer: asyncio.Future[tuple[int, bytes]] = self._loop.create_future()
        at = self._loop.time() + timeout
        self._send(self._transport, number, data)
        self._waiting[number], self._limits[number] = answer, (at, timeout)
        if self._timer is None or at < self._fires:
            self._expect(at)
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)
            self._limits.pop(number, None)

    def _send(self, transport: asyncio.Transport, number: int, data: bytes) -> None:
        """Sends at once to a worker that waits; one that works is given what has come meanwhile in one go."""
        if not self._waiting:
            transport.write(data)
            return
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held[number] = data
        if len(self._held) >= MOST_HELD:
            self._flush()

    def _flush(self) -> None:
        held, self._held = self._held, {}
        if held and self._transport is not None:
            self._transport.writelines(list(held.values()))

    def _frame(self, number: int, kind: int, payload: bytes) -> bytes:
        try:
            return frames.frame(number, kind, payload)
        except frames.TooLarge as error:
            raise WireError("RequestEntityTooLarge", str(error), 413) from error

    def _expect(self, at: float) -> None:
        """Has the one timer that all requests share fire then, and not later."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._fires = self._loop.call_at(at, self._expire), at

    def _expire(self) -> None:
        """Fails the requests that are late; most often there is none, and the timer goes on to the next."""
        self._timer = None
        now = self._loop.time()
        for number, (at, timeout) in self._limits.items():
            if at <= now and not self._waiting[number].done():
                self._waiting[number].set_exception(WorkerHung(timeout))
        left = [at for at, _ in self._limits.values() if at > now]
        if left:
            self._expect(min(left))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for number, kind, payload in self._reader.feed(data):
                answer = self._waiting.get(number)
                if answer is not None and not answer.done():
                    answer.set_result((kind, payload))
                elif flow := self._flows.get(number):
                    flow.feed(kind, payload)
        except frames.TooLarge:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._end.done():
            self._end.set_result(None)
        for number, answer in self._waiting.items():
            if not answer.done():
                delivered = number not in self._held
                answer.set_exception(WorkerLost("The worker died while it had the request.", delivered=delivered))
        for flow in list(self._flows.values()):
            flow.end(WorkerLost("The worker died while it had the request."))


def connected(path: Path) -> socket.socket:
    """A socket connected to the listener at `path`; a path may be longer than a socket address can hold."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        with _short(path) as address:
            sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for `path` that a socket address can hold, while it is needed."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
    elif os.path.isdir("/proc/self/fd"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{folder}/{path.name}"
        finally:
            os.close(folder)
    else:
        with tempfile.TemporaryDirectory(prefix="potager", dir="/tmp") as near:
            link = os.path.join(near, "f")
            os.symlink(path.parent, link)
            yield os.path.join(link, path.name)
