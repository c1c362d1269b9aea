"""Timing by the wall clock: many runs, the median and the tail."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path


def say(text: str) -> None:
    """Prints a line at once."""
    print(text, flush=True)


def seconds(work: Callable[[], object], runs: int, warmup: int = 0) -> list[float]:
    """How long each of `runs` calls took, sorted."""
    for _ in range(warmup):
        work()
    taken: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return sorted(taken)


def p50(taken: list[float]) -> float:
    return statistics.median(taken)


def p99(taken: list[float]) -> float:
    return taken[min(len(taken) - 1, int(len(taken) * 0.99))]


def milliseconds(taken: list[float]) -> str:
    """Median and tail, for reading."""
    return f"p50 {p50(taken) * 1e3:8.2f} ms   p99 {p99(taken) * 1e3:8.2f} ms"


def proportional_memory(pids: list[int]) -> float:
    """Memory of processes in MB, pages that they share counted once (PSS). Linux only; NaN elsewhere."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            return float("nan")
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        tasks = Path(f"/proc/{parent}/task")
        for children in tasks.glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found
