"""Who answers an invocation: endpoint ─► variant by weight ─► instance with the least outstanding requests.

In memory, and read on every request; `hosting.py` replaces a whole route at once, so a request sees the old one or
the new one and never a mixture.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from potager.compute.channel import Channel, WorkerHung
from potager.kernel.errors import WireError

Key = tuple[str, str, str]
"""Account, region and name of an endpoint."""

MOST_WAITING = 128 * 2**20
"""Bytes of request bodies that may wait for one instance."""


@dataclass(eq=False, slots=True)
class Instance:
    """A worker that serves a model.

    kill : ends the worker at once; `fleet.py` then sees it dead and starts another.
    stream_arn : of the log stream that it writes.
    waiting : bytes of the requests under way.
    """

    channel: Channel
    kill: Callable[[], None]
    stream_arn: str = ""
    outstanding: int = 0
    waiting: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def invoke(self, body: bytes, content_type: str, accept: str, timeout: float) -> tuple[bytes, str]:
        """The worker's answer: body and content type."""
        if self.waiting > MOST_WAITING:
            raise WireError("ServiceUnavailable", "Too much waits for this instance. Try again, or add instances.", 503)
        self.outstanding += 1
        self.waiting += len(body)
        try:
            return await self.channel.invoke(body, content_type, accept, timeout)
        except WorkerHung:
            self.kill()
            raise
        finally:
            self.outstanding -= 1
            self.waiting -= len(body)
            if not self.outstanding:
                self.idle.set()

    async def drained(self, patience: float) -> None:
        """Returns when no request is under way any more, after `patience` seconds at the latest."""
        self.idle.clear()
        if self.outstanding:
            try:
                await asyncio.wait_for(self.idle.wait(), patience)
            except TimeoutError:
                return


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant and the instances of it that are up."""

    name: str
    weight: float
    instances: Sequence[Instance]

    def pick(self) -> Instance:
        """The instance with the fewest requests under way, of those whose worker lives."""
        live = [instance for instance in self.instances if instance.channel.alive]
        if len(live) == 1:
            return live[0]
        if not live:
            raise WireError("ServiceUnavailable", f"Variant {self.name} has no instance up. Try again.", 503)
        return min(live, key=lambda instance: instance.outstanding)


class Route:
    """An endpoint's variants, ready to choose from."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self.variants = {variant.name: variant for variant in variants}
        self._weighted = [variant for variant in variants if variant.weight > 0]
        self._bounds = list(accumulate(variant.weight for variant in self._weighted))

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


class Router:
    """The routes of the endpoints that are in service here."""

    def __init__(self) -> None:
        self._routes: dict[Key, Route] = {}

    def get(self, key: Key) -> Route | None:
        return self._routes.get(key)

    def put(self, key: Key, route: Route) -> None:
        self._routes[key] = route

    def drop(self, key: Key) -> Route | None:
        return self._routes.pop(key, None)
