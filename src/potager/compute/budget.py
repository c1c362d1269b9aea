"""What of this machine workloads may use: its cores, its memory less a reserve, its GPUs; or what the operator says.

    the machine ─► the container's limits ─► a reserve for the server and the system ─► the operator's settings

Memory that the operator names is never more than the machine has: what is granted must be there.
"""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from potager.kernel.settings import Settings

MIB, GIB = 2**20, 2**30
_CGROUP, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class Budget:
    """What all workloads together may use, and what binds each.

    Parameters
    ----------
    cpus, memory, gpus : cores, bytes, and GPUs numbered from 0.
    cores : what the machine has, where `cpus` is more than that; no host has more.
    server_memory : bytes that one instance of an endpoint is given at most, None where `shares.offer` decides.
    processes : processes and threads of one workload.
    log_bytes : bytes of one workload's log.
    """

    cpus: int
    memory: int
    gpus: int = 0
    server_memory: int | None = None
    processes: int = 4096
    log_bytes: int = GIB
    cores: int | None = None

    def __str__(self) -> str:
        return amount(self.cpus, self.memory, self.gpus)


def amount(cpus: int, memory: int, gpus: int = 0) -> str:
    """So many cores, so much memory, so many GPUs, in words."""
    named = [f"{cpus} vCPU{'' if cpus == 1 else 's'}"] + [f"{gpus} GPU{'' if gpus == 1 else 's'}"] * bool(gpus)
    return f"{', '.join(named)} and {size(memory)}"


def size(count: int) -> str:
    """Bytes in words."""
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / MIB:.0f} MiB"


def of(settings: Settings) -> Budget:
    """The budget of this machine under these settings."""
    total = memory()
    return Budget(
        cpus=settings.cpus or cores(),
        memory=min(settings.memory or total - reserve(total), total),
        gpus=settings.gpus if settings.gpus is not None else gpus(),
        server_memory=settings.endpoint_memory,
        processes=settings.job_processes,
        log_bytes=settings.job_log,
        cores=cores(),
    )


def reserve(total: int) -> int:
    """Bytes of a machine's memory that stay the server's and the system's: an eighth, half a GiB at least."""
    return min(max(total // 8, GIB // 2), total // 2)


def cores() -> int:
    """Cores that this process may use: those it may be scheduled on, less by a container's quota."""
    return max(1, min(usable(), int(quota() or usable())))


def usable() -> int:
    """Cores that this process may be scheduled on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota() -> float | None:
    """Cores that a container's quota gives, None without one."""
    for file in _above("cpu", "cpu.max", "cpu.cfs_quota_us"):
        try:
            text = file.read_text().split()
            period = int(text[1]) if len(text) > 1 else int(file.with_name("cpu.cfs_period_us").read_text())
        except (OSError, ValueError):
            continue
        if text[0].isdigit():
            return int(text[0]) / period
    return None


def memory() -> int:
    """Bytes of memory: the machine's, or what a container's limit leaves of it."""
    limits = [installed()]
    for file in _above("memory", "memory.max", "memory.limit_in_bytes"):
        try:
            limits.append(int(file.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return min(limits)


def installed() -> int:
    """Bytes of memory in the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def gpus() -> int:
    """NVIDIA's GPUs on this machine."""
    return len(glob.glob("/dev/nvidia[0-9]*"))


def _above(controller: str, second: str, first: str) -> list[Path]:
    """The files that may bound this process: of its control group and those above it, version 2 and version 1."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found += _files(_CGROUP, path, second)
        elif controller in controllers.split(","):
            found += _files(_CGROUP / controller, path, first)
    return found


def _files(root: Path, path: str, name: str) -> list[Path]:
    own = root / path.lstrip("/")
    return [folder / name for folder in (own, *own.parents) if folder.is_relative_to(root)]
