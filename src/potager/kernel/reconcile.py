"""Brings what is nearer to what is wanted, again and again, whatever happened in between.

    wake(key) ──► queue ──► step(key) ──► a delay in seconds, or None when there is nothing more to do
                    ▲           │
                    └── delay ──┘

Level-triggered: a step looks at the world afresh each time, so a lost wake-up costs a delay and nothing else. A key is
never in two steps at once; a wake-up that comes during a step runs another one after it. A step that raises is logged
and tried again, later each time. Source of the shape:
https://kubernetes.io/docs/concepts/architecture/controller/
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

FIRST_RETRY, LAST_RETRY = 0.2, 30.0
"""Seconds until a failed step is tried again: doubled from the first to the last."""

PATIENCE = 12
"""Failures in a row after which a key is given up, some two minutes after the first."""


class Reconciler(Generic[K]):
    """Runs `step` for each key that is awake, keys beside each other, one step a key at a time.

    Parameters
    ----------
    name : for the log.
    step : `await step(key)` gives the seconds until the key is looked at again, or None to let it sleep.
    give_up : `await give_up(key, error)` writes down that a key cannot be brought to its end, so that a user sees why
        instead of waiting for ever. Without it a step is tried again for ever.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[K], Awaitable[float | None]],
        give_up: Callable[[K, Exception], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self._step = step
        self._give_up = give_up
        self._running: dict[K, asyncio.Task[None]] = {}
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._closed = False

    def wake(self, key: K) -> None:
        """Has `key` looked at now. Safe to call as often as one likes, from the event loop's thread."""
        if self._closed:
            return
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._running:
            self._again.add(key)
            return
        task = asyncio.get_running_loop().create_task(self._run(key), name=f"{self.name}:{key}")
        self._running[key] = task

    async def _run(self, key: K) -> None:
        delay: float | None = FIRST_RETRY  # where a step was cancelled from inside: it is as good as failed
        try:
            delay = await self._attempt(key)
        finally:
            self._running.pop(key, None)
            self._settle(key, delay)

    def _settle(self, key: K, delay: float | None) -> None:
        """Has the next step run now, later, or not until somebody wakes the key."""
        if self._closed:
            return
        if key in self._again:
            self._again.discard(key)
            self.wake(key)
        elif delay is not None:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(delay, self.wake, key)

    async def _attempt(self, key: K) -> float | None:
        try:
            delay = await self._step(key)
        except Exception as error:
            return await self._failed(key, error)
        self._failures.pop(key, None)
        return delay

    async def _failed(self, key: K, error: Exception) -> float | None:
        """The seconds until a step that raised is tried again; None once it has been given up."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(FIRST_RETRY * 2 ** (failures - 1), LAST_RETRY)
        log.error("%s %s: step failed, trying again in %.1f s", self.name, key, delay, exc_info=error)
        if failures < PATIENCE or self._give_up is None:
            return delay
        try:
            await self._give_up(key, error)
        except Exception:
            log.exception("%s %s: could not be given up, trying again", self.name, key)
            return delay
        self._failures.pop(key, None)
        return None

    async def close(self) -> None:
        """Stops looking. Steps under way are cancelled; what they left undone, the next server finds."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
