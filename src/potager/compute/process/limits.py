"""Bounds on what a workload uses.

Memory and processes: a control group where one can be made (version 2 with the controllers delegated, or version 1),
else the shim looks twice a second and kills (`watch.py`, where disk and log are watched, too). RLIMIT_AS is no
substitute: it counts what is only reserved, and numeric libraries reserve much; RLIMIT_NPROC counts all processes of a
user, and not root's. CPU: the thread counts that numeric libraries read.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PREFIX = "potager-"
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "SM_NUM_CPUS",
)
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROOT = Path("/sys/fs/cgroup")
_OPENMP = re.compile(r"/lib(gomp|omp|iomp5)[^/]*\.so")
_OPENBLAS = tuple(f"{lead}openblas_set_num_threads{trail}" for lead in ("scipy_", "") for trail in ("64_", ""))


class Group:
    """A control group that bounds memory and the number of processes, as far as this machine lets one be made.

    Attributes
    ----------
    bounds_memory, bounds_processes : whether it does; else somebody must watch.
    """

    def __init__(self, memory: Path | None, pids: Path | None) -> None:
        self._memory, self._pids = memory, pids
        self.bounds_memory = self.bounds_processes = False

    @classmethod
    def make(cls, name: str, memory_bytes: int | None = None, processes: int | None = None) -> Group | None:
        """A new group of at most so much memory and so many processes and threads, None where none can be made."""
        own = PREFIX + re.sub(r"[^\w.-]", "_", name)[:200]
        parents = _parents_of_groups()
        group = cls(
            _made(parents.get("memory"), own) if memory_bytes else None,
            _made(parents.get("pids"), own) if processes else None,
        )
        group._bound(memory_bytes, processes)
        if group.bounds_memory or group.bounds_processes:
            return group
        group.remove()
        return None

    @property
    def version(self) -> int:
        """Which of the kernel's two kinds of control groups it is."""
        return 2 if any((path / "cgroup.controllers").exists() for path in self._folders) else 1

    @property
    def path(self) -> Path:
        """A folder of the group."""
        return next(iter(self._folders))

    @property
    def _folders(self) -> dict[Path, None]:
        return {path: None for path in (self._memory, self._pids) if path is not None}

    def _bound(self, memory_bytes: int | None, processes: int | None) -> None:
        if self._memory is not None and memory_bytes:
            second = (self._memory / "memory.max").exists()
            file = "memory.max" if second else "memory.limit_in_bytes"
            self.bounds_memory = _written(self._memory / file, memory_bytes)
            swap, most = ("memory.swap.max", 0) if second else ("memory.memsw.limit_in_bytes", memory_bytes)
            _written(self._memory / swap, most)  # without swap accounting there is no such file
        if self._pids is not None and processes:
            self.bounds_processes = _written(self._pids / "pids.max", processes)

    def add(self, pid: int) -> bool:
        """Puts a process in; its children to come will be in too."""
        return all(_written(path / "cgroup.procs", pid) for path in self._folders)

    def exhausted(self) -> bool:
        """Whether the kernel killed a process of the group for want of memory."""
        if not self.bounds_memory or self._memory is None:
            return False
        second = (self._memory / "memory.events").exists()
        return _count(self._memory / ("memory.events" if second else "memory.oom_control"), "oom_kill") > 0

    def crowded(self) -> bool:
        """Whether the kernel refused the group another process."""
        return self.bounds_processes and self._pids is not None and _count(self._pids / "pids.events", "max") > 0

    def kill(self) -> None:
        """Kills what is still in the group."""
        for path in self._folders:
            with contextlib.suppress(OSError):
                for pid in (path / "cgroup.procs").read_text().split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """Removes the group if it is empty."""
        for path in self._folders:
            with contextlib.suppress(OSError):
                path.rmdir()


def _made(parent: Path | None, name: str) -> Path | None:
    if parent is None:
        return None
    try:
        (parent / name).mkdir(exist_ok=True)
    except OSError:
        return None
    return parent / name


def _written(file: Path, number: int) -> bool:
    try:
        file.write_text(str(number))
    except OSError:
        return False
    return True


def _count(file: Path, name: str) -> int:
    """A counter in one of the group's files; 0 where there is none."""
    try:
        return int(dict(line.split() for line in file.read_text().splitlines()).get(name, 0))
    except (OSError, ValueError):
        return 0


