import pytest

from potager.kernel.errors import Invalid
from potager.train import metrics


def test_the_last_value_of_each_metric_counts() -> None:
    definitions = metrics.compiled(
        [
            {"Name": "loss", "Regex": r"loss=(\S+)"},
            {"Name": "auc", "Regex": r"auc=([0-9.]+)"},
            {"Name": "no", "Regex": "x"},
        ]
    )
    events = [(1000, "loss=0.9 auc=0.5"), (2000, "loss=0.4"), (3000, "loss=soon")]
    assert metrics.final(definitions, events) == [
        {"MetricName": "loss", "Value": 0.4, "Timestamp": 2.0},
        {"MetricName": "auc", "Value": 0.5, "Timestamp": 1.0},
    ]


def test_a_regular_expression_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="broken"):
        metrics.compiled([{"Name": "broken", "Regex": "("}])
