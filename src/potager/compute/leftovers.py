"""Clears away workloads that nothing wants any more: what a server that was killed could not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection
from pathlib import Path

from potager.compute.workload import Absent, Executor


async def clear(executor: Executor, folder: Path, pattern: str, wanted: Collection[str]) -> None:
    """Ends and removes the workloads below `folder` whose names match `pattern` and are not in `wanted`."""
    found = await asyncio.to_thread(lambda: list(folder.glob(pattern)))
    await asyncio.gather(*(remove(executor, path) for path in found if path.name not in wanted))


async def remove(executor: Executor, folder: Path, grace: float = 0.0) -> None:
    """Ends a workload, should it run, and removes its folder."""
    if not isinstance(executor.observe(folder), Absent):
        executor.stop(folder, grace)
        await executor.wait(folder)
    await asyncio.to_thread(shutil.rmtree, folder, True)
