"""What a child keeps of its parents' training jobs."""

from __future__ import annotations

from typing import Any

from potager.store.rows import Row
from potager.train.tuning import parents


def test_a_prior_names_the_tuning_job_that_it_comes_from() -> None:
    doc: dict[str, Any] = {
        "_definition": 0,
        "_tuned": {"x": "1"},
        "_objective": {"Type": "Maximize", "MetricName": "auc"},
        "HyperParameters": {"x": "1", "epochs": "3", "_tuning_objective_metric": "auc"},
        "FinalMetricDataList": [{"MetricName": "auc", "Value": 0.5}],
    }
    row = Row("training-job", "0", "r", "parent-001-0", "arn", "Completed", doc, 0.0, 0.0, 1)
    assert parents._prior("parent", row, 2) == {
        "definition": 2,
        "values": {"x": "1", "epochs": "3"},
        "state": "done",
        "value": 0.5,
        "job": "parent",
    }
