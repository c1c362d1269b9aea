"""Clears away workloads that nothing wants any more: what a server that was killed could not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path

from potager.compute.workload import Absent, Executor
from potager.kernel import remains

log = logging.getLogger(__name__)


async def clear(executor: Executor, folder: Path, pattern: str, wanted: Collection[str]) -> None:
    """Ends and removes the workloads and gangs below `folder` whose names match `pattern` and are not in `wanted`."""
    found = await asyncio.to_thread(lambda: list(folder.glob(pattern)))
    await asyncio.gather(*(remove(executor, path) for path in found if path.name not in wanted))


async def remove(executor: Executor, folder: Path, grace: float = 0.0) -> None:
    """Ends a workload or a gang, should it run, and removes its folder."""
    await end(executor, folder, grace)
    await wipe(folder)


async def end(executor: Executor, folder: Path, grace: float = 0.0) -> None:
    """Ends a workload or a gang, should it run."""
    hosts = await asyncio.to_thread(lambda: list(folder.glob("algo-*")))
    await asyncio.gather(*(_end(executor, home, grace) for home in (folder, *hosts)))


async def _end(executor: Executor, folder: Path, grace: float) -> None:
    if not isinstance(executor.observe(folder), Absent):
        executor.stop(folder, grace)
        await executor.wait(folder)


async def wipe(folder: Path) -> None:
    """Removes the folder of a workload or a gang that has ended."""
    await asyncio.to_thread(_wiped, folder)


def _wiped(folder: Path) -> None:
    try:
        remains.wipe(folder)
    except OSError as error:
        log.warning("%s could not be removed: %s", folder, error)
