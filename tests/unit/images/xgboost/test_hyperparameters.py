"""The catalogue, the page that shows it, and what a tuner reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from potager.compute import catalog
from potager.images.algorithm.errors import ClientError
from potager.images.xgboost import METRICS, OBJECTIVES
from potager.images.xgboost.hyperparameters import CATALOGUE, CONTAINER, NATIVE, PASSED_OVER
from potager.images.xgboost.settings import settle

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "xgboost.md"

# https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost_hyperparameters.html
AWS = [
    "alpha",
    "base_score",
    "booster",
    "colsample_bylevel",
    "colsample_bynode",
    "colsample_bytree",
    "csv_weights",
    "deterministic_histogram",
    "early_stopping_rounds",
    "eta",
    "eval_metric",
    "gamma",
    "grow_policy",
    "interaction_constraints",
    "lambda",
    "lambda_bias",
    "max_bin",
    "max_delta_step",
    "max_depth",
    "max_leaves",
    "min_child_weight",
    "monotone_constraints",
    "normalize_type",
    "nthread",
    "num_class",
    "num_round",
    "objective",
    "one_drop",
    "process_type",
    "rate_drop",
    "refresh_leaf",
    "sample_type",
    "scale_pos_weight",
    "seed",
    "silent",
    "single_precision_histogram",
    "sketch_eps",
    "skip_drop",
    "subsample",
    "tree_method",
    "tweedie_variance_power",
    "updater",
    "use_dask_gpu_training",
    "verbosity",
]


def test_the_reference_page_has_the_catalogue_and_every_metric() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert CATALOGUE.reference_table() in page
    assert all(f"`{name}`" in page for name in (*NATIVE, *CONTAINER))


def test_every_hyperparameter_of_awss_page_is_known() -> None:
    assert [name for name in AWS if CATALOGUE.get(name) is None] == []
    assert all(CATALOGUE.get(name) for name in PASSED_OVER)


def test_what_may_be_tuned_is_what_aws_recommends() -> None:
    tunable = {one.name: (one.tunable.low, one.tunable.high) for one in CATALOGUE.parameters if one.tunable}
    assert tunable == {
        "alpha": (0, 1000),
        "colsample_bylevel": (0.1, 1),
        "colsample_bynode": (0.1, 1),
        "colsample_bytree": (0.5, 1),
        "eta": (0.1, 0.5),
        "gamma": (0, 5),
        "lambda": (0, 1000),
        "max_delta_step": (0, 10),
        "max_depth": (0, 10),
        "min_child_weight": (0, 120),
        "num_round": (1, 4000),
        "subsample": (0.5, 1),
    }


def test_the_tuner_finds_the_catalogue_and_the_objectives_under_both_names() -> None:
    for repository in ("xgboost", "sagemaker-xgboost"):
        image = catalog.find(f"{repository}:1.7-1")
        assert image is not None
        assert image.catalogue() is CATALOGUE
        assert image.objectives["validation:auc"] == "Maximize"
        assert image.objectives["validation:rmse"] == "Minimize"
    assert set(OBJECTIVES) <= {name for name, _ in METRICS}


def test_xgboost_is_told_what_was_given_and_nothing_else() -> None:
    given = {"num_round": "3", "eta": '"0.2"', "one_drop": "1", "csv_weights": "1", "sketch_eps": "0.1"}
    settings = settle(given | {"objective": "reg:linear", "eval_metric": "['mae', 'f1', 'mae']"})
    assert settings.params == {"eta": 0.2, "one_drop": 1, "objective": "reg:squarederror"}
    assert (settings.rounds, settings.weights) == (3, True)
    assert (settings.metrics, settings.own) == (("mae",), ("f1",))


def test_constraints_are_read_as_the_sdk_and_as_xgboost_spell_them() -> None:
    given = {"num_round": "1", "monotone_constraints": "[1, 0, -1]", "interaction_constraints": "((0, 1), (2, ))"}
    params = settle(given).params
    assert (params["monotone_constraints"], params["interaction_constraints"]) == ((1, 0, -1), "[[0, 1], [2]]")


@runs(deadline=None)  # the machine may be busy
@given(st.sampled_from([one.name for one in CATALOGUE.parameters]), st.text(max_size=20))
def test_no_text_breaks_the_reader(name: str, text: str) -> None:
    try:
        settle({"num_round": "1", name: text})
    except ClientError as error:
        assert str(error)


@pytest.mark.parametrize("text", ["validation:rmse", '"validation:rmse"'])
def test_a_tuning_jobs_metric_is_printed_last_and_watched(text: str) -> None:
    settings = settle({"num_round": "1", "eval_metric": "rmse,mae", "_tuning_objective_metric": text})
    assert (settings.metrics, settings.watched, settings.maximized) == (("mae", "rmse"), "rmse", False)
