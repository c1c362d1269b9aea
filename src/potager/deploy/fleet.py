"""The instances that run here: brought up, watched and taken down, each in a task of its own.

Nothing waits for an instance but its own task: its endpoint is woken when it is up, has failed, has died or is gone. An
instance is a workload in the folder of its id. A server that is killed leaves its instances running; the next one finds
them by their folders and connects.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path

from potager.compute import leftovers
from potager.compute.allotment import Ask
from potager.compute.shares import Shares
from potager.compute.workload import Absent, Executor, Exited, Running, Workload
from potager.deploy.router import Instance
from potager.kernel import remains
from potager.kernel.errors import Fault

log = logging.getLogger(__name__)

START_TIMEOUT = 180.0
"""Seconds that an instance has to load its model."""
PATIENCE = 60.0
"""Seconds that a retired instance has to answer what it was asked."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL for an instance that has nothing left to answer."""
FIRST_PAUSE, LAST_PAUSE = 0.1, 30.0
"""Seconds before an instance that keeps dying is started again: doubled from the first to the last."""
STEADY = 60.0
"""Seconds that an instance must have been up for its earlier deaths to be forgotten."""

AGAIN = 1.0
"""Seconds until an end that could not be waited for is looked for again."""

Wake = Callable[[], None]
LayOut = Callable[[Path], Awaitable[Workload]]
"""Fills an instance's folder and says what runs there; raises a `Fault` where that cannot be done."""


class Fleet:
    """The instances of one server, by their ids.

    Attributes
    ----------
    up : those that answer.
    failed : why those that could not be brought up could not.
    """

    def __init__(self, executor: Executor, shares: Shares, folder: Path) -> None:
        self.executor = executor
        self.shares = shares
        self.folder = folder
        self.up: dict[str, Instance] = {}
        self.failed: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._retiring: set[str] = set()
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._since: dict[str, float] = {}
        self._deaths: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def busy(self, instance_id: str) -> bool:
        """Whether it is being brought up or taken down."""
        return instance_id in self._tasks

    def known(self, prefix: str) -> set[str]:
        """The instances whose ids begin so: here, on their way, or left by an earlier server."""
        folders = {path.name for path in self.folder.glob(prefix + "*")}
        return folders | {each for each in (*self.up, *self._tasks) if each.startswith(prefix)}

    def raise_(self, ask: Ask, lay_out: LayOut, stream_arn: str, wake: Wake) -> None:
        """Brings the instance that asks up, unless it is, or something is being done with it."""
        if ask.key not in self.up and not self.busy(ask.key):
            self._begin(ask.key, self._bring_up(ask, lay_out, stream_arn, wake), wake)

    def retire(self, instance_id: str, wake: Wake) -> None:
        """Takes an instance down once it has answered what it was asked, and removes its folder.

        One that is being brought up is not waited for.
        """
        if instance_id not in self._retiring:
            self._retiring.add(instance_id)
            self._begin(instance_id, self._retired(instance_id, self._tasks.get(instance_id)), wake)

    def pause(self, instance_id: str) -> float:
        """Seconds until an instance that died or failed may be brought up again; 0 when it may now."""
        reason = self.failed.pop(instance_id, None)
        if reason is not None:
            self._postpone(instance_id, reason)
        left = self._due.get(instance_id, 0.0) - asyncio.get_running_loop().time()
        return max(left, 0.0)

    async def close(self) -> None:
        """Takes everything down at once: without a server nobody could reach it."""
        touched = {*self.up, *self._tasks}
        for task in (*self._tasks.values(), *self._watches.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._watches.values(), return_exceptions=True)
        await asyncio.gather(*(self._take_down(each, 0.0) for each in touched), return_exceptions=True)

    def _begin(self, instance_id: str, work: Coroutine[None, None, None], wake: Wake) -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                log.exception("instance %s", instance_id)
                self.failed[instance_id] = f"InternalServerError: {type(error).__name__}: {error}"
            finally:
                if self._tasks.get(instance_id) is asyncio.current_task():
                    del self._tasks[instance_id]
            wake()

        self._tasks[instance_id] = asyncio.get_running_loop().create_task(run(), name=instance_id)

    async def _bring_up(self, ask: Ask, lay_out: LayOut, stream_arn: str, wake: Wake) -> None:
        instance_id, folder = ask.key, self.folder / ask.key
        try:
            share = await self.shares.granted(ask)
            if not isinstance(self.executor.observe(folder), Running):
                await leftovers.remove(self.executor, folder)  # of an instance that ended, with a server or without
                await self.executor.start(self.shares.bound(share, await lay_out(folder)))
            channel = await self.executor.connect(folder)
            await channel.ready(timeout=START_TIMEOUT)
        except (Fault, OSError) as error:
            self.failed[instance_id] = await self._reason(folder, error)
            self.shares.release(instance_id)
            return
        self.up[instance_id] = Instance(channel, partial(self.executor.stop, folder, 0.0), stream_arn)
        self._since[instance_id] = asyncio.get_running_loop().time()
        self._watches[instance_id] = asyncio.create_task(self._watch(instance_id, wake))

    async def _reason(self, folder: Path, error: Exception) -> str:
        """Why an instance did not come up: its own words, else the error. It is ended."""
        if not isinstance(self.executor.observe(folder), Absent):
            self.executor.stop(folder, 0.0)
            await self.executor.wait(folder)
        seen = self.executor.observe(folder)
        if isinstance(seen, Exited) and seen.detail:
            return seen.detail
        return (await asyncio.to_thread(remains.failure, folder / "ml"))[:512] or str(error)

    async def _watch(self, instance_id: str, wake: Wake) -> None:
        """Wakes the endpoint when its instance dies."""
        folder = self.folder / instance_id
        while isinstance(self.executor.observe(folder), Running):
            try:
                await self.executor.wait(folder)
            except Exception:
                log.exception("instance %s: its end cannot be waited for, looking again", instance_id)
                await asyncio.sleep(AGAIN)
        self._watches.pop(instance_id, None)
        if self.up.pop(instance_id, None) is not None:
            seen = self.executor.observe(folder)
            self._postpone(instance_id, seen.reason if isinstance(seen, Exited) else "gone")
            wake()

    def _postpone(self, instance_id: str, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._since.get(instance_id, now) > STEADY:
            self._deaths.pop(instance_id, None)
        deaths = self._deaths[instance_id] = self._deaths.get(instance_id, 0) + 1
        wait = min(FIRST_PAUSE * 2 ** (deaths - 1), LAST_PAUSE)
        self._due[instance_id] = now + wait
        log.warning("instance %s is started again in %.1f s: %s", instance_id, wait, reason)

    async def _retired(self, instance_id: str, raising: asyncio.Task[None] | None) -> None:
        try:
            if raising is not None:
                raising.cancel()
                await asyncio.wait([raising])
            await self._take_down(instance_id, PATIENCE)
        finally:
            self._retiring.discard(instance_id)

    async def _take_down(self, instance_id: str, patience: float) -> None:
        instance = self.up.pop(instance_id, None)
        if watch := self._watches.pop(instance_id, None):
            watch.cancel()
        if instance is not None:
            await instance.drained(patience)
        await leftovers.remove(self.executor, self.folder / instance_id, grace=GRACE)
        self.shares.release(instance_id)
        for known in (self.failed, self._since, self._deaths, self._due):
            known.pop(instance_id, None)
