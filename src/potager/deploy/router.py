"""Who answers an invocation.

    Route ─► Variant, by weight ─► Instance, with the fewest requests under way ─► Worker, one for each container

Whoever wants to know of requests that were answered (metrics, captured data) is among a route's watchers. In memory,
and read on every request; `hosting.py` replaces a whole route at once, so a request sees the old one or the new one and
never a mixture.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from time import perf_counter

from potager.compute.channel import Channel
from potager.compute.faults import ModelError, WorkerHung, WorkerLost
from potager.deploy import pipeline
from potager.deploy.many.shelf import Shelf
from potager.kernel import clock
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query

Key = tuple[str, str, str]
"""Account, region and name of an endpoint."""

NEAR = 4
"""Requests that an instance may have under way more than another, and still be asked for a model that it has."""

MOST_WAITING = 128 * 2**20
"""Bytes of request bodies that may wait for one instance."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what became of it.

    Parameters
    ----------
    variant : which one was asked.
    at : when it came, in seconds since 1970.
    seconds : that the model took, as the server saw it.
    answer : None where `error` says why there is none.
    overhead : seconds from the request's coming until the model was asked.
    streamed : whether it went to the client in parts; the answer is without its body then.
    """

    query: Query
    variant: str
    at: float
    seconds: float
    answer: Answer | None = None
    error: WireError | None = None
    overhead: float = 0.0
    streamed: bool = False


Watcher = Callable[[Exchange], None]
"""Is told of each exchange before its client is answered: it must be quick, and must not raise."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container's log is.

    Parameters
    ----------
    container : its name; "primary" where it is the only one, as AWS's errors call it.
    stream_arn : of its log stream.
    """

    container: str = "primary"
    account: str = ""
    group: str = ""
    stream_arn: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Worker:
    """A process that serves one container's model.

    kill : ends it at once; `fleet.py` then sees its instance dead and starts what is missing.
    shelf : of a container of many models, those that are there.
    minded : whether it can say of itself that it is unwell (`health.py`).
    """

    channel: Channel
    kill: Callable[[], None]
    place: Place = field(default_factory=Place)
    shelf: Shelf | None = None
    minded: bool = False

    @property
    def name(self) -> str:
        """The container's."""
        return self.place.container

    @property
    def many(self) -> bool:
        """Whether it serves many models."""
        return self.shelf is not None

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """The model's answer. A `ModelError` says where the log is."""
        try:
            if self.shelf is not None:
                return await self.shelf.invoke(query, timeout, self.channel.invoke)
            return await self.channel.invoke(query, timeout)
        except WorkerHung as error:
            self.kill()
            raise self.told(error) from error
        except ModelError as error:
            raise self.told(error) from error

    def told(self, error: ModelError) -> ModelError:
        """The error, which now says where the log is."""
        place = self.place
        error.fields["LogStreamArn"] = place.stream_arn
        error.message = error.message.replace("from primary with", f"from {place.container} with", 1)
        error.message += f" See log group {place.group} in account {place.account} for more information."
        return error


@dataclass(eq=False, slots=True)
class Instance:
    """What answers by itself: a worker for each container of its model.

    serial : whether a request goes through all of them, each given what the one before it answered.
    waiting : bytes of the requests under way.
    well : whether it may have requests (`health.py`).
    """

    workers: Sequence[Worker]
    serial: bool = True
    well: bool = True
    outstanding: int = 0
    waiting: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def alive(self) -> bool:
        return self.well and all(worker.channel.alive and not worker.channel.hung for worker in self.workers)

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """The answer of its container; of several, of the last in the row or of the one that is named."""
        self.begin(query)
        try:
            return await self._answered(query, timeout)
        finally:
            self.end(query)

    def begin(self, query: Query) -> None:
        """Counts a request that it is given; `ServiceUnavailable` where too much waits already."""
        if self.waiting > MOST_WAITING:
            raise WireError("ServiceUnavailable", "Too much waits for this instance. Try again, or add instances.", 503)
        self.outstanding += 1
        self.waiting += len(query.body)

    def end(self, query: Query) -> None:
        """Counts a request off that was answered, or failed."""
        self.outstanding -= 1
        self.waiting -= len(query.body)
        if not self.outstanding:
            self.idle.set()

    def holds(self, model: str) -> bool:
        """Whether a model of a multi-model container is here, or on its way."""
        return any(worker.shelf is not None and worker.shelf.holds(model) for worker in self.workers)

    async def _answered(self, query: Query, timeout: float) -> Answer:
        if query.model and not any(worker.many for worker in self.workers):
            endpoint = self.workers[0].place.group.rpartition("/")[2]
            said = f"Endpoint {endpoint} is not a multi-model endpoint and does not support target model header."
            raise WireError("ValidationError", said)
        if not self.serial:
            return await pipeline.target(self.workers, query).invoke(query, timeout)
        if len(self.workers) > 1 or query.container:
            return await pipeline.answered(self.workers, query, timeout)
        return await self.workers[0].invoke(query, timeout)

    async def drained(self, patience: float) -> None:
        """Returns when no request is under way any more, after `patience` seconds at the latest."""
        self.idle.clear()
        if self.outstanding:
            try:
                await asyncio.wait_for(self.idle.wait(), patience)
            except TimeoutError:
                return


