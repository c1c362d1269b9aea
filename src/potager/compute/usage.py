"""How far instances use what they were given, in percent, between one look and the next.

    Subject: the workloads of an instance ─► Executor.usage ─► Load: 100 a core, and the share of the memory given

A room says whom to look at; whoever keeps metrics (`monitor/usage.py`) looks. The first look at an instance tells its
CPU since it started.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from potager.compute.workload import Executor
from potager.kernel.names import Scope


@dataclass(frozen=True, slots=True)
class Subject:
    """An instance, and what its metrics are known by.

    folders : of its workloads.
    """

    scope: Scope
    namespace: str
    dimensions: Mapping[str, str]
    folders: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """What an instance uses, in percent.

    cpu : 100 for each core that it kept busy.
    memory : of what it may hold, None where nothing bounds it.
    """

    cpu: float
    memory: float | None


class Sampler:
    """Looks at instances again and again."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._last: dict[Path, tuple[float, float]] = {}
        """By folder: when it was looked at, in seconds since 1970, and its seconds of CPU until then."""

    def look(self, subjects: Sequence[Subject]) -> list[tuple[Subject, Load]]:
        """What those of them that run have used since the last look. Reads files; forgets all others."""
        seen: dict[Path, tuple[float, float]] = {}
        found = [(subject, load) for subject in subjects if (load := self._load(subject, seen))]
        self._last = seen
        return found

    def _load(self, subject: Subject, seen: dict[Path, tuple[float, float]]) -> Load | None:
        cpu, held, bound, running = 0.0, 0, 0, False
        for folder in subject.folders:
            usage = self._executor.usage(folder)
            if usage is None:
                continue
            now = time.time()
            before, spent = self._last.get(folder, (usage.since, 0.0))
            if before < usage.since:  # another workload stood in this folder
                before, spent = usage.since, 0.0
            seen[folder] = now, usage.cpu
            cpu += max(usage.cpu - spent, 0.0) / max(now - before, 0.001)
            held, bound, running = held + usage.memory, bound + (usage.bound or 0), True
        return Load(100 * cpu, 100 * held / bound if bound else None) if running else None
