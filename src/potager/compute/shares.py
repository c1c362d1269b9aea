"""Who holds what of this machine, and who waits for it. One for a server; belongs to its event loop.

    ask(Ask, wake) ─► Share: it is yours         release(key) ─► those who wait are looked at, in turn, and woken
                   └► Waiting(reason): `wake` is called when it pays to ask again

How a room uses it. `ask` is for a step of a reconciler: it never waits, may be called as often as one likes, and gives
the same share for the same key until that is released; `await rested()` before the start. `granted` is for a task: it
waits. Either way the workload is
started as `shares.bound(share, workload, host)`, which sets its memory, cores and GPUs, and adds a line to its log
where the instance type has more than that. `LimitReached`, in AWS's words, is for an ask that could only wait for ever:
its job has failed ("CapacityError: ..."). Release a share when its workloads are gone, and an ask that is no longer
wanted: `release` does both, and nothing for a key that is not known.

First come, first served, by `Ask.since`. Where one must wait, jobs behind it that fit may go before it, `PASSES` times;
then they wait, too. Endpoints, which need no cores, do not queue behind jobs.

A share rests in `folder/<key>.json` until it is released; a thread writes that down, in order, for a disk that is busy
must not keep the event loop waiting. What a server that was killed left is taken up by `open`,
before anybody new gets anything: the shares whose folders below `jobs` are still there. So call `open` when every room
has cleared its leftovers away.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from potager.compute import allotment
from potager.compute.allotment import Ask, Grant, Share
from potager.compute.budget import Budget
from potager.compute.workload import Workload
from potager.kernel.errors import LimitReached

log = logging.getLogger(__name__)

PASSES = 4
"""How often others may go before one that waits for memory or cores."""

Wake = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not now; `reason` says for what it waits and who has it, "" where only the server has not looked yet."""

    reason: str


@dataclass(slots=True)
class _Turn:
    """One who waits."""

    ask: Ask
    wake: Wake
    passed: int = 0
    refused: LimitReached | None = None


