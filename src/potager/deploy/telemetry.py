"""What endpoints report of the requests that they answer: CloudWatch's metrics, and counters for Prometheus.

    Exchange ─► Meter: counts and summaries in memory ─► every few seconds ─► Metrics, and what was counted in all
    ten looks in ten seconds at what each instance has under way ─► ConcurrentRequestsPerModel

A request costs its route about a microsecond. What a meter counts belongs to the minute in which it was counted. A
variant that has nothing under way has no points of ConcurrentRequestsPerModel.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from potager.deploy.router import Exchange, Instance, Key, Router, Watcher
from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store.metrics import Metrics
from potager.store.rows import Row
from potager.store.summary import Summary, middle

NAMESPACE = "AWS/SageMaker"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds at which the histograms for Prometheus are cut."""
MINUTE = 60
LOOKS = 10
"""Looks at what is under way that make a point of ConcurrentRequestsPerModel."""


def brief(minute: int) -> int:
    """Seconds of a point of high resolution, where a minute has so many: a sixth of it."""
    return max(minute // 6, 1)


class Total:
    """All values since the server started: how many up to each of `BOUNDS`, in seconds, and their sum."""

    def __init__(self) -> None:
        self.counts = [0.0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def merge(self, summary: Summary) -> None:
        """Takes in microseconds."""
        self.sum += summary.sum / 1e6
        for key, count in summary.buckets.items():
            seconds = middle(key) / 1e6
            self.counts[sum(bound < seconds for bound in BOUNDS)] += count


class Meter:
    """Counts what one variant of an endpoint answers, or the copies of one inference component.

    Attributes
    ----------
    instances : of the variant, as they are wanted.
    outcomes : requests since the server started, by `2xx`, `4xx` and `5xx`.
    """

    def __init__(
        self,
        metrics: Metrics,
        scope: Scope,
        endpoint: str,
        variant: str,
        minute: int = MINUTE,
        component: str = "",
    ) -> None:
        self.scope, self.endpoint, self.variant, self.instances = scope, endpoint, variant, 1
        self.outcomes = {"2xx": 0.0, "4xx": 0.0, "5xx": 0.0}
        self.model, self.overhead = Total(), Total()
        self._metrics = metrics
        self._by = {"EndpointName": endpoint, "VariantName": variant}
        self._minute, self._brief = minute, brief(minute)
        self._point, self._seen = 0.0, dict[int, int]()
        self._each, self._concurrent = "InvocationsPerInstance", "Model"
        if component:
            self._by = {"InferenceComponentName": component}
            self._each, self._concurrent = "InvocationsPerCopy", "Copy"
        self._begin()

    def _begin(self, at: float | None = None) -> None:
        self._at = clock.now() if at is None else at
        self._until = self._at - self._at % self._minute + self._minute
        self._good = self._client = self._server = self._failed = 0
        self._latency, self._beside = Summary(), Summary()

    def tell(self, exchange: Exchange) -> None:
        """Counts a request."""
        at = exchange.at + exchange.seconds
        if at >= self._until:
            self.settle(at)
        self._latency.add(exchange.seconds * 1e6)
        self._beside.add(exchange.overhead * 1e6)
        error = exchange.error
        if error is None:
            self._good += 1
            return
        status = error.fields.get("OriginalStatusCode", error.status)
        if 400 <= status < 500:
            self._client += 1
        else:
            self._server += 1
        self._failed += "OriginalStatusCode" in error.fields

    def look(self, instances: Sequence[Instance], now: float) -> None:
        """Takes in how many requests each instance has under way."""
        if now >= self._point + self._brief:
            self._pass(now)
        seen = self._seen
        for instance in instances:
            seen[instance.outstanding] = seen.get(instance.outstanding, 0) + 1

    def _pass(self, now: float) -> None:
        """Hands on a point that is over, unless nothing was under way in it."""
        if any(self._seen):
            name, at = f"ConcurrentRequestsPer{self._concurrent}", self._point
            series = self._metrics.series(self.scope, NAMESPACE, name, self._by, resolution=1)
            for number, looks in self._seen.items():
                series.add(number, at, looks)
        self._point, self._seen = now // self._brief * self._brief, {}

    def settle(self, now: float | None = None) -> None:
        """Hands on what was counted, and begins anew."""
        if clock.now() >= self._point + self._brief:
            self._pass(clock.now())
        asked = self._good + self._client + self._server
        if asked:
            self._add("Invocations", 1.0, asked, "None")
            self._add(self._each, 1.0 / max(self.instances, 1), asked, "None")
            errors = (("4XXErrors", self._client), ("5XXErrors", self._server), ("ModelErrors", self._failed))
            for name, number in errors:
                self._add(f"Invocation{name}", 1.0, number, "None")
                self._add(f"Invocation{name}", 0.0, asked - number, "None")
            for name, summary, total in (
                ("ModelLatency", self._latency, self.model),
                ("OverheadLatency", self._beside, self.overhead),
            ):
                series = self._metrics.series(self.scope, NAMESPACE, name, self._by, "Microseconds")
                series.at(self._at).merge(summary)
                total.merge(summary)
            self.outcomes["2xx"] += self._good
            self.outcomes["4xx"] += self._client
            self.outcomes["5xx"] += self._server
        self._begin(now)

    def _add(self, name: str, value: float, count: float, unit: str) -> None:
        if count:
            self._metrics.add(self.scope, NAMESPACE, name, self._by, value, unit, self._at, count)


class Telemetry:
    """The meters of the endpoints, or of the inference components, that are in service here.

    Parameters
    ----------
    minute : seconds that count as a minute for those who scale by these metrics; fewer than 60 make for finer points.
    """

    def __init__(self, metrics: Metrics, router: Router, minute: int = MINUTE) -> None:
        self.meters: dict[tuple[Key, str], Meter] = {}
        self._minute = minute
        self._task: asyncio.Task[None] | None = None
        self._metrics = metrics
        self._router = router
        metrics.gather.append(self.settle)
        router.changed.append(self._forget)

    def watch(self, row: Row, deployment: Mapping[str, Any]) -> Watcher:
        """The watcher of an endpoint's route."""
        key = (row.account, row.region, row.name)
        mine: dict[str, Meter] = {}
        for spec in (*deployment["variants"], *deployment.get("shadows", ())):
            known = self.meters.get((key, spec["name"]))
            meter = known or self._meter(row, spec["name"])
            meter.instances = spec["count"]
            mine[spec["name"]] = self.meters[key, spec["name"]] = meter
        if len(mine) == 1:
            return next(iter(mine.values())).tell

        def told(exchange: Exchange) -> None:
            mine[exchange.variant].tell(exchange)

        return told

    def start(self) -> None:
        """Looks at what instances have under way, from now on."""
        self._task = asyncio.get_running_loop().create_task(self._always(), name="telemetry")

    async def close(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _always(self) -> None:
        while True:
            await asyncio.sleep(brief(self._minute) / LOOKS)
            self.look(clock.now())

    def look(self, now: float) -> None:
        """Takes in what every instance has under way."""
        for (key, variant), meter in self.meters.items():
            route = self._router.get(key)
            found = route.variants.get(variant) if route else None
            if found:
                meter.look(found.instances, now)

    def _meter(self, row: Row, variant: str) -> Meter:
        if "InferenceComponentName" in row.doc:
            return Meter(self._metrics, row.scope, row.doc["EndpointName"], variant, self._minute, row.name)
        return Meter(self._metrics, row.scope, row.name, variant, self._minute)

    def settle(self) -> None:
        """Hands on what all meters have counted."""
        for meter in self.meters.values():
            meter.settle()

    def _forget(self, key: Key) -> None:
        """Lets the meters of an endpoint go that answers no more."""
        if self._router.get(key) is None:
            for place in [place for place in self.meters if place[0] == key]:
                self.meters.pop(place).settle()
