"""The instances that run here: brought up, watched and taken down, each in a task of its own.

Nothing waits for an instance but its own task: its endpoint is woken when it is up, has failed, has died or is gone. An
instance is a workload for each container of its model, the first in the folder of its id, the next in `<id>.1`. Where
one of them dies, the others stay and what is missing is started. A server that is killed leaves its instances running;
the next one finds them by their folders and connects.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from potager.compute import leftovers
from potager.compute.allotment import Ask
from potager.compute.channel import Channel
from potager.compute.shares import Shares
from potager.compute.workload import Absent, Executor, Exited, Running, Workload
from potager.deploy import health, layout
from potager.deploy.limits import Limits
from potager.deploy.many.shelf import Shelf
from potager.deploy.router import Instance, Place, Worker
from potager.deploy.words import last_words
from potager.kernel import remains
from potager.kernel.errors import Fault

log = logging.getLogger(__name__)

START_TIMEOUT = 180.0
"""Seconds that an instance has to load its model."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL for an instance that has nothing left to answer."""
FIRST_PAUSE, LAST_PAUSE = 0.1, 30.0
"""Seconds before an instance that keeps dying is started again: doubled from the first to the last."""
STEADY = 3.0
"""Seconds that an instance must have been up for its earlier deaths to be forgotten."""

AGAIN = 1.0
"""Seconds until an end that could not be waited for is looked for again."""

Wake = Callable[[], None]
MakeShelf = Callable[[Path, Channel, int, Callable[[], None]], Shelf]
"""What makes the shelf of a multi-model container: its folder, its channel, its bytes of memory, what ends it."""
LayOut = Callable[[Path], Awaitable[Workload]]
"""Fills a container's folder and says what runs there; raises a `Fault` where that cannot be done."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of an instance that is to be brought up.

    log : the file that its output goes to.
    start_timeout : seconds that it has to load its model.
    """

    lay_out: LayOut
    place: Place
    log: Path
    shelf: MakeShelf | None = None
    start_timeout: float = START_TIMEOUT


class Fleet:
    """The instances of one server, by their ids.

    Attributes
    ----------
    up : those that answer.
    failed : why those that could not be brought up could not.
    patience : seconds that a retired instance has to answer what it was asked.
    """

    def __init__(self, executor: Executor, shares: Shares, folder: Path, *, limits: Limits) -> None:
        self.executor = executor
        self.shares = shares
        self.folder = folder
        self.patience = max(limits.timeout, limits.stream)
        self.ping = limits.ping
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
        """The instances whose ids begin so: here, on their way, failed, or left by an earlier server."""
        folders = {path.name.partition(".")[0] for path in self.folder.glob(prefix + "*")}
        return folders | {each for each in (*self.up, *self._tasks, *self.failed) if each.startswith(prefix)}

    def raise_(self, ask: Ask, containers: Sequence[Container], wake: Wake, *, serial: bool = True) -> None:
        """Brings the instance that asks up, unless it is, or something is being done with it."""
        if ask.key not in self.up and not self.busy(ask.key):
            self._begin(ask.key, self._bring_up(ask, containers, wake, serial), wake)

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

    async def _bring_up(self, ask: Ask, containers: Sequence[Container], wake: Wake, serial: bool) -> None:
        instance_id = ask.key
        folders = [self._container(instance_id, number) for number in range(len(containers))]
        workers: list[Worker] = []
        folder, container = folders[0], containers[0]
        try:
            share = await self.shares.granted(ask)
            for folder, container in zip(folders, containers, strict=True):
                if not isinstance(self.executor.observe(folder), Running):
                    await leftovers.remove(self.executor, folder)  # of one that ended, with a server or without
                    work = self.shares.bound(share, await container.lay_out(folder))
                    await self.executor.start(layout.parted(work, len(containers)))
            for folder, container in zip(folders, containers, strict=True):
                channel = await self.executor.connect(folder)
                said = await channel.ready(container.start_timeout)
                kill, memory = partial(self.executor.stop, folder, 0.0), share.hosts[0].memory // len(containers)
                shelf = container.shelf and container.shelf(folder, channel, memory, kill)
                if shelf:
                    await shelf.take_up()
                workers.append(Worker(channel, kill, container.place, shelf, minded=bool(said)))
        except (Fault, OSError) as error:
            reason = await self._reason(folder, error)
            self.failed[instance_id] = reason + await asyncio.to_thread(last_words, container.log, reason)
            await asyncio.gather(*(leftovers.remove(self.executor, each) for each in folders if each != folder))
            self.shares.release(instance_id)
            return
        instance = self.up[instance_id] = Instance(workers, serial)
        self._since[instance_id] = asyncio.get_running_loop().time()
        self._watches[instance_id] = asyncio.create_task(self._watch(instance_id, instance, folders, wake))

    def _container(self, instance_id: str, number: int) -> Path:
        """The folder of one container of an instance."""
        return self.folder / (f"{instance_id}.{number}" if number else instance_id)

    def _containers(self, instance_id: str) -> list[Path]:
        """The folders that there are of an instance's containers."""
        return [self.folder / instance_id, *self.folder.glob(f"{instance_id}.*")]

    async def _reason(self, folder: Path, error: Exception) -> str:
        """Why a container did not come up: its own words, else the error. It is ended."""
        if not isinstance(self.executor.observe(folder), Absent):
            self.executor.stop(folder, 0.0)
            await self.executor.wait(folder)
        seen = self.executor.observe(folder)
        if isinstance(seen, Exited) and seen.detail:
            return seen.detail
        return (await asyncio.to_thread(remains.failure, folder / "ml"))[:512] or str(error)

    async def _watch(self, instance_id: str, instance: Instance, folders: Sequence[Path], wake: Wake) -> None:
        """Minds an instance's health, and wakes the endpoint when a container of it dies."""
        ends = [asyncio.create_task(self._ended(folder)) for folder in folders]
        minder = asyncio.create_task(health.mind(instance_id, instance, self.ping, wake))
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ends, minder):
                task.cancel()
        folder = next(iter(done)).result()
        self._watches.pop(instance_id, None)
        if self.up.pop(instance_id, None) is not None:
            seen = self.executor.observe(folder)
            self._postpone(instance_id, seen.reason if isinstance(seen, Exited) else "gone")
            wake()

    async def _ended(self, folder: Path) -> Path:
        """Gives the folder back once what runs in it has ended."""
        while isinstance(self.executor.observe(folder), Running):
            try:
                await self.executor.wait(folder)
            except Exception:
                log.exception("%s: its end cannot be waited for, looking again", folder.name)
                await asyncio.sleep(AGAIN)
        return folder

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
            await self._take_down(instance_id, self.patience)
        finally:
            self._retiring.discard(instance_id)

    async def _take_down(self, instance_id: str, patience: float) -> None:
        instance = self.up.pop(instance_id, None)
        if watch := self._watches.pop(instance_id, None):
            watch.cancel()
        if instance is not None:
            await instance.drained(patience)
        folders = self._containers(instance_id)
        await asyncio.gather(*(leftovers.remove(self.executor, each, grace=GRACE) for each in folders))
        self.shares.release(instance_id)
        for known in (self.failed, self._since, self._deaths, self._due):
            known.pop(instance_id, None)
