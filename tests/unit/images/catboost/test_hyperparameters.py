"""The catalogue: AWS's defaults, what excludes what, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.catboost.hyperparameters import CATALOGUE

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "catboost.md"


def test_the_reference_page_holds_the_catalogue_as_it_is() -> None:
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_defaults_are_those_that_aws_documents() -> None:
    values = CATALOGUE.read({})
    assert (values["iterations"], values["early_stopping_rounds"], values["depth"]) == (500, 5, 6)
    assert (values["learning_rate"], values["l2_leaf_reg"], values["max_bin"]) == (0.009, 3, "Auto")
    assert (values["sampling_frequency"], values["thread_count"]) == ("PerTreeLevel", -1)
    assert (values["max_leaves"], values["rsm"], values["min_data_in_leaf"], values["verbose"]) == (31, 1, 1, 1)
    assert (values["bagging_temperature"], values["scale_pos_weight"]) == (1, 1)
    assert (values["boosting_type"], values["grow_policy"]) == ("Auto", "SymmetricTree")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"depth": "17"}, "'depth' is '17'"),
        ({"max_bin": "65536"}, "'max_bin' is '65536'"),
        ({"learning_rate": "0"}, "'learning_rate' is '0'"),
        ({"eval_metric": "rmse"}, "'eval_metric' is 'rmse'"),
        ({"thread_count": "0"}, "'thread_count' is 0. Set it to 1 or more"),
        ({"num_leaves": "3"}, "Unknown hyperparameter 'num_leaves'"),
    ],
)
def test_values_that_cannot_be_are_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        CATALOGUE.read(given)