class NoInstance(WireError):
    """Nobody is there to answer just now. `tell` tells the watchers, once nobody waits any longer (`waiting.py`)."""

    def __init__(self, message: str) -> None:
        super().__init__("ServiceUnavailable", message, 503)
        self.tell: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant and the instances of it that are up."""

    name: str
    weight: float
    instances: Sequence[Instance]

    def pick(self, model: str = "") -> Instance:
        """The instance with the fewest requests under way, of those whose worker lives; rather one that has `model`."""
        live = [instance for instance in self.instances if instance.alive]
        if len(live) == 1:
            return live[0]
        if not live:
            raise NoInstance(f"Variant {self.name} has no instance up. Try again.")
        if model:
            return min(live, key=lambda instance: instance.outstanding + (0 if instance.holds(model) else NEAR))
        return min(live, key=lambda instance: instance.outstanding)

    async def invoke(self, query: Query, timeout: float) -> Answer:
        """The answer of one instance; of another where the first was gone before it could have seen the request."""
        try:
            return await self.pick(query.model).invoke(query, timeout)
        except WorkerLost as lost:
            if lost.delivered:
                raise
            return await self.pick(query.model).invoke(query, timeout)


class Route:
    """An endpoint's variants, ready to choose from.

    watchers : who is told of each exchange.
    concurrent : of an asynchronous endpoint, the requests that an instance is given at a time; 0 for any other.
    """

    def __init__(self, variants: Sequence[Variant], watchers: Sequence[Watcher] = (), *, concurrent: int = 0) -> None:
        self.watchers = watchers
        self.concurrent = concurrent
        self.variants = {variant.name: variant for variant in variants}
        self._weighted = [variant for variant in variants if variant.weight > 0]
        self._bounds = list(accumulate(variant.weight for variant in self._weighted))

    @property
    def instances(self) -> int:
        """How many instances are up that get traffic."""
        return sum(each.alive for variant in self._weighted for each in variant.instances)

    def pick(self, target: str | None) -> Variant:
        """The variant named `target`, or one drawn by weight."""
        if target:
            variant = self.variants.get(target)
            if variant is None:
                known = ", ".join(self.variants)
                raise WireError("ValidationError", f"Variant {target} not found. The endpoint's variants: {known}.")
            return variant
        if len(self._weighted) == 1:
            return self._weighted[0]
        return random.choices(self._weighted, cum_weights=self._bounds)[0]  # noqa: S311 - traffic, not a secret

    async def invoke(
        self, query: Query, timeout: float, target: str | None = None, came: float = 0.0
    ) -> tuple[Answer, Variant]:
        """The answer, and the variant that gave it; watchers are told, whatever comes of it.

        `came` : when the request did, by `perf_counter`; 0 where nobody waits for its answer.
        """
        variant = self.pick(target)
        at, began = clock.now(), perf_counter()
        overhead = began - came if came else 0.0
        try:
            answer = await variant.invoke(query, timeout)
        except NoInstance as error:
            error.tell = partial(self.tell, Exchange(query, variant.name, at, 0.0, None, error, overhead))
            raise
        except WireError as error:
            self.tell(Exchange(query, variant.name, at, perf_counter() - began, None, error, overhead))
            raise
        self.tell(Exchange(query, variant.name, at, perf_counter() - began, answer, None, overhead))
        return answer, variant

    def tell(self, exchange: Exchange) -> None:
        """Tells the watchers of it."""
        for watcher in self.watchers:
            watcher(exchange)


class Router:
    """The routes of the endpoints that are in service here.

    changed : who is told of a route that is put, or dropped.
    """

    def __init__(self) -> None:
        self.changed: list[Callable[[Key], None]] = []
        self._routes: dict[Key, Route] = {}

    def get(self, key: Key) -> Route | None:
        return self._routes.get(key)

    def put(self, key: Key, route: Route) -> None:
        self._routes[key] = route
        self._tell(key)

    def drop(self, key: Key) -> Route | None:
        dropped = self._routes.pop(key, None)
        self._tell(key)
        return dropped

    def _tell(self, key: Key) -> None:
        for told in self.changed:
            told(key)
