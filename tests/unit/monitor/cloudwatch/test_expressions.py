"""Metric math: what expressions give, and how those that cannot be are refused."""

from __future__ import annotations

import pytest

from potager.kernel.errors import Invalid, Unserved
from potager.monitor.cloudwatch.expressions import Scene, Value, read, value

M1 = {0.0: 1.0, 60.0: 2.0, 120.0: 6.0}
M2 = {0.0: 10.0, 120.0: 0.0}
SCENE = Scene({"m1": M1, "m2": M2}, {"m1": 60, "m2": 60}, ["m1", "m2"], [0.0, 60.0, 120.0, 180.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5.0),
        ("-(2 ^ 3) ^ 2", -64.0),
        ("2 > 1 && 1 >= 2 || 1 != 2", 1.0),
        ("m1 * 2", {0.0: 2.0, 60.0: 4.0, 120.0: 12.0}),
        ("m1 + m2", {0.0: 11.0, 120.0: 6.0}),
        ("m1 / m2", {0.0: 0.1}),
        ("SUM(m1)", 9.0),
        ("avg(m1) + MAX(m1) - MIN(m1)", 8.0),
        ("SUM([m1, m2])", {0.0: 11.0, 60.0: 2.0, 120.0: 6.0}),
        ("SUM(METRICS()) / PERIOD(m1)", {0.0: 11 / 60, 60.0: 2 / 60, 120.0: 0.1}),
        ("METRIC_COUNT(METRICS())", 2.0),
        ("FILL(m2, 7)", {0.0: 10.0, 60.0: 7.0, 120.0: 0.0, 180.0: 7.0}),
        ("FILL(m2, REPEAT)", {0.0: 10.0, 60.0: 10.0, 120.0: 0.0, 180.0: 0.0}),
        ("FILL(m2, LINEAR)", {0.0: 10.0, 60.0: 5.0, 120.0: 0.0}),
        ("FILL(m2, m1)", {0.0: 10.0, 60.0: 2.0, 120.0: 0.0}),
        ("IF(m1 > 1, m1, 0)", {0.0: 0.0, 60.0: 2.0, 120.0: 6.0}),
        ("IF(m1 > 1, m1)", {60.0: 2.0, 120.0: 6.0}),
        ("RATE(m1)", {60.0: 1 / 60, 120.0: 4 / 60}),
        ("DIFF(m1)", {60.0: 1.0, 120.0: 4.0}),
        ("RUNNING_SUM(m1)", {0.0: 1.0, 60.0: 3.0, 120.0: 9.0}),
        ("ABS(0 - m1)", M1),
        ("CEIL(1.2) + FLOOR(1.8) + LOG10(100)", 5.0),
        ("TIME_SERIES(3)", dict.fromkeys((0.0, 60.0, 120.0, 180.0), 3.0)),
        ("STDDEV([m1, m1])", {0.0: 0.0, 60.0: 0.0, 120.0: 0.0}),
    ],
)
def test_expressions(text: str, expected: Value) -> None:
    assert value(read(text), SCENE) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "m1 m2",
        "(m1",
        "[m1",
        "SUM()",
        "m1 $ 2",
        "[m1] + [m2]",
        "m9",
        "SUM(m1, m2)",
        "(" * 60 + "1",
        "1" + "+1" * 1000,
    ],
)
def test_what_cannot_be_read_or_reckoned_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        value(read(text), SCENE)


@pytest.mark.parametrize("text", ["SEARCH('{AWS/SageMaker}', 'Sum')", "ANOMALY_DETECTION_BAND(m1)", "SELECT AVG(x)"])
def test_what_is_not_served_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(Unserved, match=text[:6]):
        read(text)


def test_a_row_of_as_many_operators_as_may_be_is_reckoned() -> None:
    tree = read("m1" + " + m1" * 200)
    assert tree.ids() == {"m1"}
    assert value(tree, SCENE) == {at: 201 * each for at, each in M1.items()}


def test_an_expression_says_which_queries_it_names() -> None:
    assert read("FILL(m1, REPEAT) + SUM([m2, e1])").ids() == {"m1", "m2", "e1"}
