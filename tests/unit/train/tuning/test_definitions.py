"""Training job definitions, as requests give them."""

from __future__ import annotations

from typing import Any

import pytest

from potager.train.tuning import definitions

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
KMEANS = "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1"
PYTHON = "000000000000.dkr.ecr.us-east-1.amazonaws.com/python:3.11"


def definition(image: str, algorithm: dict[str, Any] | None = None, **members: Any) -> definitions.Definition:
    given = {"AlgorithmSpecification": {"TrainingImage": image, **(algorithm or {})}, **members}
    return definitions.Definition("one", {}, {}, given)


@pytest.mark.parametrize("image", [XGBOOST, KMEANS])
def test_an_algorithm_is_tuned_where_no_program_is_named(image: str) -> None:
    one = definition(image, StaticHyperParameters={"num_round": "3"}, Environment={"GREETING": "hello"})
    assert one.builtin == one.image
    assert one.builtin is not None


@pytest.mark.parametrize(
    "named",
    [
        {"StaticHyperParameters": {"sagemaker_program": '"train.py"'}},
        {"StaticHyperParameters": {"sagemaker_submit_directory": '"s3://b/source.tar.gz"'}},
        {"Environment": {"SAGEMAKER_PROGRAM": "train.py"}},
        {"Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/input/data/code"}},
        {"algorithm": {"ContainerEntrypoint": ["python", "train.py"]}},
    ],
)
def test_a_program_is_tuned_however_it_is_named(named: dict[str, Any]) -> None:
    assert definition(XGBOOST, **named).builtin is None


def test_an_image_without_an_algorithm_and_one_of_somebody_else_s_have_none() -> None:
    assert definition(PYTHON).builtin is None
    assert definition("example.com/mine:1").builtin is None
