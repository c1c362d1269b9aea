"""What metric data queries give: metrics by a statistic, and expressions over each other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potager.kernel.errors import Invalid, Unserved, WireError
from potager.kernel.names import Scope
from potager.monitor.cloudwatch import expressions
from potager.monitor.cloudwatch.expressions import Node, Scene, Series, Value
from potager.monitor.cloudwatch.service import dimensions
from potager.store.metrics import Metrics
from potager.store.summary import BASIC, extended

SECONDS = (1, 5, 10, 20, 30)
"""Periods below a minute; the others are whole minutes."""
_ID = re.compile(r"[a-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Result:
    """What one query gave: `values` by moment, in seconds since 1970."""

    id: str
    label: str
    values: Series
    returned: bool


def span(req: Mapping[str, Any]) -> tuple[float, float]:
    """StartTime and EndTime of a request, in seconds since 1970: whole ones, as CloudWatch takes them."""
    return float(int(req["StartTime"].timestamp())), float(int(req["EndTime"].timestamp()))


def checked_period(period: int) -> int:
    """The period; `Invalid` for one that CloudWatch does not have."""
    if period in SECONDS or (period % 60 == 0 and 60 <= period <= 86_400):
        return period
    raise Invalid(f"The period {period} is none of 1, 5, 10, 20, 30 and the multiples of 60 up to 86400 seconds.")


def aligned(at: float, period: int) -> float:
    """A start, moved back to a whole minute, or a whole period where that is shorter."""
    step = min(period, 60)
    return at - at % step


def check(queries: Sequence[Mapping[str, Any]], member: str = "MetricDataQueries") -> dict[str, Node]:
    """The trees of the expressions by id; `Invalid` or `Unserved` for queries that cannot be answered.

    `member` is what the request calls the queries.
    """
    trees: dict[str, Node] = {}
    names: set[str] = set()
    for number, query in enumerate(queries, 1):
        name = query["Id"]
        if not _ID.fullmatch(name) or name in names:
            raise Invalid(f"The Id {name!r} is given twice, or does not begin with a small letter and go on with \\w.")
        names.add(name)
        _one_of_two(f"{member}.member.{number}", query)
        if "${" in query.get("Label", ""):
            raise Unserved("Dynamic labels (`${...}`) are not served. Give a plain Label.")
        if "Expression" in query:
            trees[name] = expressions.read(query["Expression"])
            continue
        stat = query["MetricStat"]
        checked_period(stat["Period"])
        if stat["Stat"] not in BASIC:
            extended(stat["Stat"])
    for name, tree in trees.items():
        if unknown := tree.ids() - names:
            raise Invalid(f"The expression {name} names {', '.join(sorted(unknown))}, the Id of no query.")
    _ordered(trees)
    return trees


def _one_of_two(place: str, query: Mapping[str, Any]) -> None:
    """`ValidationError` for a query that is neither a metric's nor an expression, or both, in AWS's words."""
    if "MetricStat" not in query and "Expression" not in query:
        raise WireError("ValidationError", f"The parameter {place}.MetricStat is required.\n")
    for other in ("Expression", "Period"):
        if "MetricStat" in query and other in query:
            text = f"The parameters {place}.{other} and {place}.MetricStat are mutually exclusive"
            raise WireError("ValidationError", f"{text} and you have specified both.")


def _ordered(trees: Mapping[str, Node]) -> list[str]:
    """Expressions after those that they name; `Invalid` where they name each other."""
    done: list[str] = []
    left = dict(trees)
    while left:
        ready = [name for name, tree in left.items() if not tree.ids() & left.keys()]
        if not ready:
            raise Invalid(f"The expressions {', '.join(sorted(left))} name each other in a circle.")
        done += ready
        for name in ready:
            del left[name]
    return done


async def answered(
    metrics: Metrics, scope: Scope, queries: Sequence[Mapping[str, Any]], start: float, end: float
) -> list[Result]:
    """What each query gives, in their order."""
    trees = check(queries)
    found: dict[str, Value] = {}
    periods: dict[str, int] = {}
    for query in queries:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            periods[query["Id"]] = stat["Period"]
            found[query["Id"]] = await measured(metrics, scope, stat, aligned(start, stat["Period"]), end)
    period = min(periods.values(), default=next((each["Period"] for each in queries if "Period" in each), 60))
    begin = aligned(start, period)
    moments = [begin + number * period for number in range(int(-(-(end - begin) // period)))]
    scene = Scene(found, periods, [*periods], moments)
    for name in _ordered(trees):
        found[name] = await asyncio.to_thread(expressions.value, trees[name], scene)  # it may be of many datapoints
        inner = [periods[each] for each in trees[name].ids() if each in periods]
        periods[name] = max(inner, default=period)
    return [
        Result(f"{query['Id']}", _label(query), series, query.get("ReturnData", True))
        for query in queries
        for series in _shown(found[query["Id"]], moments)
    ]


async def measured(metrics: Metrics, scope: Scope, stat: Mapping[str, Any], start: float, end: float) -> Series:
    """One statistic of a metric, by moment."""
    metric = stat["Metric"]
    points = await metrics.query(
        scope,
        metric.get("Namespace", ""),
        metric.get("MetricName", ""),
        dimensions(metric.get("Dimensions", ())),
        start,
        end,
        stat["Period"],
        stat.get("Unit"),
    )
    known = ((point.at, point.values.statistic(stat["Stat"])) for point in points)
    return {at: value for at, value in known if value is not None}


def _label(query: Mapping[str, Any]) -> str:
    if "Label" in query:
        return query["Label"]
    return query["MetricStat"]["Metric"].get("MetricName", "") if "MetricStat" in query else query["Id"]


def _shown(found: Value, moments: Sequence[float]) -> list[Series]:
    if isinstance(found, list):
        return found
    if isinstance(found, (int, float)):
        return [dict.fromkeys(moments, found) if found == found else {}]
    return [found]
