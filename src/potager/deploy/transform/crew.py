"""The workers of one job: as many copies of its model as it asked for, each answering one request at a time.

A worker that dies or does not answer is replaced, and what it had in hand is asked again, as often as the job allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from potager.compute import leftovers
from potager.compute.channel import Channel, ModelError, WorkerLost
from potager.compute.workload import Absent, Executor
from potager.deploy.transform.faults import Broken
from potager.deploy.transform.plan import Plan
from potager.kernel import ids, remains
from potager.kernel.errors import Fault
from potager.kernel.prediction import Query

START_TIMEOUT = 180.0
"""Seconds that a worker has to load its model."""
STARTS = 3
"""Times that a worker is started before it answers."""

Spawn = Callable[[Path, int], Awaitable[None]]
"""Starts the workload of a worker, by its number, in a folder that no worker had before."""


class Worker:
    """One copy of the model."""

    def __init__(self, executor: Executor, spawn: Spawn, folders: str, number: int) -> None:
        self.outstanding = 0
        self._executor = executor
        self._spawn = spawn
        self._folders = f"{folders}-{number}"
        self._number = number
        self._folder: Path | None = None
        self._channel: Channel | None = None
        self._lock = asyncio.Lock()

    async def ready(self) -> Channel:
        """A channel to the worker, which is started when it is not there; `Broken` when it does not load its model."""
        async with self._lock:
            if self._channel is None or self._channel.hung or not self._channel.alive:
                await self.retire(0.0)
                self._channel = await self._started()
            return self._channel

    async def _started(self) -> Channel:
        """A new worker that has loaded its model; one that somebody killed meanwhile is started again."""
        for left in reversed(range(STARTS)):
            folder = self._folder = Path(f"{self._folders}-{ids.short(6)}")
            await self._spawn(folder, self._number)
            try:
                channel = await self._executor.connect(folder)
                await channel.ready(START_TIMEOUT)
            except (Fault, OSError) as error:
                self._executor.stop(folder, 0.0)
                seen = await self._executor.wait(folder)
                said = seen.detail or await _said(folder)
                if not left or said or seen.reason == "exited":
                    raise Broken(f"AlgorithmError: the model could not be loaded. {said or error}") from error
                await self.retire(0.0)
            else:
                return channel
        raise AssertionError("unreachable")

    async def invoke(self, body: bytes, plan: Plan) -> tuple[bytes, str]:
        """The model's answer and its type. Its time begins when the worker has done what it was asked before."""
        self.outstanding += 1
        try:
            channel = await self.ready()
            patience = plan.timeout * (channel.outstanding + 1)
            answer = await channel.invoke(Query(body, plan.content_type, plan.accept), patience)
            return answer.body, answer.content_type
        except WorkerLost:
            await self._check_bounds()
            raise
        finally:
            self.outstanding -= 1

    async def _check_bounds(self) -> None:
        """`Broken` where the worker died because it broke a bound: it would do so again."""
        if self._folder is None or isinstance(self._executor.observe(self._folder), Absent):
            return
        self._executor.stop(self._folder, 0.0)  # should it live, nobody can reach it any more
        seen = await self._executor.wait(self._folder)
        if seen.detail:
            raise Broken(f"ClientError: {seen.detail}")

    async def retire(self, grace: float) -> None:
        """Ends the worker, within `grace` seconds, and removes its folder."""
        channel, self._channel = self._channel, None
        folder, self._folder = self._folder, None
        if channel is not None:
            channel.close()
        if folder is not None:
            await leftovers.remove(self._executor, folder, grace)


class Crew:
    """The workers of one job, in folders whose paths begin with `folders`."""

    def __init__(self, executor: Executor, plan: Plan, spawn: Spawn, folders: str) -> None:
        self._plan = plan
        self._workers = [Worker(executor, spawn, folders, number) for number in range(plan.workers)]

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
