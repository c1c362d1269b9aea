"""A shadow variant: it gets copies of what a production variant is asked, and nobody waits for what it answers.

    Route.invoke ─► Exchange ─► Shadow: one in so many ─► a task of its own ─► Variant.invoke ─► watchers

A shadow is among a route's watchers, so it sees a request once it is answered, and costs its client a call. What its
variant answers, or fails with, is an exchange of its own to the other watchers and is forgotten then. A copy that would
be too many beside those under way is not made.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from time import perf_counter

from potager.deploy.router import Exchange, Variant, Watcher
from potager.kernel import clock
from potager.kernel.errors import WireError
from potager.kernel.prediction import Query

MOST = 64
"""Copies under way at a time."""
MOST_BYTES = 32 * 2**20
"""Bytes of the bodies of these copies."""


class Copies:
    """The copies under way of one endpoint's requests, by whichever of its routes they were made."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0

    def fit(self, size: int) -> bool:
        """Whether there is room for one more."""
        return len(self._tasks) < MOST and self._bytes + size <= MOST_BYTES

    def begin(self, work: Coroutine[None, None, None], size: int) -> None:
        """Makes one, of a request of `size` bytes."""

        def end(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._bytes -= size

        self._bytes += size
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(end)


class Shadow:
    """Copies a share of an endpoint's requests to one variant.

    Parameters
    ----------
    share : of the requests, 0 to 1.
    timeout : seconds that an answer may take; a worker that takes longer is replaced, as any other.
    watchers : who is told of the copies' exchanges.
    draw : a number from 0 to 1, for each request.
    copies : those of its endpoint.
    """

    def __init__(
        self,
        variant: Variant,
        share: float,
        timeout: float,
        watchers: Sequence[Watcher] = (),
        draw: Callable[[], float] = random.random,
        copies: Copies | None = None,
    ) -> None:
        self.variant = variant
        self.share = share
        self.timeout = timeout
        self.watchers = watchers
        self._draw = draw
        self._copies = copies or Copies()

    def __call__(self, exchange: Exchange) -> None:
        """Copies the request of an exchange, if it is drawn and there is room for it."""
        query = exchange.query
        if self._draw() < self.share and self._copies.fit(len(query.body)):
            self._copies.begin(self._copy(query), len(query.body))

    async def _copy(self, query: Query) -> None:
        at, began = clock.now(), perf_counter()
        try:
            answer = await self.variant.invoke(query, self.timeout)
            self._tell(Exchange(query, self.variant.name, at, perf_counter() - began, answer))
        except WireError as error:
            self._tell(Exchange(query, self.variant.name, at, perf_counter() - began, error=error))

    def _tell(self, exchange: Exchange) -> None:
        for watcher in self.watchers:
            watcher(exchange)


def share(shadow_weight: float, production_weight: float) -> float:
    """The share of the requests that is copied: one weight over the other, all of them at most."""
    return min(shadow_weight / production_weight, 1.0) if production_weight > 0 else 0.0
