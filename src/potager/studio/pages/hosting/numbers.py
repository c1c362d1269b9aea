"""What CloudWatch tells of an endpoint: charts of the last hours, and what moved since a moment ago.

GetMetricData gives sums of whole minutes, and the minute that runs is in them up to now: the difference of two looks is
what came between them. So requests are seen within a second, by the operations that any client has.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from potager.studio.asking import Asking, seconds

NAMESPACE = "AWS/SageMaker"
USAGE = "/aws/sagemaker/Endpoints"
PERIODS = ((3, 60), (24, 300), (24 * 14, 3600))
"""Hours that a chart shows at most, and seconds of each of its points."""
COUNTED = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency")
KEPT = 120
"""Seconds that the live chart shows."""

Told = Mapping[str, Sequence[tuple[float, float]]]
"""Values by moment, by query."""


def metric(
    name: str, endpoint: str, variant: str, stat: str, period: int, namespace: str = NAMESPACE
) -> dict[str, Any]:
    """A query's MetricStat."""
    by = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    return {
        "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": by},
        "Period": period,
        "Stat": stat,
    }


async def told(ask: Asking, queries: Mapping[str, dict[str, Any]], start: float, end: float) -> Told:
    """The values of each query, by its key, oldest first."""
    keys = list(queries)
    found: dict[str, list[tuple[float, float]]] = {}
    for begin in range(0, len(keys), 500):
        some = keys[begin : begin + 500]
        data = [{"Id": f"q{place}", "MetricStat": queries[key]} for place, key in enumerate(some)]
        answer = await ask(
            "cloudwatch",
            "GetMetricData",
            MetricDataQueries=data,
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
            ScanBy="TimestampAscending",
        )
        for result in answer["MetricDataResults"]:
            moments = [seconds(each) for each in result.get("Timestamps", ())]
            values = result.get("Values", ())
            found[some[int(result["Id"][1:])]] = list(zip(moments, values, strict=True))
    return found


class Pulse:
    """What an endpoint answers, look after look.

    Attributes
    ----------
    beats : (moment, variant, requests a second), of the last two minutes, oldest first.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._before: dict[tuple[str, str, float], float] | None = None
        self._at = 0.0
        self.beats: list[tuple[float, str, float]] = []

    async def look(self, ask: Asking, variants: Sequence[str]) -> dict[str, Any]:
        """Rates since the last look: requests and errors a second, mean latencies in ms; None where nothing came."""
        now = time.time()
        queries = {
            f"{variant}|{name}": metric(name, self._endpoint, variant, "Sum", 60)
            for variant in variants
            for name in COUNTED
        }
        found = await told(ask, queries, now - 60, now + 60)
        sums: dict[tuple[str, str, float], float] = {}
        for key, values in found.items():
            variant, _, name = key.partition("|")
            sums |= {(variant, name, at): value for at, value in values}
        before, span = self._before, max(now - self._at, 1e-3)
        self._before, self._at = sums, now
        if before is None:
            before, span = sums, 1.0
        oldest = min((at for *_, at in before), default=0.0)
        moved: dict[tuple[str, str], float] = {}
        for (variant, name, at), value in sums.items():
            if at >= oldest:
                change = value - before.get((variant, name, at), 0.0)
                moved[variant, name] = moved.get((variant, name), 0.0) + max(change, 0.0)
        self.beats = [beat for beat in self.beats if beat[0] > now - KEPT]
        self.beats += [(now, each, moved.get((each, "Invocations"), 0.0) / span) for each in variants]
        total = {name: sum(moved.get((each, name), 0.0) for each in variants) for name in COUNTED}
        asked = total["Invocations"]
        return {
            "requests": asked / span,
            "client": total["Invocation4XXErrors"] / span,
            "server": total["Invocation5XXErrors"] / span,
            "model": total["ModelLatency"] / asked / 1000 if asked else None,
            "overhead": total["OverheadLatency"] / asked / 1000 if asked else None,
        }

    def chart(self, variants: Sequence[str]) -> dict[str, Any]:
        """The live chart's data."""
        series = [
            {"name": one, "points": [[at * 1000, rate] for at, name, rate in self.beats if name == one]}
            for one in variants
        ]
        return _lines("requests a second", series, low=(self._at - KEPT) * 1000, high=self._at * 1000)


def _lines(unit: str, series: list[dict[str, Any]], **bounds: float) -> dict[str, Any]:
    shown = [each for each in series if each["points"]]
    return {"kind": "lines", "x": {"name": "", "type": "time", **bounds}, "y": {"name": unit}, "series": shown}


async def chart(ask: Asking, what: str, endpoint: str, variants: Sequence[str], hours: int) -> dict[str, Any] | None:
    """The data of a chart by its name; None for one that there is not."""
    made = CHARTS.get(what)
    if made is None:
        return None
    period = next((length for most, length in PERIODS if hours <= most), 3600)
    now = time.time()
    unit, asked, scale = made
    many = len(variants) > 1
    queries = {
        f"{variant}: {label}" if many else label: metric(name, endpoint, variant, stat, period, namespace)
        for variant in variants
        for label, name, stat, namespace in asked
    }
    found = await told(ask, queries, now - hours * 3600, now + period)
    return _lines(
        unit,
        [{"name": key, "points": [[at * 1000, value * scale] for at, value in found.get(key, ())]} for key in queries],
        low=(now - hours * 3600) // period * period * 1000,
        high=(now // period + 1) * period * 1000,
    )


CHARTS: Mapping[str, tuple[str, Sequence[tuple[str, str, str, str]], float]] = {
    "requests": (
        "requests",
        (
            ("requests", "Invocations", "Sum", NAMESPACE),
            ("4xx", "Invocation4XXErrors", "Sum", NAMESPACE),
            ("5xx", "Invocation5XXErrors", "Sum", NAMESPACE),
        ),
        1.0,
    ),
    "latency": (
        "ms",
        (
            ("p50", "ModelLatency", "p50", NAMESPACE),
            ("p95", "ModelLatency", "p95", NAMESPACE),
            ("p99", "ModelLatency", "p99", NAMESPACE),
            ("overhead p50", "OverheadLatency", "p50", NAMESPACE),
        ),
        0.001,
    ),
    "load": (
        "%",
        (("CPU", "CPUUtilization", "Average", USAGE), ("memory", "MemoryUtilization", "Average", USAGE)),
        1.0,
    ),
}
"""By name: the unit, (label, metric, statistic, namespace) of each line, and what values are multiplied by."""
