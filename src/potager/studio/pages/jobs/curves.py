"""The curves of a job's metrics, train beside validation, thinned to what a screen can show.

A series of more than `POINTS` points is cut into equal runs of its x axis, of each of which the lowest and the highest
value stay: no peak is lost, and a line drawn of them covers the same pixels as one drawn of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from potager.studio.asking import Asking, asking
from potager.studio.pages.jobs import measures
from potager.studio.resources import ENDED

POINTS = 1000
"""Of one series, at most."""
AT_ONCE = 100
"""Queries of one BatchGetMetrics, as on AWS."""

Points = list[tuple[float, float]]


def names(job: Mapping[str, Any]) -> list[str]:
    """The metrics that a job may print."""
    return [each["Name"] for each in job["AlgorithmSpecification"].get("MetricDefinitions", ())]


async def counted(ask: Asking, job: Mapping[str, Any]) -> tuple[dict[str, int], bool]:
    """How many values each metric has so far, without those that have none; and whether the log goes on."""
    found = await _asked(ask, [_query(job, name, "Count", "OneHour", "Timestamp") for name in names(job)])
    numbers = {name: int(sum(each["MetricValues"])) for name, each in zip(names(job), found, strict=True)}
    behind = any("ask again" in each.get("Message", "") for each in found)
    return {name: number for name, number in numbers.items() if number}, behind


async def series(ask: Asking, job: Mapping[str, Any], wanted: Sequence[str], x: str) -> dict[str, Points]:
    """The thinned points of metrics, over `iteration` or `time` (milliseconds since 1970)."""
    axis = "Timestamp" if x == "time" else "IterationNumber"
    found = await _asked(ask, [_query(job, name, "Avg", "IterationNumber", axis) for name in wanted])
    return {
        name: thinned(list(zip(each["XAxisValues"], each["MetricValues"], strict=True)))
        for name, each in zip(wanted, found, strict=True)
    }


def _query(job: Mapping[str, Any], name: str, stat: str, period: str, axis: str) -> dict[str, Any]:
    asked = {"MetricName": name, "ResourceArn": job["TrainingJobArn"], "MetricStat": stat, "Period": period}
    return asked | {"XAxisType": axis}


async def _asked(ask: Asking, queries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for begin in range(0, len(queries), AT_ONCE):
        some = queries[begin : begin + AT_ONCE]
        found += (await ask("sagemaker-metrics", "BatchGetMetrics", MetricQueries=some))["MetricQueryResults"]
    return found


def thinned(points: Points, most: int = POINTS) -> Points:
    """At most `most` points: the ends, and the lowest and the highest of each of `most / 2` runs of the x axis."""
    if len(points) <= most:
        return points
    runs = most // 2 - 1
    first, last = points[0][0], points[-1][0]
    width = (last - first) / runs or 1
    extremes: dict[int, tuple[int, int]] = {}
    for place, (x, y) in enumerate(points):
        run = min(int((x - first) / width), runs - 1)
        low, high = extremes.get(run, (place, place))
        extremes[run] = (place if y < points[low][1] else low, place if y > points[high][1] else high)
    wanted = {0, len(points) - 1, *(place for pair in extremes.values() for place in pair)}
    return [points[place] for place in sorted(wanted)]


def groups(metrics: Iterable[str]) -> dict[str, list[str]]:
    """Metrics that belong on one chart: the same of train, validation and test."""
    found: dict[str, list[str]] = {}
    for name in metrics:
        found.setdefault(measures.channel(name)[1], []).append(name)
    return found


async def chart(request: Request) -> Response:
    """One chart's data: `?metric=auc`, over `x=iteration` or `x=time`, `y=log` where its values all are above 0."""
    ask, query = asking(request), request.query_params
    job = await ask("sagemaker", "DescribeTrainingJob", TrainingJobName=request.path_params["name"])
    metric, x = query.get("metric", ""), query.get("x", "iteration")
    wanted = groups(names(job)).get(metric, [])
    found = {name: points for name, points in (await series(ask, job, wanted, x)).items() if points}
    over = job["TrainingJobStatus"] in ENDED
    return JSONResponse(drawn(metric, found, x, log=query.get("y") == "log") | {"done": over})


def drawn(metric: str, found: Mapping[str, Points], x: str, *, log: bool = False) -> dict[str, Any]:
    """What charts.js draws of the series of one metric."""
    positive = all(y > 0 for points in found.values() for _, y in points)
    return {
        "kind": "lines",
        "x": {"name": "" if x == "time" else "iteration", "type": "time" if x == "time" else "value"},
        "y": {"name": "", "type": "log" if log and positive else "value"},
        "series": [
            {"name": measures.channel(name)[0] or name, "points": points, "dashed": name.startswith("validation")}
            for name, points in found.items()
        ],
        "marks": _marks(metric, found),
    }


def _marks(metric: str, found: Mapping[str, Points]) -> list[dict[str, Any]]:
    """Where validation was at its best, where that has a shape."""
    points = found.get(f"validation:{metric}", [])
    if len(points) < 3:
        return []
    best = measures.best(metric, [y for _, y in points])
    at, value = next(point for point in points if point[1] == best)
    return [{"x": at, "text": f"best validation {value:.4g}"}]


ROUTES = [Route("/training-jobs/{name}/curves.json", chart)]
