"""GetMetricData: many queries at once, and expressions over them.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from typing import Any

from potager.kernel.context import Context
from potager.kernel.errors import WireError
from potager.monitor.cloudwatch import queries
from potager.monitor.cloudwatch.service import Output, Req, cloudwatch, opened, sealed
from potager.store.metrics import Metrics
from potager.wire.service import partly

MOST_QUERIES, MOST_POINTS = 500, 100_800
"""Queries of one request and datapoints of one answer, as on AWS."""


@cloudwatch.operation
@partly("no SEARCH and no SQL; functions of metric math as the refusal of the others lists them; no dynamic labels")
async def get_metric_data(ctx: Context, req: Req) -> Output:
    """Values of metrics and expressions. A metric that goes on on the next page has the StatusCode PartialData."""
    asked = req["MetricDataQueries"]
    start, end = queries.span(req)
    if start > end:
        raise WireError("ValidationError", "The parameter EndTime must be greater than StartTime.")
    if start == end:
        raise WireError("ValidationError", "The parameter StartTime must not equal parameter EndTime.")
    if len(asked) > MOST_QUERIES:
        raise WireError("ValidationError", f"{len(asked)} queries were given, {MOST_QUERIES} are taken at once.")
    _few_enough(asked, start, end)
    left = max(1, min(req.get("MaxDatapoints", MOST_POINTS), MOST_POINTS))
    skipped, past = opened(req.get("NextToken")), 0
    descending = req.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    shown: list[dict[str, Any]] = []
    more = False
    for result in await queries.answered(ctx[Metrics], ctx.scope, asked, start, end):
        if not result.returned:
            continue
        moments = sorted(result.values, reverse=descending)
        begin = max(0, skipped - past)
        some = moments[begin : begin + left]
        rest = begin + len(some) < len(moments)
        if some or (not moments and not skipped):
            shown.append(
                {
                    "Id": result.id,
                    "Label": result.label,
                    "Timestamps": some,
                    "Values": [result.values[at] for at in some],
                    "StatusCode": "PartialData" if rest else "Complete",
                }
            )
        past += len(moments)
        left -= len(some)
        more = more or rest
    given = sum(len(each["Values"]) for each in shown)
    return {"MetricDataResults": shown, "Messages": [], "NextToken": sealed(skipped + given) if more else None}


def _few_enough(asked: list[dict[str, Any]], start: float, end: float) -> None:
    """`ValidationError` for more datapoints than anybody reads."""
    periods = [query["MetricStat"]["Period"] if "MetricStat" in query else query.get("Period", 60) for query in asked]
    number = sum((end - start) / max(period, 1) for period in periods)
    if number > 20 * MOST_POINTS:
        text = f"The queries ask for up to {int(number)} datapoints. Ask for longer periods or less time."
        raise WireError("ValidationError", text)
