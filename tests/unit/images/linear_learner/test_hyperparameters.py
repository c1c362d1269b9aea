"""The table of hyperparameters, the reader that obeys it, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from potager.images.algorithm.errors import ClientError
from potager.images.linear_learner.hyperparameters import CATALOGUE
from potager.images.linear_learner.settings import Settings, settle

KIND = {"predictor_type": "regressor"}
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "linear-learner.md"


def test_the_reference_page_holds_the_catalogue_as_it_is():
    assert CATALOGUE.reference_table() in PAGE.read_text(encoding="utf-8")


def test_every_parameter_of_the_catalogue_is_a_setting():
    settings = Settings.__dataclass_fields__.keys() - {"criterion_given", "seed"}
    assert settings == {parameter.name for parameter in CATALOGUE.parameters}


def test_defaults_are_those_that_aws_documents():
    values = CATALOGUE.read(KIND)
    assert values["mini_batch_size"] == 1000
    assert values["epochs"] == 15
    assert values["early_stopping_patience"] == 3
    assert values["early_stopping_tolerance"] == 0.001
    assert values["target_recall"] == values["target_precision"] == 0.8
    assert values["num_models"] == values["wd"] == values["l1"] == values["learning_rate"] == "auto"
    assert values["binary_classifier_model_selection_criteria"] == "accuracy"


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("epochs", "0", "integer in [1, inf)"),
        ("epochs", "1.5", "integer in [1, inf)"),
        ("epochs", "many", "integer in [1, inf)"),
        ("wd", "-0.1", "auto or number in [0, inf)"),
        ("learning_rate", "0", "auto or number in (0, inf)"),
        ("quantile", "1", "number in (0, 1)"),
        ("momentum", "1", "auto or number in [0, 1)"),
        ("wd", "nan", "auto or number in [0, inf)"),
        ("use_bias", "perhaps", "true or false"),
        ("optimizer", "newton", "auto, adam, sgd or rmsprop"),
        ("positive_example_weight_mult", "-1", "balanced, auto or number in (0, inf)"),
        ("num_classes", "2000000", "integer in [1, 1000000]"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_name_value_and_range(name: str, text: str, allowed: str):
    with pytest.raises(ClientError) as error:
        CATALOGUE.read(KIND | {name: text})
    assert f"'{name}' is '{text}'" in str(error.value)
    assert allowed in str(error.value)


def test_an_unknown_name_is_refused_and_the_known_ones_are_told():
    with pytest.raises(ClientError, match=r"Unknown hyperparameter 'epoch'.*epochs"):
        CATALOGUE.read(KIND | {"epoch": "3"})


def test_the_platforms_own_names_are_left_out():
    assert "_kvstore" not in CATALOGUE.read(KIND | {"_kvstore": "auto", "sagemaker_program": '"train.py"'})


@pytest.mark.parametrize(("text", "value"), [('"3"', 3), ("3", 3), ("3.0", 3), (" 3 ", 3), ("1e1", 10)])
def test_numbers_may_be_quoted_as_json(text: str, value: int):
    assert CATALOGUE.read(KIND | {"epochs": text})["epochs"] == value


@pytest.mark.parametrize("text", ["True", "true", '"true"', "1"])
def test_flags_are_read_as_the_sdk_spells_them(text: str):
    assert CATALOGUE.read(KIND | {"use_bias": text})["use_bias"] is True


@runs(deadline=None)  # the machine may be busy
@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str):
    for parameter in CATALOGUE.parameters:
        try:
            CATALOGUE.read(KIND | {parameter.name: text})
        except ClientError as error:
            assert parameter.name in str(error)


def test_a_missing_predictor_type_is_asked_for():
    with pytest.raises(ClientError, match="'predictor_type' is missing"):
        settle({})


def test_a_multiclass_classifier_needs_num_classes():
    with pytest.raises(ClientError, match="'num_classes' is missing"):
        settle({"predictor_type": "multiclass_classifier"})
    with pytest.raises(ClientError, match="binary_classifier"):
        settle({"predictor_type": "multiclass_classifier", "num_classes": "2"})


def test_a_loss_of_another_predictor_type_is_refused():
    with pytest.raises(ClientError, match=r"'loss' is 'hinge_loss', but a regressor can use auto or squared_loss"):
        settle({"predictor_type": "regressor", "loss": "hinge_loss"})


def test_auto_becomes_the_loss_of_the_predictor_type():
    assert settle({"predictor_type": "regressor"}).loss == "squared_loss"
    assert settle({"predictor_type": "binary_classifier"}).loss == "logistic"
    assert settle({"predictor_type": "multiclass_classifier", "num_classes": "3"}).loss == "softmax_loss"


def test_nothing_is_shifted_without_a_bias():
    settings = settle({"predictor_type": "regressor", "use_bias": "false", "unbias_data": "true"})
    assert not settings.unbias_data
    assert not settings.unbias_label


def test_f1_is_f_beta_with_beta_one():
    criterion = {"binary_classifier_model_selection_criteria": "f1", "f_beta": "3"}
    settings = settle({"predictor_type": "binary_classifier", **criterion})
    assert settings.binary_classifier_model_selection_criteria == "f_beta"
    assert settings.f_beta == 1.0


def test_a_tuner_trains_one_model_whatever_num_models_says():
    given_by_tuner = {"_tuning_objective_metric": "test:mse", "num_models": "8"}
    assert settle({"predictor_type": "regressor", **given_by_tuner}).num_models == 1