class Shares:
    """The shares of one machine.

    Parameters
    ----------
    budget : what there is to share.
    folder : where shares rest.
    """

    def __init__(self, budget: Budget, folder: Path) -> None:
        self.budget = budget
        self._folder = folder
        self._held: dict[str, Share] = {}
        self._queue: list[_Turn] = []
        self._open = False
        self._disk = ThreadPoolExecutor(1, "shares")

    def close(self) -> None:
        """Returns once everything is written down."""
        self._disk.shutdown()

    def open(self, jobs: Path) -> None:
        """Takes up what an earlier server granted to workloads whose folders are in `jobs`, then lets others in."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            share = _read(path) if (jobs / path.stem).is_dir() else None
            if share is None:
                path.unlink(missing_ok=True)
            else:
                self._held[share.ask.key] = share
        self._open = True
        log.info("jobs and endpoints share %s", self.budget)
        known = [turn for turn in self._queue if turn.ask.key in self._held]
        self._queue = [turn for turn in self._queue if turn.ask.key not in self._held]
        for turn in known:
            turn.wake()
        self._turns()

    def ask(self, ask: Ask, wake: Wake) -> Share | Waiting:
        """What is granted, or what it waits for. `LimitReached` where it would wait for ever."""
        if share := self._held.get(ask.key):
            return share
        turn = self._standing(ask)
        turn.wake = _nobody
        self._turns()
        turn.wake = wake
        if turn.refused:
            raise turn.refused
        return self._held.get(ask.key) or self._waiting(turn)

    def _standing(self, ask: Ask) -> _Turn:
        """The place of `ask` among those who wait."""
        for turn in self._queue:
            if turn.ask.key == ask.key:
                return turn
        at = next((at for at, turn in enumerate(self._queue) if turn.ask.since > ask.since), len(self._queue))
        self._queue.insert(at, _Turn(ask, _nobody))
        return self._queue[at]

    def _waiting(self, turn: _Turn) -> Waiting:
        if not self._open:
            return Waiting("")
        ahead = self._queue.index(turn)
        return Waiting(allotment.waiting(self.budget, self._held.values(), turn.ask, ahead))

    def of(self, key: str) -> Share | None:
        """What `key` holds."""
        return self._held.get(key)

    def yielding(self, ask: Ask, keys: Sequence[str]) -> list[str]:
        """Which of the shares `keys`, the first of these, have to end so that `ask` has its turn."""
        return allotment.yielding(self.budget, self._held.values(), ask, keys)

    def release(self, key: str) -> None:
        """Gives back what `key` holds, and its place among those who wait."""
        self._queue = [turn for turn in self._queue if turn.ask.key != key]
        if self._held.pop(key, None):
            self._disk.submit(self._path(key).unlink, missing_ok=True)
        self._turns()

    async def rested(self) -> None:
        """Returns once what was granted so far is written down: before that nothing may be started with it."""
        await asyncio.get_running_loop().run_in_executor(self._disk, _nobody)

    async def granted(self, ask: Ask) -> Share:
        """A share, when its turn comes; stays until it is released. Who breaks off waiting leaves the queue."""
        woken = asyncio.Event()
        try:
            while isinstance(found := self.ask(ask, woken.set), Waiting):
                await woken.wait()
                woken.clear()
            await self.rested()
        except BaseException:
            if ask.key not in self._held:
                self.release(ask.key)
            raise
        return found

    def bound(self, share: Share, work: Workload, host: int = 0) -> Workload:
        """The workload within what its host was granted."""
        grant = share.hosts[host]
        return replace(
            work,
            cpus=grant.cpus,
            memory_bytes=grant.memory,
            gpus=grant.gpus,
            processes=self.budget.processes,
            log_bytes=self.budget.log_bytes,
            preface=(*grant.note(), *work.preface),
        )

    def _turns(self) -> None:
        """Grants what can be granted, in turn, and wakes whom it concerns."""
        if not self._open:
            return
        passed: list[_Turn] = []
        for turn in tuple(self._queue):
            behind = any(other.passed >= PASSES for other in passed)
            if (
                turn.ask.use == "job" and (behind or not allotment.free_cpus(self.budget, self._held.values()))
            ) or not self._turn(turn, passed):
                passed.append(turn)

    def _turn(self, turn: _Turn, passed: list[_Turn]) -> bool:
        """Whether one who waits does so no longer."""
        try:
            share = allotment.offer(self.budget, self._held.values(), turn.ask)
        except LimitReached as error:
            turn.refused = error  # it is told when it asks again
        else:
            if share is None:
                return False
            self._hold(share)
            for other in passed if share.ask.use == "job" else ():
                other.passed += 1
        self._queue.remove(turn)
        turn.wake()
        return True

    def _hold(self, share: Share) -> None:
        self._held[share.ask.key] = share
        self._disk.submit(_write, self._path(share.ask.key), share)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _write(path: Path, share: Share) -> None:
    try:
        path.with_suffix(".new").write_text(json.dumps(asdict(share)))
        path.with_suffix(".new").replace(path)
    except OSError:
        log.exception("%s could not be written: a server that starts while it runs would give its share away", path)


def _nobody() -> None:
    """Wakes nobody: who asks sees for itself."""


def _read(path: Path) -> Share | None:
    """The share that `_hold` wrote; None for a file that is none."""
    try:
        doc: dict[str, Any] = json.loads(path.read_bytes())
        ask: dict[str, Any] = doc["ask"] | {"kinds": tuple(doc["ask"]["kinds"])}
        hosts: list[dict[str, Any]] = [host | {"gpus": tuple(host["gpus"])} for host in doc["hosts"]]
        return Share(Ask(**ask), tuple(Grant(**host) for host in hosts))
    except (OSError, ValueError, KeyError, TypeError):
        return None
