"""The workers of a serverless variant: they come when requests do, and go when they have been idle for a while.

    invoke ─► as many under way as MaxConcurrency? ─► ThrottlingException
           └► a worker: a free one, else the first that is done or has started ─► one request at a time

Everything happens on the event loop without waiting in between, so a worker is either given to a request or taken down,
never both. `fleet.py` starts and ends workers and says when something became of one (`Pool.look`). A server that is
killed leaves its workers running; the next one keeps those that are kept in any case and ends the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from potager.compute.allotment import NO_CAPACITY
from potager.compute.faults import ModelError, WorkerLost
from potager.deploy.fleet import Fleet
from potager.deploy.router import Instance, Variant
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query

log = logging.getLogger(__name__)

Start = Callable[[int], None]
"""Has the fleet bring up the worker of a number; `Pool.look` is called when it is up or has failed."""

Measure = Callable[[str, float, str], None]


def _unmeasured(name: str, value: float, unit: str) -> None:
    """Measures nothing."""


class Pool:
    """The workers of one variant, as it was deployed at one time.

    Parameters
    ----------
    name : the variant's.
    prefix : of the ids of its workers; a number follows. Those below `kept` are the host's to bring up.
    wake : called when a worker is gone.
    idle : seconds after which a worker that is not kept goes.
    measure : takes the metrics that AWS has of serverless variants: name, value, unit.

    Attributes
    ----------
    most : how many requests may be under way, and so workers.
    kept : how many workers stay, whether requests come or not.
    """

    def __init__(
        self,
        name: str,
        prefix: str,
        fleet: Fleet,
        start: Start,
        wake: Callable[[], None],
        idle: float,
        measure: Measure = _unmeasured,
    ) -> None:
        self.name = name
        self.prefix = prefix
        self.most = 1
        self.kept = 0
        self.draining = False
        self._fleet = fleet
        self._start = start
        self._wake = wake
        self._idle = idle
        self._measure = measure
        self._under_way = 0
        self._free: dict[str, asyncio.TimerHandle | None] = {}
        """Workers at rest, the one that worked last at the end, and what ends each."""
        self._busy: set[str] = set()
        self._starting: dict[str, float] = {}
        """Workers on their way up, and since when, in seconds of the event loop's clock."""
        self._leaving: set[str] = set()
        self._waiting: deque[asyncio.Future[str]] = deque()

    @property
    def ids(self) -> set[str]:
        """The workers in its hands, on their way up and down among them."""
        return {*self._free, *self._busy, *self._starting, *self._leaving}

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """The answer of a worker that does nothing else meanwhile.

        `ThrottlingException` past `most` requests, `ModelNotReadyException` (429) where no worker is there in time.

        timeout : seconds until a worker is there, and then as many for the model.
        """
        if self._under_way >= self.most:
            text = f"Variant {self.name} has {self.most} requests under way, its MaxConcurrency. Try again later."
            raise WireError("ThrottlingException", text, 400)
        self._under_way += 1
        self._measured()
        try:
            try:
                return await self._answer(query, timeout)
            except WorkerLost as lost:
                if lost.delivered:
                    raise
                return await self._answer(query, timeout)
        finally:
            self._under_way -= 1

    def _measured(self) -> None:
        """How much of what it may do at once a variant does, as a request comes."""
        self._measure("ServerlessConcurrentExecutionsUtilization", self._under_way / self.most, "None")
        if self.kept:
            within = self._under_way <= self.kept
            of = "Invocations" if within else "SpilloverInvocations"
            self._measure(f"ServerlessProvisionedConcurrency{of}", 1.0, "Count")
            busy = min(self._under_way, self.kept)
            self._measure("ServerlessProvisionedConcurrencyExecutions", busy, "Count")
            self._measure("ServerlessProvisionedConcurrencyUtilization", busy / self.kept, "None")

    async def _answer(self, query: Query, timeout: float) -> Answer:
        worker, instance = await self._worker(timeout)
        try:
            return await instance.invoke(query, timeout)
        finally:
            self._done(worker)

    async def _worker(self, timeout: float) -> tuple[str, Instance]:
        """A worker that is now busy with this request."""
        if not self._free:
            self.look()
        while self._free:
            worker, timer = self._free.popitem()
            if timer:
                timer.cancel()
            if instance := self._sound(worker):
                self._busy.add(worker)
                return worker, instance
            self._discard(worker)
        given: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        self._start_missing()
        try:
            async with asyncio.timeout(timeout):
                worker = await given
        except TimeoutError:
            self._left(given)
            text = f"Variant {self.name} had no worker ready within {timeout:g} seconds. Try again."
            raise WireError("ModelNotReadyException", text, 429) from None
        except BaseException:
            self._left(given)
            raise
        if (instance := self._sound(worker)) is None:
            self._done(worker)
            raise WorkerLost("The worker ended before it had the request.", delivered=False)
        return worker, instance

    def _left(self, given: asyncio.Future[str]) -> None:
        """A request waits no longer; what it was given meanwhile goes to the next."""
        if given in self._waiting:
            self._waiting.remove(given)
        elif given.done() and not given.cancelled() and given.exception() is None:
            self._done(given.result())
        self._trim()

    def _start_missing(self) -> None:
        """Starts a worker for each request that none is on its way for, the host's among them."""
        kept = [f"{self.prefix}{number}" for number in range(self.kept)]
        coming = sum(self._fleet.busy(worker) and worker not in self._leaving for worker in kept)
        for _ in range(len(self._waiting) - len(self._starting) - coming):
            number = next(self._numbers())
            worker = f"{self.prefix}{number}"
            self._starting[worker] = asyncio.get_running_loop().time()
            self._start(number)

    def _numbers(self) -> Iterator[int]:
        """The numbers that no worker has, the lowest first."""
        number, taken = self.kept, self.ids
        while True:
            worker = f"{self.prefix}{number}"
            if worker not in taken and worker not in self._fleet.up and not self._fleet.busy(worker):
                yield number
            number += 1

    def look(self) -> None:
        """Takes up what became of its workers: started, failed, died, gone."""
        self._leaving = {worker for worker in self._leaving if self._fleet.busy(worker)}
        for worker in [worker for worker in self._free if worker not in self._fleet.up]:
            self._forget(worker)
            self._clear(worker)
        known = self.ids - self._starting.keys()
        for worker in [each for each in self._fleet.up if each.startswith(self.prefix) and each not in known]:
            if self._sound(worker):
                if (since := self._starting.pop(worker, None)) is not None:
                    self._measure("ModelSetupTime", (asyncio.get_running_loop().time() - since) * 1e6, "Microseconds")
                self._hand_on(worker)
        for worker in [each for each in self._starting if not self._fleet.busy(each)]:
            del self._starting[worker]
            self._failed(worker, self._fleet.failed.pop(worker, ""))
        self._trim()

    def bound(self, most: int, kept: int) -> None:
        """Other bounds; workers that are kept no longer go when they have been idle."""
        if (most, kept) == (self.most, self.kept):
            return
        self.most, self.kept = most, kept
        for worker in list(self._free):
            self._forget(worker)
            self._rest(worker)

    def drain(self) -> None:
        """Ends its workers as soon as no request needs them: no new ones come."""
        self.draining, self.kept = True, 0
        for worker in list(self._free):
            self._forget(worker)
            self._discard(worker)
        self._trim()

    def close(self) -> None:
        """Gives up: the server ends."""
        for worker in list(self._free):
            self._forget(worker)
        self._refuse(WireError("ServiceUnavailable", "The server is shutting down. Try again in a moment.", 503))

    def _done(self, worker: str) -> None:
        """A worker has answered."""
        self._busy.discard(worker)
        if self._sound(worker):
            self._hand_on(worker)
        else:
            self._clear(worker)
            self._start_missing()

    def _hand_on(self, worker: str) -> None:
        """Gives a worker to who waits longest, else lets it rest."""
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                self._busy.add(worker)
                given.set_result(worker)
                return
        self._rest(worker)

    def _rest(self, worker: str) -> None:
        if self.draining:
            self._discard(worker)
        elif self._keeps(worker):
            self._free[worker] = None
        else:
            self._free[worker] = asyncio.get_running_loop().call_later(self._idle, self._tired, worker)

    def _tired(self, worker: str) -> None:
        self._forget(worker)
        self._discard(worker)

    def _forget(self, worker: str) -> None:
        if timer := self._free.pop(worker, None):
            timer.cancel()

    def _trim(self) -> None:
        """Gives up starts that nobody waits for, where no more requests come."""
        if self.draining:
            spare = max(0, len(self._starting) - len(self._waiting))
            for worker in list(self._starting)[:spare]:
                del self._starting[worker]
                self._discard(worker)

    def _clear(self, worker: str) -> None:
        """Clears away what is left of a worker that died, unless the host brings it up again."""
        if not self._keeps(worker):
            self._discard(worker)

    def _discard(self, worker: str) -> None:
        self._leaving.add(worker)
        self._fleet.retire(worker, self._wake)

    def _keeps(self, worker: str) -> bool:
        return int(worker[len(self.prefix) :]) < self.kept

    def _sound(self, worker: str) -> Instance | None:
        """A worker's instance, None where it died or hangs."""
        instance = self._fleet.up.get(worker)
        return instance if instance and instance.alive else None

    def _failed(self, worker: str, reason: str) -> None:
        """A worker did not come up: who waits for it waits for another, or is told where there is none."""
        log.warning("serverless variant %s: %s did not start: %s", self.name, worker, reason)
        self._clear(worker)
        if self._starting or self._busy or self._free:
            return
        if reason.startswith(NO_CAPACITY):
            self._refuse(WireError("ServiceUnavailable", reason, 503))
        else:
            self._refuse(ModelError(reason or "The model could not be loaded.", 500))

    def _refuse(self, error: WireError) -> None:
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                given.set_exception(error)


