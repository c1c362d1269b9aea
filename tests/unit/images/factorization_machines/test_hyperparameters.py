"""The table of hyperparameters, what they ask of one another, and the page that shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potager.images.algorithm.errors import ClientError
from potager.images.factorization_machines.hyperparameters import CATALOGUE
from potager.images.factorization_machines.settings import settle

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "factorization-machines.md"
GIVEN = {"feature_dim": "4", "num_factors": "3", "predictor_type": "regressor"}


def test_the_reference_page_holds_the_catalogue_as_it_is():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_defaults_are_those_that_aws_documents():
    settings = settle(GIVEN)
    assert (settings.mini_batch_size, settings.epochs) == (1000, 1)
    assert [term.lr for term in (settings.bias, settings.linear, settings.factors)] == [0.1, 0.001, 0.0001]
    assert [term.wd for term in (settings.bias, settings.linear, settings.factors)] == [0.01, 0.001, 0.00001]
    assert [term.init_sigma for term in (settings.bias, settings.linear, settings.factors)] == [0.01, 0.01, 0.001]
    assert {term.init_method for term in (settings.bias, settings.linear, settings.factors)} == {"normal"}


@pytest.mark.parametrize("name", GIVEN)
def test_what_aws_requires_is_asked_for(name: str):
    with pytest.raises(ClientError, match=f"'{name}' is missing"):
        settle({key: value for key, value in GIVEN.items() if key != name})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num_factors": "0"}, "'num_factors' is '0', but must be integer in"),
        ({"predictor_type": "classifier"}, "must be binary_classifier or regressor"),
        ({"factors_lr": "-1"}, "'factors_lr' is '-1', but must be number in"),
        ({"linear_init_method": "zero"}, "must be uniform, normal or constant"),
        ({"bias_init_method": "constant"}, "'bias_init_value' is missing: bias_init_method constant needs it"),
        ({"factors_init_method": "uniform"}, "'factors_init_scale' is missing"),
        ({"epoch": "3"}, "Unknown hyperparameter 'epoch'"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, str], words: str):
    with pytest.raises(ClientError, match=words):
        settle(GIVEN | given)


@pytest.mark.parametrize(
    ("given", "check"),
    [
        ({"linear_init_sigma": "2"}, lambda drawn: abs(drawn.std() - 2) < 0.1 and abs(drawn.mean()) < 0.1),
        (
            {"linear_init_method": "uniform", "linear_init_scale": "3"},
            lambda drawn: drawn.min() < -2.9 and 2.9 < drawn.max() <= 3 and abs(drawn.mean()) < 0.1,
        ),
        ({"linear_init_method": "constant", "linear_init_value": "-7"}, lambda drawn: (drawn == -7).all()),
    ],
)
def test_a_term_begins_as_it_is_told(given: dict[str, str], check):
    drawn = settle(GIVEN | given).linear.begin((5000,), np.random.default_rng(0))
    assert check(drawn)
