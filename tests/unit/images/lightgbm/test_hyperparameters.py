"""The catalogue: AWS's defaults, what excludes what, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.lightgbm.hyperparameters import CATALOGUE

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "lightgbm.md"


def test_the_reference_page_holds_the_catalogue_as_it_is() -> None:
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_defaults_are_those_that_aws_documents() -> None:
    values = CATALOGUE.read({})
    assert (values["num_boost_round"], values["early_stopping_rounds"]) == (100, 10)
    assert (values["num_leaves"], values["max_depth"], values["min_data_in_leaf"]) == (64, 6, 3)
    assert values["learning_rate"] == 0.1
    assert values["feature_fraction"] == values["bagging_fraction"] == 0.9


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"is_unbalance": "True", "scale_pos_weight": "2"}, "exclude each other"),
        ({"use_dask": "True"}, "'use_dask' is true"),
        ({"boosting": "rf", "bagging_freq": "0"}, "needs bagging"),
        ({"learning_rate": "0"}, "'learning_rate' is '0'"),
        ({"num_leaves": "1"}, "'num_leaves' is '1'"),
        ({"metric": "ndcg"}, "'metric' is 'ndcg'"),
    ],
)
def test_values_that_cannot_be_are_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        CATALOGUE.read(given)
