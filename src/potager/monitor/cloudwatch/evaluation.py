"""What state an alarm is in, by its datapoints. Pure.

The newest `periods` datapoints that there are within the evaluation range count; where there are fewer, those that are
missing are treated as the alarm says.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
STATES = (OK, ALARM, INSUFFICIENT)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
EXTRA = 2
"""Periods before those of an evaluation in which datapoints are looked for as well."""
COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alarm is one.

    Parameters
    ----------
    needed : of `periods` datapoints that must be breaching.
    missing : one of `TREATMENTS`.
    """

    comparison: str
    threshold: float
    periods: int
    needed: int
    missing: str = "missing"

    def breaching(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


def state(rule: Rule, values: Sequence[float | None], present: str) -> str:
    """The state that follows.

    Parameters
    ----------
    values : a datapoint a period, None for those that are missing, the newest last: `rule.periods` and `EXTRA` more.
    present : the state so far.
    """
    there = [rule.breaching(value) for value in values if value is not None][-rule.periods :]
    breaching, lacking = sum(there), rule.periods - len(there)
    if not lacking or rule.missing in ("breaching", "notBreaching"):
        breaching += lacking if rule.missing == "breaching" else 0
        return ALARM if breaching >= rule.needed else OK
    if breaching >= rule.needed:
        return ALARM
    if not there:
        return present if rule.missing == "ignore" else INSUFFICIENT
    if not all(there):
        return OK
    if rule.missing == "missing" and _oldest(values) >= rule.needed:
        return ALARM  # all that is known is breaching, and was for long enough
    return present


def _oldest(values: Sequence[float | None]) -> int:
    """How many periods ago the first datapoint was, 1 for the newest period."""
    return next(len(values) - place for place, value in enumerate(values) if value is not None)
