"""Metrics read out of a job's log lines by regular expressions, as `FinalMetricDataList` gives them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from potager.kernel.errors import Invalid


def compiled(definitions: Sequence[Mapping[str, str]]) -> list[tuple[str, re.Pattern[str]]]:
    """Definitions (`Name`, `Regex`) ready for use; `Invalid` names one that is no regular expression."""
    return [(item["Name"], _compile(item)) for item in definitions]


def _compile(definition: Mapping[str, str]) -> re.Pattern[str]:
    try:
        return re.compile(definition["Regex"])
    except re.error as error:
        name, regex = definition["Name"], definition["Regex"]
        message = f"Metric definition '{name}' has an invalid regular expression '{regex}': {error}."
        raise Invalid(message) from error


def final(
    definitions: Sequence[tuple[str, re.Pattern[str]]], events: Iterable[tuple[int, str]]
) -> list[dict[str, Any]]:
    """The last value of each metric.

    Parameters
    ----------
    definitions : name and regular expression, whose first group is the value.
    events : timestamp (milliseconds) and text of each log line, oldest first.

    Returns
    -------
    `MetricName`, `Value` and `Timestamp` (seconds since 1970) for each metric seen, in the order of `definitions`.
    """
    last: dict[str, tuple[float, float]] = {}
    for at, text in events:
        for name, regex in definitions:
            if found := regex.search(text):
                value = _number(found)
                if value is not None:
                    last[name] = (value, at / 1000)
    return [
        {"MetricName": name, "Value": last[name][0], "Timestamp": last[name][1]}
        for name, _ in definitions
        if name in last
    ]


def _number(found: re.Match[str]) -> float | None:
    try:
        return float(found.group(1) if found.re.groups else found.group())
    except (TypeError, ValueError):
        return None
