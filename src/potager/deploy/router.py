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


@dataclass(eq=False, slots=True)
class Instance:
    """A worker that serves a model.

    kill : ends the worker at once; `hosting.py` then sees it dead and starts another.
    """

    channel: Channel
    kill: Callable[[], None]
    outstanding: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def invoke(self, body: bytes, content_type: str, accept: str, timeout: float) -> tuple[bytes, str]:
        """The worker's answer: body and content type."""
        self.outstanding += 1
        try:
            return await self.channel.invoke(body, content_type, accept, timeout)
        except WorkerHung:
            self.kill()
            raise
        finally:
            self.outstanding -= 1
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
        """The instance with the fewest requests under way."""
        if len(self.instances) == 1:
            return self.instances[0]
        if not self.instances:
            raise WireError("ServiceUnavailable", f"Variant {self.name} has no instance up. Try again.", 503)
        return min(self.instances, key=lambda instance: instance.outstanding)


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

    @property
    def instances(self) -> list[Instance]:
        return [instance for variant in self.variants.values() for instance in variant.instances]


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