def occupied(group: Path) -> int:
    """Bytes that a control group holds, less the file cache that the kernel would give back first; 0 where unknown."""
    second = (group / "memory.current").exists()
    current = group / ("memory.current" if second else "memory.usage_in_bytes")
    try:
        held = int(current.read_text())
    except (OSError, ValueError):
        return 0
    return max(held - _count(group / "memory.stat", "inactive_file" if second else "total_inactive_file"), 0)


def sweep() -> None:
    """Removes the empty groups that dead shims left."""
    for parent in set(_parents_of_groups().values()):
        for path in parent.glob(PREFIX + "*"):
            Group(path, None).remove()


def _parents_of_groups() -> dict[str, Path]:
    """Our own control group's folder by controller, where that can bound what is below it."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for name in ("memory", "pids"):
            if name in controllers.split(","):
                folder = _ROOT / name / path.lstrip("/")
                found |= {name: folder} if os.access(folder, os.W_OK) else {}
            elif not controllers and (_ROOT / "cgroup.controllers").exists():
                folder = _ROOT / path.lstrip("/")
                found |= {name: folder} if _delegated(folder, name) else {}
    return found


def _delegated(folder: Path, controller: str) -> bool:
    """Whether a version 2 group's children can have the controller: it must hold no process of its own."""
    control = folder / "cgroup.subtree_control"
    try:
        if controller not in control.read_text().split():
            control.write_text(f"+{controller}")
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def descendants(pid: int) -> list[int]:
    """The processes below `pid`, as /proc tells; none where there is no /proc."""
    if not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return _searched(pid)
    found = _children(pid)
    for one in found:
        found += _children(one)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def _searched(pid: int) -> list[int]:
    """The same by a look at every process, for kernels that do not list children."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:
        found += children.get(one, ())
    return found


def _parents() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    stat = Path(f"/proc/{name}/stat").read_text(errors="replace")
                    yield int(name), int(stat.rpartition(")")[2].split()[1])


def tasks(pid: int) -> int:
    """Processes and threads below `pid`."""
    total = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            total += len(os.listdir(f"/proc/{one}/task"))
    return total


def resident(pid: int) -> int:
    """Bytes that the processes below `pid` have resident and not shared."""
    return _resident(descendants(pid))


def own(pid: int) -> int:
    """The same without what they have not written to since they were forked, which they share with their parents.

    A page that several hold counts by its part. It takes the kernel some milliseconds to say, and what it does not say
    (before Linux 5.4, or of a process that may not be looked into) is `resident`.
    """
    return sum(_anonymous(one) for one in descendants(pid))


def _anonymous(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    return _resident([pid])


def used() -> int:
    """Bytes that this process and those below it have resident and not shared; 0 where there is no /proc."""
    return _resident([os.getpid(), *descendants(os.getpid())])


def _resident(pids: Iterable[int]) -> int:
    total = 0
    for one in pids:
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{one}/statm").read_text().split()
            total += (int(fields[1]) - int(fields[2])) * _PAGE
    return total


def worked(pid: int) -> int:
    """Clock ticks that the processes below `pid` have computed for, those of children that ended included."""
    total = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{one}/stat").read_bytes().rpartition(b")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total


def threads(cpus: int | None) -> int:
    """How many threads a library may start."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cpus or here, here))


def thread_environment(count: int) -> dict[str, str]:
    """The variables that numeric libraries read when they load.

    Threads sleep while they wait for work or for each other: at once those of OpenMP, after some 20 microseconds (2^16
    ticks) those of OpenBLAS. By themselves both spin for milliseconds, with which a program on cores that others want
    as well holds up its own threads: XGBoost, and small products of matrices, took 8 times as long there.
    """
    return dict.fromkeys(THREADS, str(count)) | {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "16"}


def set_threads(count: int) -> None:
    """Gives numpy's OpenBLAS `count` threads. It was loaded with one, by a parent that must not have threads."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return
    for path in {line.split(None, 5)[-1] for line in lines if "openblas" in line}:
        library = ctypes.CDLL(path)
        setter = next((getattr(library, name) for name in _OPENBLAS if hasattr(library, name)), None)
        if setter is not None:
            setter(count)


def set_openmp(count: int) -> None:
    """Gives the OpenMP runtimes that are loaded `count` threads, for what this thread runs."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return
    for path in {line.split(None, 5)[-1] for line in lines if _OPENMP.search(line)}:
        library = ctypes.CDLL(path)
        if hasattr(library, "omp_set_num_threads"):
            library.omp_set_num_threads(count)


def trim() -> None:
    """Gives memory that was freed back to the system, where the C library can."""
    giving: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if giving is not None:
        giving(0)
