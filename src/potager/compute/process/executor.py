"""Workloads as isolated processes of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from potager.compute.channel import Channel
from potager.compute.faults import WorkerLost
from potager.compute.process import layers, limits, records, usage, warm
from potager.compute.process.isolation import Isolation
from potager.compute.process.parent import Gone, Parent
from potager.compute.workload import Absent, Exited, Running, Usage, Workload
from potager.kernel.errors import LimitReached, NotFound

IMPORTS = 60.0
"""Seconds that a server's worker waits for its parent's imports, which would take it as long itself."""

POLL = 0.1
"""Seconds between two looks where the system cannot tell when a process ends."""


class ProcessExecutor:
    """The `Executor` of one machine; see `potager.compute.process` for how.

    Parameters
    ----------
    preload : modules that every worker finds imported; they must not start threads.
    isolate : False for plain processes even where the machine could wall them off.
    kept : the folder in which environments with installed requirements are kept (`layers.py`), None to keep none.
    shared : files and folders that every workload may read.
    """

    def __init__(
        self,
        preload: Sequence[str] = ("numpy",),
        *,
        isolate: bool = True,
        kept: Path | None = None,
        shared: Sequence[Path] = (),
    ) -> None:
        self._parent = Parent(preload, isolate=isolate, kept=kept)
        self._isolate = isolate
        self._kept = kept
        self._shared = tuple(shared)
        self._warm: dict[tuple[str, ...], Parent] = {}
        self._wanted: dict[str, set[tuple[str, ...]]] = {}
        self._warming = asyncio.Lock()

    async def open(self) -> None:
        """Makes ready to start workloads, in the background; workloads that live already need nothing."""
        await asyncio.to_thread(limits.sweep)
        if self._kept is not None:
            await asyncio.to_thread(layers.sweep, self._kept)
        await self._parent.open()

    async def close(self) -> None:
        """Lets go; every workload lives on."""
        self._wanted.clear()
        await self.keep_warm("", ())
        await self._parent.close()

    async def isolation(self) -> Isolation:
        """How far workloads are kept from this machine."""
        for _ in range(3):
            with contextlib.suppress(Gone):
                return await self._parent.isolation()
        return Isolation("process", "the parent of workers does not start; the server's standard error says why")

    @property
    def parent_pid(self) -> int | None:
        """The zygote's process id, for whoever counts memory."""
        return self._parent.pid

    async def start(self, workload: Workload) -> None:
        """Starts the workload, once. `LimitReached` when the machine gives no more processes."""
        for _ in range(3):  # the claim makes it safe to ask again
            if not isinstance(self.observe(workload.folder), Absent):
                return
            await asyncio.to_thread(_prepare, replace(workload, read_only=(*workload.read_only, *self._shared)))
            for parent in (await self._warm_parent(workload), self._parent):
                if parent is not None:
                    with contextlib.suppress(Gone):
                        await parent.spawn(workload.folder, workload.secrets)
                        return
        raise LimitReached("The parent of workers keeps dying; the server's standard error says why.")

    async def keep_warm(self, who: str, wanted: Collection[Sequence[str]]) -> None:
        """Keeps parents ready that have these modules imported, and lets go of those that nobody wants now."""
        self._wanted[who] = {tuple(modules) for modules in wanted if modules}
        async with self._warming:
            asked = set[tuple[str, ...]]().union(*self._wanted.values())
            for modules in self._warm.keys() - asked:
                await self._warm.pop(modules).close()
            for modules in asked - self._warm.keys():
                self._warm[modules] = Parent(modules, isolate=self._isolate, kept=self._kept, warm=True)
                await self._warm[modules].open()

    async def _warm_parent(self, workload: Workload) -> Parent | None:
        """The parent that has the workload's modules imported, None where there is none.

        A server's worker waits for imports that are under way: by itself it would take as long, and keep what it
        imported for itself.
        """
        found = self._warm.get(tuple(workload.warm))
        if found is None:
            return None
        if not workload.argv and not warm.serves(workload):
            return None
        if workload.kind == "server":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IMPORTS):
                    await found.imported()
        return found if found.warmed else None

    def observe(self, folder: Path) -> Absent | Running | Exited:
        """What became of the workload in `folder`."""
        return records.seen(folder)

    def usage(self, folder: Path) -> Usage | None:
        """What the workload in `folder` uses."""
        return usage.measured(folder)

    def stop(self, folder: Path, grace: float | None = None) -> None:
        """Tells the workload to end, within `grace` seconds (its own when None); returns at once."""
        run = folder / "run"
        run.mkdir(parents=True, exist_ok=True)
        records.write(run / "stop.json", {"grace": grace, "at": time.time()})
        minder = records.shim(run)
        if minder is not None and not (run / "exit.json").exists():
            records.tell(run, minder, signal.SIGTERM)

    async def wait(self, folder: Path) -> Exited:
        """The workload's end, when it comes."""
        while True:
            seen = self.observe(folder)
            if isinstance(seen, Exited):
                return seen
            if isinstance(seen, Absent):
                raise NotFound(f"The workload in {folder} was never started.")
            await _ended(folder / "run")

    async def connect(self, folder: Path) -> Channel:
        """A channel to the server in `folder`, once what it needs is installed; it answers once its model is loaded."""
        while isinstance(self.observe(folder), Running) and records.equipping(folder / "run"):  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        if not isinstance(self.observe(folder), Running):
            raise WorkerLost("The worker does not run.", delivered=False)
        return await Channel.open(folder / "run" / records.SOCKET)


def _prepare(workload: Workload) -> None:
    for path in (workload.ml / "output", workload.ml / "model", workload.run):
        path.mkdir(parents=True, exist_ok=True)
    os.chmod(workload.folder, 0o700)
    records.put(workload.run / "workload.json", workload.dumps())


async def _ended(run: Path) -> None:
    """Returns once the workload's shim has ended, or at once when there is none."""
    minder = records.shim(run)
    if minder is None or not hasattr(os, "pidfd_open"):
        await asyncio.sleep(POLL)
        return
    with contextlib.suppress(ProcessLookupError), records.pidfd(minder) as handle:
        if records.alive(run, minder):
            await _readable(handle)


async def _readable(handle: int) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(handle, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(handle)
