"""Brief writes: the event loop's own thread makes them, for to go to a thread and back takes longer than they do.

    one alone                          at once
    several in one round of the loop   in one transaction, once the round is over; so are those of the next rounds
    while the writer has its turn      when that is over
    the disk is slow, or full, or it is the writer's turn to tidy up ─► they are the writer's

Whoever has a transaction to himself pays for BEGIN, COMMIT and every page that he touches.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from potager.store import batches
from potager.store.backend import Backend
from potager.store.batches import Job

MOST = 256
"""Writes in a row that are made here; the next one is the writer's, who moves the log into the file."""
TOGETHER = 64
"""Writes that share a transaction at most: meanwhile nothing else happens."""
SLOW, WARY = 0.02, 20
"""Seconds that a transaction may take, and for how many times as long none is made here after one that took longer."""
PATIENCE = 64
"""Rounds with one write each after which the next one is made at once again."""


class _Round(threading.local):
    """What the present thread's loop has been asked for in its present round."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.waits = False
        """Whether they wait for the writer."""
        self.begun = False
        self.together = 0
        """For how many rounds more writes wait for those beside them."""


class Brief:
    """Makes brief writes.

    Parameters
    ----------
    refused : takes writes that were taken and cannot be made here after all.

    Attributes
    ----------
    turn : is held by whoever writes. The writer calls `rested` whenever it has let go of it.
    """

    def __init__(self, backend: Backend, refused: Callable[[Job], object]) -> None:
        self.turn = threading.Lock()
        self._backend = backend
        self._refused = refused
        self._round = _Round()
        self._resting: dict[asyncio.AbstractEventLoop, None] = {}
        """The loops that want to know when the writer has had its turn."""
        self._row = 0
        self._wary = 0.0

    def rested(self) -> None:
        """The writer has had its turn."""
        self._row = 0
        while self._resting:
            with suppress(KeyError, RuntimeError):  # another thread took it, or it is closed
                self._resting.popitem()[0].call_soon_threadsafe(self._woken)

    def offer(self, job: Job) -> bool:
        """Whether the write is taken: it is made, or will be soon."""
        now = self._round
        if self._row >= MOST or len(now.jobs) >= TOGETHER or time.perf_counter() < self._wary:
            return False
        self._row += 1
        now.jobs.append(job)
        if now.waits:
            return True
        if now.together:
            if len(now.jobs) == 1:
                asyncio.get_running_loop().call_soon(self._over)
            return True
        if now.begun:
            now.together = PATIENCE
        else:
            now.begun = True
            asyncio.get_running_loop().call_soon(self._begin)
        self._make()
        return True

    def _begin(self) -> None:
        self._round.begun = False

    def _over(self) -> None:
        """A round is over whose writes were to be made together."""
        now = self._round
        if not now.waits:
            now.together = PATIENCE if len(now.jobs) > 1 else now.together - 1
            self._make()

    def _woken(self) -> None:
        if self._round.waits:
            self._round.waits = False
            self._make()

    def _make(self) -> None:
        now, loop = self._round, asyncio.get_running_loop()
        self._resting[loop] = None  # before the turn is asked for: the writer may let go of it in between
        if not self.turn.acquire(blocking=False):
            now.waits = True
            return
        jobs, now.jobs = now.jobs, []
        began = time.perf_counter()
        try:
            outcomes = self._backend.brief(jobs)
        finally:
            self.turn.release()
            self._resting.pop(loop, None)
        ended = time.perf_counter()
        if ended - began > SLOW:
            self._wary = ended + WARY * (ended - began)
        if outcomes is not None:
            batches.tell(outcomes)
            return
        for job in jobs:
            self._refused(job)
