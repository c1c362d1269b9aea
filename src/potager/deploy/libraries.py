"""Which libraries are kept imported for the workers of endpoints, so that a worker is forked with them and shares them.

    a worker's model is laid out ─► want(endpoint, modules) ─► Executor.keep_warm ─► a parent of workers that has them
    the endpoint is gone ─► forget(endpoint) ─► after a while, unless another endpoint wants the same, no parent

Nothing is kept before an endpoint needs it, and what a serverless endpoint needs is kept while it has no workers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from potager.compute.workload import Executor

log = logging.getLogger(__name__)

WHO = "endpoint"
LINGER = 120.0
"""Seconds that libraries stay imported after the last endpoint that wanted them."""


class Libraries:
    """What the endpoints of one server want imported."""

    def __init__(self, executor: Executor, linger: float = LINGER) -> None:
        self._executor = executor
        self._linger = linger
        self._wanted: dict[str, set[tuple[str, ...]]] = {}
        self._going: dict[str, asyncio.Task[None]] = {}

    async def want(self, endpoint: str, modules: Sequence[str]) -> None:
        """Has these modules kept imported while the endpoint, by its id, is there."""
        if going := self._going.pop(endpoint, None):
            going.cancel()
        wanted = self._wanted.setdefault(endpoint, set())
        if modules and tuple(modules) not in wanted:
            wanted.add(tuple(modules))
            await self._keep()

    def forget(self, endpoint: str) -> None:
        """Lets go of what only this endpoint wanted, after a while."""
        if endpoint in self._wanted and endpoint not in self._going:
            self._going[endpoint] = asyncio.get_running_loop().create_task(self._forgotten(endpoint))

    def close(self) -> None:
        """Stops waiting; the executor ends what it keeps."""
        for going in self._going.values():
            going.cancel()

    async def _forgotten(self, endpoint: str) -> None:
        await asyncio.sleep(self._linger)
        self._wanted.pop(endpoint, None)
        self._going.pop(endpoint, None)
        try:
            await self._keep()
        except OSError as error:
            log.warning("the libraries of endpoint %s could not be let go of: %s", endpoint, error)

    async def _keep(self) -> None:
        await self._executor.keep_warm(WHO, list(set[tuple[str, ...]]().union(*self._wanted.values())))
