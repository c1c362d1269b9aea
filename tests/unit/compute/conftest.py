from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from potager.compute.process import limits
from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Exited, Running, Workload
from potager.kernel import logfile

PROGRAMS = "tests.unit.compute.programs"
DEADLINE = 20.0


class Bench:
    """An executor with what a test needs around it."""

    def __init__(self, executor: ProcessExecutor, data: Path) -> None:
        self.executor = executor
        self.data = data
        self._numbers = itertools.count(1)
        self.made: list[Workload] = []

    def make(self, program: str, **changes: Any) -> Workload:
        """A workload that runs `programs.<program>`, its folder laid out."""
        name = f"w{next(self._numbers)}-{os.getpid()}"
        settings: dict[str, Any] = {"hidden": [self.data], "grace": 10.0} | changes
        folder = settings.pop("folder", self.data / "jobs" / name)
        work = Workload(name, folder, f"{PROGRAMS}:{program}", self.data / "logs" / name, **settings)
        self.made.append(work)
        for part in ("input/data/train", "model", "output"):
            (work.ml / part).mkdir(parents=True)
        return work

    async def finish(self, work: Workload) -> Exited:
        """Its end, having started it."""
        await self.executor.start(work)
        return await asyncio.wait_for(self.executor.wait(work.folder), DEADLINE)

    async def run(self, program: str, **changes: Any) -> tuple[Workload, Exited]:
        work = self.make(program, **changes)
        return work, await self.finish(work)

    async def found(self, program: str, **changes: Any) -> Any:
        """What the program wrote down."""
        work, end = await self.run(program, **changes)
        assert end.code == 0, self.lines(work)
        return found(work)

    async def attempt(self, *steps: tuple[str, object], **changes: Any) -> list[Any]:
        """How each of the steps went for a program that tried them."""
        work = self.make("attempt", **changes)
        (work.ml / "input" / "attempts.json").write_text(json.dumps([[verb, str(item)] for verb, item in steps]))
        end = await self.finish(work)
        assert end.code == 0, self.lines(work)
        return found(work)

    async def begin(self, work: Workload) -> list[int]:
        """Starts it, waits until the program says that it runs; descriptors of its processes (pidfd)."""
        pipe = work.ml / "output" / "started"
        os.mkfifo(pipe)
        handle = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        await self.executor.start(work)
        await readable(handle)
        os.close(handle)
        seen: Any = self.executor.observe(work.folder)
        return [os.pidfd_open(pid) for pid in limits.descendants(seen.pid)]

    def lines(self, work: Workload) -> list[str]:
        """The texts in its log."""
        raw = work.log.read_bytes().splitlines(keepends=True) if work.log.exists() else []
        events = [logfile.decode(line) for line in raw]
        assert None not in events
        return [event[1] for event in events if event]


def found(work: Workload) -> Any:
    return json.loads((work.ml / "output" / "found.json").read_text())


async def readable(handle: int) -> None:
    """Returns when the descriptor readies, as a pidfd does when its process ends."""
    ready = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), DEADLINE)
    finally:
        asyncio.get_running_loop().remove_reader(handle)


@pytest.fixture
def isolate() -> bool:
    """Whether workloads are walled off; modules whose tests hold either way run them both ways."""
    return True


@pytest.fixture
async def executor(isolate: bool) -> AsyncIterator[ProcessExecutor]:
    executor = ProcessExecutor(isolate=isolate)
    await executor.open()
    yield executor
    await executor.close()


@pytest.fixture
async def bench(executor: ProcessExecutor, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(executor, tmp_path / "data")
    yield bench
    for work in bench.made:
        if isinstance(executor.observe(work.folder), Running):
            executor.stop(work.folder, grace=0)
            await asyncio.wait_for(executor.wait(work.folder), DEADLINE)


@pytest.fixture
def gone() -> Callable[[list[int]], Any]:
    """Waits until every process behind some pidfds has ended."""

    async def wait(handles: list[int]) -> None:
        for handle in handles:
            await readable(handle)
            os.close(handle)

    return wait
