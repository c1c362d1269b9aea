"""What a tuning job may aim at."""

from __future__ import annotations

from typing import Any

import pytest

from potager.kernel.errors import Invalid
from potager.train.tuning.checking import check_objective
from potager.train.tuning.definitions import Definition

AUC = {"Name": "auc", "Regex": r"auc: ([0-9\.]+)"}


def definition(repository: str, metric: str, *metrics: dict[str, str], goal: str = "Maximize") -> Definition:
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{repository}:1"
    given: dict[str, Any] = {"AlgorithmSpecification": {"TrainingImage": uri, "TrainingInputMode": "File"}}
    given["AlgorithmSpecification"] |= {"MetricDefinitions": list(metrics)} if metrics else {}
    return Definition("", {"MetricName": metric, "Type": goal}, {}, given)


@pytest.mark.parametrize("repository", ["lightgbm", "catboost"])
def test_an_algorithm_of_jumpstarts_may_bring_metrics_for_it_is_a_script_on_aws(repository: str) -> None:
    check_objective(definition(repository, "auc", AUC))
    check_objective(definition(repository, "auc", AUC, goal="Minimize"))
    with pytest.raises(Invalid, match="There is none named 'rmse'"):
        check_objective(definition(repository, "rmse", AUC))


def test_without_definitions_its_own_metrics_hold() -> None:
    check_objective(definition("lightgbm", "auc"))
    with pytest.raises(Invalid, match="It is Maximize"):
        check_objective(definition("lightgbm", "auc", goal="Minimize"))


def test_an_image_of_aws_s_takes_none() -> None:
    with pytest.raises(Invalid, match="You can't override the metric definitions"):
        check_objective(definition("linear-learner", "auc", AUC))
