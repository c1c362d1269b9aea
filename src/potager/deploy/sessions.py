"""Sessions: requests that go to the instance which opened theirs.

    SessionId NEW_SESSION ─► any instance ─► its program answers the id of a session: it stays with that instance
    SessionId <id>        ─► that instance, until its program says that it has closed the session

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/stateful-sessions.html
"""

from __future__ import annotations

from collections import OrderedDict
from time import perf_counter

from potager.deploy.router import Exchange, Instance, Route, Variant
from potager.kernel import clock
from potager.kernel.errors import WireError
from potager.kernel.prediction import Answer, Query

MOST = 10_000
"""Sessions that are remembered; those that were used last."""


class Stays:
    """Which instance each session is on. In memory; belongs to the event loop."""

    def __init__(self) -> None:
        self._instances: OrderedDict[tuple[str, str], Instance] = OrderedDict()

    def of(self, route: Route, session: str) -> tuple[Variant, Instance] | None:
        """Where a session is, None where that is not known or is no part of the route any more."""
        for variant in route.variants.values():
            for instance in variant.instances:
                key = _endpoint(instance), session
                if self._instances.get(key) is instance and instance.alive:
                    self._instances.move_to_end(key)
                    return variant, instance
        return None

    async def invoke(
        self, route: Route, query: Query, timeout: float, target: str | None, came: float = 0.0
    ) -> tuple[Answer, Variant]:
        """The answer of the session's instance, or of any where it has none; as `Route.invoke` does it."""
        kept = self.of(route, query.session)
        if kept is None:
            variant = route.pick(target)
            if not any(each.alive for each in variant.instances):
                return await route.invoke(query, timeout, target, came)
            kept = variant, variant.pick(query.model)
        variant, instance = kept
        at, began = clock.now(), perf_counter()
        overhead = began - came if came else 0.0
        try:
            answer = await instance.invoke(query, timeout)
        except WireError as error:
            route.tell(Exchange(query, variant.name, at, perf_counter() - began, None, error, overhead))
            raise
        self._note(answer, instance)
        route.tell(Exchange(query, variant.name, at, perf_counter() - began, answer, None, overhead))
        return answer, variant

    def _note(self, answer: Answer, instance: Instance) -> None:
        """Remembers a session that was opened, and forgets one that was closed."""
        endpoint = _endpoint(instance)
        self._instances.pop((endpoint, answer.closed), None)
        if opened := answer.session.partition(";")[0].strip():
            self._instances[endpoint, opened] = instance
            if len(self._instances) > MOST:
                self._instances.popitem(last=False)


def _endpoint(instance: Instance) -> str:
    """What only the instances of one endpoint have in common: their log group."""
    return instance.workers[0].place.stream_arn.partition(":log-stream:")[0]
