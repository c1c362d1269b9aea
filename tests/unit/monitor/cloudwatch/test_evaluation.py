"""The state of an alarm, as AWS's own tables have it."""

from __future__ import annotations

import pytest

from potager.monitor.cloudwatch.evaluation import Rule, state

THREE = [
    ("0-X-X", "OK", "OK", "OK", "OK"),
    ("----0", "OK", "OK", "OK", "OK"),
    ("-----", "INSUFFICIENT_DATA", "kept", "ALARM", "OK"),
    ("0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("--X--", "ALARM", "kept", "ALARM", "OK"),
]
TWO = [
    ("0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("00X0X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("0-X--", "OK", "OK", "ALARM", "OK"),
    ("----0", "OK", "OK", "ALARM", "OK"),
    ("---X-", "ALARM", "kept", "ALARM", "OK"),
]


@pytest.mark.parametrize(("needed", "row"), [*((3, row) for row in THREE), *((2, row) for row in TWO)])
def test_missing_datapoints_are_treated_as_in_the_tables(needed: int, row: tuple[str, ...]) -> None:
    pattern, *expected = row
    values = [{"X": 9.0, "0": 0.0}.get(each) for each in pattern]
    for missing, wanted in zip(("missing", "ignore", "breaching", "notBreaching"), expected, strict=True):
        rule = Rule("GreaterThanThreshold", 5, 3, needed, missing)
        found = state(rule, values, "kept")
        assert (missing, found) == (missing, wanted)


def test_a_first_breaching_datapoint_is_too_early_for_an_alarm_of_three() -> None:
    rule = Rule("GreaterThanThreshold", 5, 3, 3)
    assert state(rule, [None, None, None, None, 9], "INSUFFICIENT_DATA") == "INSUFFICIENT_DATA"
    assert state(rule, [None, None, None, 9, 9], "OK") == "OK"
    assert state(rule, [None, None, 9, 9, 9], "OK") == "ALARM"


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("GreaterThanThreshold", [False, False, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_comparisons(comparison: str, expected: list[bool]) -> None:
    rule = Rule(comparison, 5, 1, 1)
    assert [rule.breaching(value) for value in (4, 5, 6)] == expected
