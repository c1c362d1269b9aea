"""Looks whether a workload keeps within its bounds, where the kernel alone does not see to it.

    memory      a control group kills; without one, what is resident is counted, but what a warm parent has as well
    processes   a control group refuses; without one, processes and threads are counted; either way it is ended
    disk        what it holds below /opt/ml and /tmp, a part at a look; and what is free of the disk
    log         what it printed beyond what is kept (`output.py`)

Each breach comes with a sentence that names the bound and what helps. Looking is all that happens here; the shim ends
the workload.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from potager.compute.process import limits
from potager.compute.process.output import Output
from potager.compute.workload import Reason, Workload

RESERVE = 512 * 2**20
"""Bytes of the disk, or a sixteenth of a small one, that workloads must leave free: the server needs some to go on."""
SHARE, MOST = 16, 2**30
"""A workload is ended earlier the more it holds: by this part of that, by so many bytes at most."""
SMALL = 16 * 2**20
"""Bytes that a workload may hold even on a disk that is full: ending it would free nothing."""
STRIDE = 2000
"""Files that one look takes into account."""
LOOK = 0.5
"""Seconds between two looks."""
DOZE = 8.0
"""The same, at most, for a model that has computed nothing since the last look, and so has broken no bound: the pause
doubles up to that. Many endpoints are idle together."""
PAUSE = 1.0
"""Seconds between two counts of what it holds; twenty times as long as a count took, where that is more."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A bound that was broken; `detail` says which, and what helps."""

    reason: Reason
    detail: str


class Watch:
    """The bounds of one workload, watched by its shim."""

    def __init__(self, workload: Workload, output: Output) -> None:
        self._work = workload
        self._output = output
        self._keeper = 0
        self._group: limits.Group | None = None
        self._worked = 0
        self._rest = LOOK
        self._held = 0
        self._count = _counted(workload.folder)
        self._began = self._next = time.monotonic()

    def follow(self, keeper: int, group: limits.Group | None) -> None:
        """Watches the processes below `keeper`, in that control group if there is one."""
        self._keeper, self._group = keeper, group

    def look(self) -> Breach | None:
        """The bound that is broken now, None while all are kept."""
        return self._memory() or self._processes() or self._log() or self._disk()

    def rest(self) -> float:
        """Seconds until the next look."""
        before = self._worked
        self._worked = limits.worked(self._keeper) if self._keeper and self._work.kind == "server" else 0
        self._rest = min(2 * self._rest, DOZE) if before and before == self._worked else LOOK
        return self._rest

    def end(self, code: int) -> Breach | None:
        """The bound that a workload broke which ended with that exit code: the last look may have come too early."""
        if not code or self._group is None:
            return None
        if self._group.exhausted():
            return self._out_of_memory()
        return self._crowded() if self._group.crowded() else None

    def _memory(self) -> Breach | None:
        most = self._work.memory_bytes
        if most is None or not self._keeper or (self._group is not None and self._group.bounds_memory):
            return None
        if limits.resident(self._keeper) <= most:
            return None
        return self._out_of_memory() if limits.own(self._keeper) > most else None

    def _out_of_memory(self) -> Breach:
        return Breach(
            "out of memory",
            f"The program ran out of memory: it was given {_size(self._work.memory_bytes or 0)}. Use a larger instance "
            f"type if the machine has more, or less data at a time.",
        )

    def _processes(self) -> Breach | None:
        most = self._work.processes
        if most is None or not self._keeper:
            return None
        if self._group is not None and self._group.bounds_processes:
            return self._crowded() if self._group.crowded() else None
        return self._crowded() if limits.tasks(self._keeper) > most else None

    def _crowded(self) -> Breach:
        return Breach(
            "too many processes",
            f"The program was ended: it started more than {self._work.processes} processes and threads. Start fewer, "
            f"or raise the server's setting job_processes.",
        )

    def _log(self) -> Breach | None:
        if self._work.kind != "job" or not self._output.flooded:
            return None
        return Breach(
            "flooded",
            f"The program was ended: it flooded its log, of which {_size(self._work.log_bytes or 0)} are kept, with as "
            f"much again. Print less, or raise the server's setting job_log.",
        )

    def _disk(self) -> Breach | None:
        self._go_on_counting(STRIDE)
        quota = self._work.disk_bytes
        if quota is not None and self._held > quota:
            return Breach(
                "too much disk",
                f"The program was ended: it wrote more than its volume of {_size(quota)} holds. Raise VolumeSizeInGB, "
                f"or write less below /opt/ml and /tmp.",
            )
        try:
            disk = os.statvfs(self._work.folder)
        except OSError:  # the folder is gone, which the shim looks for itself
            return None
        free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        if not starved(free, total, MOST * SHARE) or self._small(free, total):
            return None
        return Breach(
            "too much disk",
            f"The program was ended: the server's disk is nearly full, {_size(free)} are free, and the program holds "
            f"{_size(self._held)} of it. Free some space, or write less below /opt/ml and /tmp.",
        )

    def _small(self, free: int, total: int) -> bool:
        """Whether a workload holds too little for the disk's want of space to be its own doing."""
        self._go_on_counting(100 * STRIDE)
        return self._held < SMALL or not starved(free, total, self._held)

    def _go_on_counting(self, files: int) -> None:
        if time.monotonic() < self._next:
            return
        for _ in range(files):
            total, whole = next(self._count)
            self._held = total if whole else max(total, self._held)
            if whole:
                now = time.monotonic()
                self._next = now + max(PAUSE, 20 * (now - self._began))
                self._began = self._next
                return


def starved(free: int, total: int, held: int) -> bool:
    """Whether a disk has too little left for one who holds so much of it; the larger ones go first."""
    return free < min(RESERVE, total // 16) + min(held // SHARE, MOST, total // 16)


def _counted(folder: Path) -> Iterator[tuple[int, bool]]:
    """Counts for ever the bytes that a workload holds: how many so far, file by file, and whether that is all.

    What lies in `input/data` is the store's, and so are files that have another name elsewhere.
    """
    while True:
        total, seen = 0, set[tuple[int, int]]()
        ours = [str(folder / "ml"), str(folder / "tmp")]
        kept = str(folder / "ml" / "input" / "data")
        while ours:
            with contextlib.suppress(OSError), os.scandir(ours.pop()) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        if entry.is_dir(follow_symlinks=False) and entry.path != kept:
                            ours.append(entry.path)
                        total += _new(entry.stat(follow_symlinks=False), seen)
                    yield total, False
        yield total, True


def _new(file: os.stat_result, seen: set[tuple[int, int]]) -> int:
    """Bytes of a file, the first time that one of its names is met."""
    if file.st_nlink > 1:
        if (file.st_dev, file.st_ino) in seen:
            return 0
        seen.add((file.st_dev, file.st_ino))
    return file.st_blocks * 512


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
