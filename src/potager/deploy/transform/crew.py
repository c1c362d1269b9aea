"""The workers of one job: as many copies of its model as it asked for, each answering one request at a time.

A worker is a workload for each container of the model. A record goes through all of them, in their order.

A worker that dies or does not answer is replaced, and what it had in hand is asked again, as often as the job allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from potager.compute import leftovers
from potager.compute.channel import Channel
from potager.compute.faults import ModelError, WorkerLost
from potager.compute.workload import Absent, Executor
from potager.deploy import pipeline
from potager.deploy.transform.faults import Broken
from potager.deploy.transform.plan import Plan
from potager.kernel import ids, remains
from potager.kernel.errors import Fault
from potager.kernel.prediction import Answer, Query

START_TIMEOUT = 180.0
"""Seconds that a worker has to load its model."""
STARTS = 3
"""Times that a worker is started before it answers."""

Spawn = Callable[[Path, int, int], Awaitable[None]]
"""Starts a workload: of which worker, of which of its containers, in a folder that none had before."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a worker that answers."""

    name: str
    channel: Channel
    many: bool = False

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """Its answer; a `ModelError` names it."""
        try:
            return await self.channel.invoke(query, timeout)
        except ModelError as error:
            error.message = error.message.replace("from primary with", f"from {self.name} with", 1)
            raise


class Worker:
    """One copy of the model.

    names : of its containers.
    """

    def __init__(self, executor: Executor, spawn: Spawn, folders: str, number: int, names: Sequence[str]) -> None:
        self.outstanding = 0
        self._executor = executor
        self._spawn = spawn
        self._folders = f"{folders}-{number}"
        self._number = number
        self._names = names
        self._used: dict[int, Path] = {}
        self._containers: list[Container] = []
        self._lock = asyncio.Lock()

    async def ready(self) -> list[Container]:
        """Its containers, which are started when one is not there; `Broken` when it does not load its model."""
        async with self._lock:
            channels = [container.channel for container in self._containers]
            if not channels or any(channel.hung or not channel.alive for channel in channels):
                await self.retire(0.0)
                started = await asyncio.gather(*map(self._started, range(len(self._names))), return_exceptions=True)
                for channel in started:
                    if isinstance(channel, BaseException):
                        raise channel
                    self._containers.append(Container(self._names[len(self._containers)], channel))
            return self._containers

    async def _started(self, container: int) -> Channel:
        """A container that has loaded its model; one that somebody killed meanwhile is started again."""
        for left in reversed(range(STARTS)):
            folder = Path(f"{self._folders}-{ids.short(6)}")
            self._used[container] = folder
            await self._spawn(folder, self._number, container)
            try:
                channel = await self._executor.connect(folder)
                await channel.ready(START_TIMEOUT)
            except (Fault, OSError) as error:
                self._executor.stop(folder, 0.0)
                seen = await self._executor.wait(folder)
                said = seen.detail or await _said(folder)
                if not left or said or seen.reason == "exited":
                    raise Broken(f"AlgorithmError: the model could not be loaded. {said or error}") from error
                await leftovers.remove(self._executor, folder)
            else:
                return channel
        raise AssertionError("unreachable")

    async def invoke(self, body: bytes, plan: Plan) -> tuple[bytes, str]:
        """The model's answer and its type. Its time begins when the worker has done what it was asked before."""
        self.outstanding += 1
        try:
            containers = await self.ready()
            patience = plan.timeout * (max(container.channel.outstanding for container in containers) + 1)
            answer = await pipeline.answered(containers, Query(body, plan.content_type, plan.accept), patience)
            return answer.body, answer.content_type
        except WorkerLost:
            await self._check_bounds()
            raise
        finally:
            self.outstanding -= 1

    async def _check_bounds(self) -> None:
        """`Broken` where a container died because it broke a bound: it would do so again."""
        lost = [number for number, container in enumerate(self._containers) if not container.channel.alive]
        for folder in [self._used[number] for number in lost if number in self._used]:
            if isinstance(self._executor.observe(folder), Absent):
                continue
            self._executor.stop(folder, 0.0)  # should it live, nobody can reach it any more
            seen = await self._executor.wait(folder)
            if seen.detail:
                raise Broken(f"ClientError: {seen.detail}")

    async def retire(self, grace: float) -> None:
        """Ends the worker, within `grace` seconds, and removes its folder."""
        containers, self._containers = self._containers, []
        folders, self._used = list(self._used.values()), {}
        for container in containers:
            container.channel.close()
        await asyncio.gather(*(leftovers.remove(self._executor, folder, grace) for folder in folders))


class Crew:
    """The workers of one job, in folders whose paths begin with `folders`."""

    def __init__(self, executor: Executor, plan: Plan, spawn: Spawn, folders: str, names: Sequence[str]) -> None:
        self._plan = plan
        self._workers = [Worker(executor, spawn, folders, number, names) for number in range(plan.workers)]

    async def start(self) -> None:
        """Has every worker load the model."""
        started = await asyncio.gather(*(worker.ready() for worker in self._workers), return_exceptions=True)
        for error in started:
            if isinstance(error, BaseException):
                raise error

    async def invoke(self, body: bytes) -> tuple[bytes, str]:
        """The answer of the worker that has the least to do. `ModelError` when no try had an answer."""
        left = self._plan.retries
        while True:
            worker = min(self._workers, key=lambda one: one.outstanding)
            try:
                return await worker.invoke(body, self._plan)
            except ModelError as error:
                if refused(error) or not left:
                    raise
                left -= 1

    async def end(self, grace: float) -> None:
        """Ends all workers: SIGTERM, `grace` seconds, SIGKILL."""
        await asyncio.gather(*(worker.retire(grace) for worker in self._workers))


def refused(error: ModelError) -> bool:
    """Whether the model refused a request (4xx), so that it would do so again."""
    return error.fields["OriginalStatusCode"] < 500


async def _said(folder: Path) -> str:
    """Why the model's program says that it failed."""
    return (await asyncio.to_thread(remains.failure, folder / "ml"))[:512]