@dataclass(frozen=True, slots=True)
class Serverless(Variant):
    """A production variant whose workers come and go with the requests."""

    pool: Pool

    async def invoke(self, query: Query, timeout: float) -> Answer:
        return await self.pool.invoke(query, timeout)


class Pools:
    """The pools of all endpoints that are served here, by endpoint and by the prefix of their workers' ids."""

    def __init__(self) -> None:
        self._pools: dict[str, dict[str, Pool]] = {}

    def of(self, endpoint: str, prefix: str, make: Callable[[], Pool]) -> Pool:
        """The pool of that prefix, made where there is none."""
        return self._pools.setdefault(endpoint, {}).get(prefix) or self._pools[endpoint].setdefault(prefix, make())

    def look(self, endpoint: str) -> None:
        """Has an endpoint's pools take up what became of their workers; a drained one is forgotten."""
        pools = self._pools.get(endpoint, {})
        for pool in list(pools.values()):
            pool.look()
            if pool.draining and not pool.ids:
                del pools[pool.prefix]
        if not pools:
            self._pools.pop(endpoint, None)

    def drain(self, endpoint: str, kept: Collection[str]) -> set[str]:
        """Ends the pools of an endpoint that are not `kept`; the workers that are in the hands of any."""
        pools = self._pools.get(endpoint, {})
        for pool in pools.values():
            if pool.prefix not in kept and not pool.draining:
                pool.drain()
        return {worker for pool in pools.values() for worker in pool.ids}

    def close(self) -> None:
        """Gives all up: the server ends."""
        for pools in self._pools.values():
            for pool in pools.values():
                pool.close()
