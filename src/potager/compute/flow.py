"""An answer that comes in parts: the server's end. The worker's is `process/flows.py`.

    Channel.stream ─► STREAM ─► BEGUN ─► PART, PART ... ─► END
                                  ▲ CREDIT as parts are taken, CANCEL where nobody takes them any more

A worker may be `frames.WINDOW` bytes ahead of whoever takes the parts, so that a slow client fills no memory; one that
goes on all the same has its stream broken off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from potager.compute import faults, frames
from potager.compute.faults import ModelError, Overrun, WorkerHung
from potager.kernel.prediction import Answer

MOST_AHEAD = 2 * frames.WINDOW
"""Bytes of parts that may wait here: more than a worker sends that keeps to the rules."""


class Flow:
    """The parts of one answer, as an asynchronous iterator. Belongs to its channel's event loop.

    Iterating raises the `ModelError` that breaks the stream off. Whoever does not take all parts has to `aclose` it.

    Attributes
    ----------
    answer : the answer without its body, once it has begun.
    """

    def __init__(self, number: int, send: Callable[[bytes], None], timeout: float, limit: float) -> None:
        self.answer = Answer(b"")
        self._number = number
        self._send = send
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._parts: deque[bytes] = deque()
        self._held = 0
        self._taken = 0
        self._started = False
        self._ended = False
        self._error: ModelError | None = None
        self._then: list[Callable[[ModelError | None], object]] = []
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = self._loop.call_later(limit, self._break, Overrun(limit))

    def then(self, act: Callable[[ModelError | None], object]) -> None:
        """Has `act` called once the worker has no more to do with it: with what broke it off, or None."""
        if self._ended:
            act(self._error)
        else:
            self._then.append(act)

    async def begun(self) -> None:
        """Returns once the first part is there; raises what kept it from coming."""
        try:
            while not self._started and not self._ended:
                await self._more()
        except BaseException:
            await self.aclose()
            raise
        if self._error is not None and not self._started:
            raise self._error

    def __aiter__(self) -> Flow:
        return self

    async def __anext__(self) -> bytes:
        while not self._parts:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._more()
        part = self._parts.popleft()
        self._held -= len(part)
        self._give_back(len(part))
        return part

    async def aclose(self) -> None:
        """Ends the stream in the worker, where it has not ended."""
        self._break(None)

    def feed(self, kind: int, payload: bytes) -> None:
        """Takes a frame of the worker's."""
        if self._ended:
            return
        try:
            self._take(kind, payload)
        except ModelError as error:
            self._break(error)
        self._wake()

    def _take(self, kind: int, payload: bytes) -> None:
        """`ModelError` for a frame that cannot be."""
        if kind in (frames.END, frames.FAILURE):
            self.end(None if kind == frames.END else faults.failure(kind, payload))
            return
        if kind == frames.BEGUN and not self._started:
            head, payload = faults.parted(payload)
            self.answer = Answer(b"", *head[:4])
            self._started = True
        elif kind != frames.PART:
            raise faults.failure(kind, payload)
        self._held += len(payload)
        if self._held > MOST_AHEAD:
            raise ModelError("The worker sends more of its answer than was asked for.", 500)
        if payload:
            self._parts.append(payload)

    def end(self, error: ModelError | None) -> None:
        """Notes that the worker has ended it, and why where that was too early."""
        if self._ended:
            return
        self._ended, self._error = True, error
        self._deadline.cancel()
        for act in self._then:
            act(error)
        self._wake()

    def _break(self, error: ModelError | None) -> None:
        if not self._ended:
            self._send(frames.frame(self._number, frames.CANCEL))
            self._parts.clear()
            self.end(error)

    async def _more(self) -> None:
        """Returns when something has come; breaks the stream off where nothing does in time."""
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(self._timeout, self._break, WorkerHung(self._timeout))
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _give_back(self, size: int) -> None:
        self._taken += size
        if self._taken * 4 >= frames.WINDOW and not self._ended:
            self._send(frames.credit(self._number, self._taken))
            self._taken = 0
