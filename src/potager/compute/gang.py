"""Workloads that work together, seen as one: the hosts of a training or a processing job.

    folder                 of a lone host
    folder/algo-1 ...      of each host where there are several

It knows no more than its executor can tell of the folders, so a server that has just started sees the gang of one that
died. It is absent until all of its hosts were started: whoever starts it again starts those that are missing. It runs
while any of them runs. One that fails has the others ended, and is why the gang failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from potager.compute.workload import Absent, Executor, Exited, Running, Seen, Workload

MOST = 20
"""Hosts of a job at most. All of them share this machine."""
GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL for the hosts that are left when one has failed."""


def numbered(count: int) -> tuple[str, ...]:
    """The names of `count` hosts, in the order in which AWS lists them.

    >>> numbered(2), numbered(11)[:3]
    (('algo-1', 'algo-2'), ('algo-1', 'algo-10', 'algo-11'))
    """
    return tuple(sorted(f"algo-{number}" for number in range(1, count + 1)))


class Gang:
    """The workloads of some hosts.

    Parameters
    ----------
    folder : the gang's own; its name names the gang on this machine.
    hosts : their names.
    """

    def __init__(self, executor: Executor, folder: Path, hosts: Sequence[str]) -> None:
        self.folder = folder
        self.hosts = tuple(hosts)
        self._executor = executor

    def home(self, host: str) -> Path:
        """The folder of a host's workload."""
        return self.folder if len(self.hosts) == 1 else self.folder / host

    @property
    def homes(self) -> list[Path]:
        """The folders of all workloads, in the order of the hosts."""
        return [self.home(host) for host in self.hosts]

    async def start(self, workloads: Sequence[Workload]) -> None:
        """Starts the workload of each host, once, with what it needs to know of the others."""
        hosts = self.hosts if len(self.hosts) > 1 else ()
        for host, workload in zip(self.hosts, workloads, strict=True):
            await self._executor.start(replace(workload, folder=self.home(host), host=host, hosts=hosts))

    @property
    def begun(self) -> bool:
        """Whether any of them was started: what they were given is theirs from then on."""
        return any(not isinstance(seen, Absent) for seen in self._seen().values())

    def observe(self) -> Seen:
        """What became of it."""
        return together(list(self._seen().values()))

    def decisive(self) -> str:
        """The host whose end is the gang's; the first one while there is none."""
        ends = {host: seen for host, seen in self._seen().items() if isinstance(seen, Exited)}
        return min(ends, key=lambda host: _weight(ends[host]), default=self.hosts[0])

    def stop(self, grace: float | None = None) -> None:
        """Tells all of them to end, as `Executor.stop` does."""
        for home in self.homes:
            self._executor.stop(home, grace)

    async def wait(self) -> Seen:
        """Its end, when it comes. Who waits also ends the others when one fails."""
        waits: set[asyncio.Future[Exited]] = {asyncio.ensure_future(self._executor.wait(home)) for home in self.homes}
        try:
            left: set[asyncio.Future[Exited]] = set(waits)
            while left:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                if left and any(failed(wait.result()) for wait in done):
                    self.stop(GRACE)
        finally:
            for wait in waits:
                wait.cancel()
        return self.observe()

    def _seen(self) -> Mapping[str, Seen]:
        return {host: self._executor.observe(self.home(host)) for host in self.hosts}


def failed(end: Exited) -> bool:
    """Whether it ended by a fault of its own: not well, not by its time limit, and not because it was told to."""
    return end.reason not in ("stopped", "time limit") and (end.reason != "exited" or end.code != 0)


def together(seen: Sequence[Seen]) -> Seen:
    """What becomes of a gang whose hosts are `seen` so: the decisive end, with the usage of all."""
    if any(isinstance(one, Absent) for one in seen):
        return Absent()
    for one in seen:
        if isinstance(one, Running):
            return one
    ends = [one for one in seen if isinstance(one, Exited)]
    return replace(
        min(ends, key=_weight),
        at=max(end.at for end in ends),
        started=min((end.started for end in ends if end.started is not None), default=None),
        peak_memory=max((end.peak_memory for end in ends if end.peak_memory is not None), default=None),
        cpu_seconds=sum(end.cpu_seconds for end in ends if end.cpu_seconds is not None) or None,
    )


def _weight(end: Exited) -> tuple[int, float]:
    """The smallest is decisive: a time limit, which is everybody's; then the first that did not end well.

    A host that ends drags down those that talk to it, some moments later; and a host that was told to end, because
    another one had failed, ends after that one.
    """
    if end.reason == "time limit":
        return 0, end.at
    return (2 if end.reason == "exited" and end.code == 0 else 1), end.at
