"""GetMetricStatistics and ListMetrics.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

from typing import Any

from potager.kernel import clock
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
from potager.monitor.cloudwatch.queries import aligned, checked_period, span
from potager.monitor.cloudwatch.service import Output, Req, cloudwatch, dimensions, page, shown
from potager.store.metrics import Metrics, Name, Point
from potager.store.summary import extended
from potager.wire.service import partly

MOST_POINTS = 1440
"""Datapoints of one answer, as on AWS."""
MOST_METRICS = 500
"""Metrics of one page, as on AWS."""
LISTED, RECENT = 14 * 86_400, 3 * 3600
"""Seconds since its last value for which a metric is listed, and for which it is recently active."""


@cloudwatch.operation
async def get_metric_statistics(ctx: Context, req: Req) -> Output:
    """Statistics of one metric, a datapoint a period that had values; values of each unit apart."""
    basic, more = req.get("Statistics", []), req.get("ExtendedStatistics", [])
    if bool(basic) == bool(more):
        text = "Give one of the two." if basic else "Must specify either Statistics or ExtendedStatistics"
        raise WireError("InvalidParameterCombination", text)
    for name in more:
        extended(name)
    period = checked_period(req["Period"])
    start, end = span(req)
    if start >= end:
        raise WireError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    start = aligned(start, period)
    if (end - start) / period > MOST_POINTS:
        text = f"You have requested up to {int((end - start) / period)} datapoints, which exceeds the limit of"
        raise WireError("InvalidParameterCombination", f"{text} {MOST_POINTS}. Ask for a longer Period or less time.")
    metrics, by = ctx[Metrics], dimensions(req.get("Dimensions", ()))
    what = (ctx.scope, req["Namespace"], req["MetricName"], by)
    found: list[dict[str, Any]] = []
    for unit in [req["Unit"]] if "Unit" in req else await metrics.units(*what):
        points = await metrics.query(*what, start, end, period, unit)
        found += [_datapoint(point, unit, basic, more) for point in points]
    return {"Label": req["MetricName"], "Datapoints": sorted(found, key=lambda each: each["Timestamp"])}


def _datapoint(point: Point, unit: str, basic: list[str], more: list[str]) -> dict[str, Any]:
    known = {name: value for name in more if (value := point.values.statistic(name)) is not None}
    shown = {name: point.values.statistic(name) for name in basic}
    return {"Timestamp": point.at, "Unit": unit, **shown} | ({"ExtendedStatistics": known} if more else {})


@cloudwatch.operation
@partly("no linked accounts")
async def list_metrics(ctx: Context, req: Req) -> Output:
    """The metrics that had a value in the last two weeks, or the last three hours (RecentlyActive)."""
    if req.get("IncludeLinkedAccounts") or req.get("OwningAccount", ctx.account) != ctx.account:
        raise Unserved("Potager links no accounts. Leave out IncludeLinkedAccounts and OwningAccount.")
    since = clock.now() - (RECENT if req.get("RecentlyActive") else LISTED)
    found = await ctx[Metrics].names(ctx.scope, req.get("Namespace"), req.get("MetricName"), since)
    filters = req.get("Dimensions", [])
    some, token = page([each for each in found if _passes(each, filters)], req.get("NextToken"), MOST_METRICS)
    listed = [
        {"Namespace": each.namespace, "MetricName": each.name, "Dimensions": shown(each.dimensions)} for each in some
    ]
    return {"Metrics": listed, "NextToken": token}


def _passes(metric: Name, filters: list[dict[str, str]]) -> bool:
    """Whether a metric has all of the dimensions, with the values that are named."""
    mine = dict(metric.dimensions)
    return all(each["Name"] in mine and each.get("Value", mine[each["Name"]]) == mine[each["Name"]] for each in filters)
