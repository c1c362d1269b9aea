"""CPUUtilization and MemoryUtilization of the instances of endpoints and jobs, every minute, as SageMaker reports them.

    sources: rooms say who runs ─► Sampler.look, in a thread ─► Metrics

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from potager.compute.usage import Sampler, Subject
from potager.compute.workload import Executor
from potager.store.metrics import Metrics

log = logging.getLogger(__name__)

Source = Callable[[], Awaitable[list[Subject]]]
"""The instances that run in a room now."""


class Gauges:
    """Reports what instances use.

    Parameters
    ----------
    interval : seconds between two looks.

    Attributes
    ----------
    sources : who is asked for instances.
    """

    def __init__(self, executor: Executor, metrics: Metrics, interval: float) -> None:
        self.sources: list[Source] = []
        self._sampler = Sampler(executor)
        self._metrics = metrics
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks from now on; the first time when `interval` is over."""
        self._task = asyncio.get_running_loop().create_task(self._always(), name="usage")

    async def close(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _always(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.look()
            except Exception:
                log.exception("what instances use could not be measured, trying again")

    async def look(self) -> None:
        """Reports once."""
        subjects = [subject for source in self.sources for subject in await source()]
        for subject, load in await asyncio.to_thread(self._sampler.look, subjects):
            for name, value in (("CPUUtilization", load.cpu), ("MemoryUtilization", load.memory)):
                if value is not None:
                    self._metrics.add(subject.scope, subject.namespace, name, subject.dimensions, value, "Percent")
