"""Clears away workloads that nothing wants any more: what a server that was killed could not."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from potager.compute.workload import Absent, Executor


async def clear(executor: Executor, folder: Path, pattern: str, wanted: Collection[str]) -> None:
    """Ends and removes the workloads and gangs below `folder` whose names match `pattern` and are not in `wanted`."""
    found = await asyncio.to_thread(lambda: list(folder.glob(pattern)))
    await asyncio.gather(*(remove(executor, path) for path in found if path.name not in wanted))


async def remove(executor: Executor, folder: Path, grace: float = 0.0) -> None:
    """Ends a workload or a gang, should it run, and removes its folder."""
    hosts = await asyncio.to_thread(lambda: list(folder.glob("algo-*")))
    await asyncio.gather(*(_end(executor, home, grace) for home in (folder, *hosts)))
    await asyncio.to_thread(_wiped, folder)


async def _end(executor: Executor, folder: Path, grace: float) -> None:
    if not isinstance(executor.observe(folder), Absent):
        executor.stop(folder, grace)
        await executor.wait(folder)


def _wiped(folder: Path) -> None:
    """Removes a folder, with the folders in it that nobody may enter: a program's, or a union mount's own."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    for parent, names, _ in os.walk(folder):
        for name in names:
            if not os.path.islink(path := os.path.join(parent, name)):
                os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
