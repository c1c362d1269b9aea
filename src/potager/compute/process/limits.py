"""Bounds on what a workload uses.

Memory: a control group where one can be made (version 2 with the memory controller delegated, or version 1), else the
shim looks twice a second at what is resident and kills. RLIMIT_AS is no substitute: it counts what is only reserved,
and numeric libraries reserve much. CPU: the thread counts that numeric libraries read.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

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
_OPENBLAS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


class Group:
    """A control group that bounds memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._second = (path / "memory.max").exists()

    @classmethod
    def make(cls, name: str, memory_bytes: int) -> Group | None:
        """A new group of at most `memory_bytes`, None where none can be made."""
        parent = _parent()
        if parent is None:
            return None
        path = parent / (PREFIX + re.sub(r"[^\w.-]", "_", name)[:200])
        try:
            path.mkdir(exist_ok=True)
            group = cls(path)
            file = "memory.max" if group._second else "memory.limit_in_bytes"
            (path / file).write_text(str(memory_bytes))
        except OSError:
            with contextlib.suppress(OSError):
                path.rmdir()
            return None
        with contextlib.suppress(OSError):  # without swap accounting there is no such file
            swap, most = ("memory.swap.max", 0) if group._second else ("memory.memsw.limit_in_bytes", memory_bytes)
            (path / swap).write_text(str(most))
        return group

    def add(self, pid: int) -> bool:
        """Puts a process in; its children to come will be in too."""
        try:
            (self.path / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def exhausted(self) -> bool:
        """Whether the kernel killed a process of the group for want of memory."""
        file = self.path / ("memory.events" if self._second else "memory.oom_control")
        try:
            counts = dict(line.split() for line in file.read_text().splitlines())
        except (OSError, ValueError):
            return False
        return int(counts.get("oom_kill", 0)) > 0

    def kill(self) -> None:
        """Kills what is still in the group."""
        with contextlib.suppress(OSError):
            for pid in (self.path / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """Removes the group if it is empty."""
        with contextlib.suppress(OSError):
            self.path.rmdir()


def sweep() -> None:
    """Removes the empty groups that dead shims left."""
    parent = _parent()
    if parent is not None:
        for path in parent.glob(PREFIX + "*"):
            Group(path).remove()


def _parent() -> Path | None:
    """Our own control group's folder, if memory can be bounded below it."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _usable(_ROOT / "memory" / path.lstrip("/"))
        if not controllers and (_ROOT / "cgroup.controllers").exists():
            return _delegated(_ROOT / path.lstrip("/"))
    return None


def _usable(folder: Path) -> Path | None:
    return folder if os.access(folder, os.W_OK) else None


def _delegated(folder: Path) -> Path | None:
    """A version 2 group whose children can have the memory controller: it must hold no process of its own."""
    control = folder / "cgroup.subtree_control"
    try:
        if "memory" not in control.read_text().split():
            control.write_text("+memory")
    except OSError:
        return None
    return _usable(folder)


def descendants(pid: int) -> list[int]:
    """The processes below `pid`, as /proc tells; none where there is no /proc."""
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


def resident(pid: int) -> int:
    """Bytes that the processes below `pid` have resident and not shared."""
    total = 0
    for one in descendants(pid):
        with contextlib.suppress(OSError, IndexError):
            fields = Path(f"/proc/{one}/statm").read_text().split()
            total += (int(fields[1]) - int(fields[2])) * _PAGE
    return total


def threads(cpus: int | None) -> int:
    """How many threads a library may start."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cpus or here, here))


def thread_environment(count: int) -> dict[str, str]:
    """The variables that numeric libraries read when they load."""
    return dict.fromkeys(THREADS, str(count))


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
