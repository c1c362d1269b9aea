"""PutMetricData.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from potager.kernel import clock
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
from potager.monitor.cloudwatch.service import Req, cloudwatch, dimensions
from potager.store.metrics import Metrics
from potager.wire.service import partly

MOST_DATA, MOST_VALUES = 1000, 150
"""Metrics of one request, and different values of one metric, as on AWS."""
GREATEST = 2.0**360
"""Values lie between this and its negative, as on AWS."""
PAST, FUTURE = 14 * 86_400, 2 * 3600
"""Seconds that a timestamp may lie behind and ahead of now, as on AWS."""
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@cloudwatch.operation
@partly("no entities")
async def put_metric_data(ctx: Context, req: Req) -> None:
    """Takes values in. All of a request, or, where one datum is wrong, nothing."""
    if req.get("EntityMetricData"):
        raise Unserved("Potager's metrics belong to no entities. Put the data into MetricData.")
    namespace, data = req["Namespace"], req.get("MetricData", [])
    if namespace.upper().startswith("AWS/"):
        raise _wrong("Namespace", "namespaces that begin with AWS/ are the server's own")
    _plain(namespace)
    if not data:
        raise WireError("MissingParameter", "The parameter MetricData is required.")
    if len(data) > MOST_DATA:
        raise _wrong("MetricData", f"{len(data)} metrics were given, {MOST_DATA} are taken")
    now = clock.now()
    checked = [_checked(f"MetricData.member.{number}", datum, now) for number, datum in enumerate(data, 1)]
    metrics = ctx[Metrics]
    for datum, at in checked:
        resolution = 1 if datum.get("StorageResolution") == 1 else 60
        series = metrics.series(
            ctx.scope,
            namespace,
            datum["MetricName"],
            dimensions(datum.get("Dimensions", ())),
            datum.get("Unit", "None"),
            resolution=resolution,
        )
        _fold(series.at(at), datum)


def _fold(summary: Any, datum: Mapping[str, Any]) -> None:
    if statistics := datum.get("StatisticValues"):
        summary.fold(*(float(statistics[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")))
    elif "Values" in datum:
        for value, count in zip(datum["Values"], datum.get("Counts") or [1.0] * len(datum["Values"]), strict=True):
            summary.add(float(value), float(count))
    else:
        summary.add(float(datum["Value"]))


def _checked(place: str, datum: Mapping[str, Any], now: float) -> tuple[Mapping[str, Any], float]:
    """A datum and its moment; a `WireError` for one that cannot be taken, in AWS's words where they are known."""
    name = datum["MetricName"]
    for text in (name, *chain(*dimensions(datum.get("Dimensions", ())).items())):
        _plain(text)
    given = [f"{place}.{each}" for each in ("Value", "Values", "StatisticValues") if each in datum]
    if not given:
        text = f"At least one of the parameters {place}.Value, {place}.Values or {place}.StatisticValues"
        raise WireError("MissingParameter", f"{text} must be specified.")
    if len(given) > 1:
        text = f"The parameters {given[0]} and {given[1]} are mutually exclusive and you have specified both."
        raise WireError("InvalidParameterCombination", text)
    if datum.get("StorageResolution", 60) not in (1, 60):
        raise _wrong("StorageResolution", f"{datum['StorageResolution']} is neither 1 nor 60")
    values = datum.get("Values", [])
    counts = datum.get("Counts", [1.0] * len(values))
    if len(counts) != len(values):
        text = f"The parameters {place}.Values and {place}.Counts must be of the same size."
        raise WireError("InvalidParameterValue", text)
    if len(values) > MOST_VALUES or (not values and "Values" in datum):
        raise _wrong("Values", f"there must be 1 to {MOST_VALUES}")
    if any(not 0 < count < GREATEST for count in counts):
        raise _wrong("Counts", "counts are numbers above 0")
    for member, value in _numbers(datum):
        if math.isnan(value):
            raise WireError("InvalidParameterValue", f"The value NaN for parameter {place}.{member} is invalid.")
        if abs(value) > GREATEST:
            raise _wrong(member, f"{name} has the value {value}, which is no number from -2^360 to 2^360")
    if statistics := datum.get("StatisticValues"):
        _consistent(name, statistics)
    at = datum["Timestamp"].timestamp() if "Timestamp" in datum else now
    if not now - PAST <= at <= now + FUTURE:
        raise _wrong("Timestamp", f"{name} is of {clock.iso(at)}: two weeks ago to two hours from now are taken")
    return datum, at


def _plain(text: str) -> None:
    """Refuses what no client can show, and what would keep a database from taking everybody's metrics."""
    if _CONTROL.search(text):
        raise WireError("InvalidParameterValue", f"The name {text!r} has control characters. Leave them out.")


def _numbers(datum: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The values of a datum, each with the member that it stands in."""
    if "Value" in datum:
        yield "Value", datum["Value"]
    for value in datum.get("Values", ()):
        yield "Values", value
    for name, value in datum.get("StatisticValues", {}).items():
        yield f"StatisticValues.{name}", value


def _consistent(name: str, statistics: Mapping[str, float]) -> None:
    least, greatest, count = statistics["Minimum"], statistics["Maximum"], statistics["SampleCount"]
    slack = 1e-9 * max(abs(statistics["Sum"]), 1.0)
    if count <= 0 or least > greatest or not least * count - slack <= statistics["Sum"] <= greatest * count + slack:
        text = f"those of {name} are of no values: Sum lies between SampleCount times Minimum and Maximum"
        raise _wrong("StatisticValues", text)


def _wrong(member: str, why: str) -> WireError:
    return WireError("InvalidParameterValue", f"The value for parameter {member} is invalid: {why}.")
