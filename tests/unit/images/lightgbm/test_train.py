"""Training with lightgbm: the same trees as the library called directly, and what AWS's interface adds to it."""

from __future__ import annotations

import json
import re
from typing import Any

import lightgbm
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from potager.images.lightgbm import METRICS, OBJECTIVES
from potager.images.lightgbm.hyperparameters import CATALOGUE
from tests.unit.images.jobs import Job

_DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.1,
    "num_leaves": 64,
    "feature_fraction": 0.9,
    "bagging_fraction": 0.9,
    "bagging_freq": 1,
    "max_depth": 6,
    "min_data_in_leaf": 3,
    "verbosity": -1,
    "num_threads": 1,
}


def _directly(
    x: np.ndarray, y: np.ndarray, held_x: np.ndarray, held_y: np.ndarray, rounds: int = 100, **given: Any
) -> np.ndarray:
    """What LightGBM answers for the rows held back, with AWS's defaults and its own early stopping."""
    train = lightgbm.Dataset(x, y)
    booster = lightgbm.train(
        _DEFAULTS | given,
        train,
        rounds,
        valid_sets=[lightgbm.Dataset(held_x, held_y, reference=train)],
        callbacks=[lightgbm.early_stopping(10, verbose=False)],
    )
    return np.asarray(booster.predict(held_x, num_iteration=booster.best_iteration))


def _csv(rows: np.ndarray) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def _answers(job: Job, rows: np.ndarray, accept: str = "") -> dict[str, Any]:
    body, kind = job.predictor.predict(_csv(rows), "text/csv", accept)
    assert kind == "application/json"
    return json.loads(body)


def _halves(bunch: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y = bunch.data.astype(np.float32), bunch.target.astype(float)
    held = np.arange(len(x)) % 4 == 0
    return x[~held], y[~held], x[held], y[held]


def test_two_classes_are_predicted_as_by_the_library(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_breast_cancer())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(num_threads="1", verbosity="-1")
    expected = _directly(x, y, held_x, held_y, objective="binary", metric="binary_logloss")
    found = np.array(_answers(job, held_x)["probabilities"])
    assert np.array_equal(found[:, 1], expected)
    assert np.array_equal(found[:, 0], 1 - expected)


def test_several_classes_are_predicted_as_by_the_library(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_iris())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(num_threads="1", verbosity="-1")
    expected = _directly(x, y, held_x, held_y, objective="multiclass", metric="multi_logloss", num_class=3)
    assert np.array_equal(_answers(job, held_x)["probabilities"], expected)


def test_numbers_are_predicted_as_by_the_library(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_diabetes())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(num_threads="1", verbosity="-1")
    expected = _directly(x, y, held_x, held_y, objective="regression", metric="rmse")
    assert np.array_equal(_answers(job, held_x)["prediction"], expected)


def test_the_last_value_printed_is_that_of_the_model_kept(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_diabetes())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(num_threads="1", learning_rate="0.5")
    printed = job.metric(dict(METRICS)["rmse"])
    error = np.array(_answers(job, held_x)["prediction"]) - held_y
    assert printed[-1] == min(printed)
    assert printed[-1] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert len(printed) < 101  # it stopped early


def test_a_fifth_is_held_back_where_there_is_no_validation(job: Job) -> None:
    bunch = load_iris()
    job.rows("training", bunch.data, bunch.target).run(num_boost_round="3")
    assert "20% of the rows are held back" in job.log
    assert len(job.metric(dict(METRICS)["multi_logloss"])) == 4


def test_one_channel_may_hold_both_tables_as_jumpstarts_does(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_iris())
    table, held = (_csv(np.column_stack([b, a])) for a, b in ((x, y), (held_x, held_y)))
    job.channel("training", table, "train/data.csv").channel("training", held, "validation/data.csv")
    job.run(num_boost_round="3")
    assert "held back" not in job.log
    assert f"Channel 'training/validation': {len(held_x)} rows" in job.log


def test_classes_are_given_back_as_they_came(job: Job) -> None:
    bunch = load_iris()
    names = [str(bunch.target_names[number]) for number in bunch.target]
    rows = "".join(f"{name},{','.join(map(str, row))}\n" for name, row in zip(names, bunch.data.tolist(), strict=True))
    job.channel("train", rows).run(num_boost_round="20")
    found = _answers(job, bunch.data, "application/json;verbose")
    assert found["labels"] == ["setosa", "versicolor", "virginica"]
    assert np.mean(np.array(found["predicted_label"]) == names) > 0.95


def test_whole_numbers_are_classes_whatever_they_are(job: Job) -> None:
    bunch = load_breast_cancer()
    job.rows("train", bunch.data, bunch.target * 10 - 5).run(num_boost_round="10")
    found = _answers(job, bunch.data, "application/json;verbose")
    assert found["labels"] == [-5, 5]
    assert set(found["predicted_label"]) == {-5, 5}


def test_the_objective_overrides_what_the_labels_look_like(job: Job) -> None:
    bunch = load_iris()
    job.rows("train", bunch.data, bunch.target).run(objective="regression", num_boost_round="5")
    assert len(_answers(job, bunch.data)["prediction"]) == 150


def test_the_metric_says_what_is_predicted(job: Job) -> None:
    bunch = load_iris()
    job.rows("train", bunch.data, bunch.target).run(metric="l2", num_boost_round="5")
    assert len(job.metric(dict(METRICS)["l2"])) == 6
    assert "prediction" in _answers(job, bunch.data)


@pytest.mark.parametrize("boosting", ["gbdt", "rf", "dart", "goss"])
def test_every_boosting_trains_with_aws_defaults(job: Job, boosting: str) -> None:
    bunch = load_breast_cancer()
    job.rows("train", bunch.data, bunch.target).run(boosting=boosting, num_boost_round="8", metric="auc")
    assert job.metric(dict(METRICS)["auc"])[-1] > 0.9


@pytest.mark.parametrize("objective", ["regression_l1", "huber", "fair", "poisson", "tweedie"])
def test_every_regression_trains(job: Job, objective: str) -> None:
    bunch = load_diabetes()
    job.rows("train", bunch.data, bunch.target).run(objective=objective, num_boost_round="8")
    assert np.isfinite(_answers(job, bunch.data)["prediction"]).all()


def test_categories_are_text_or_numbers_and_gaps_are_allowed(job: Job) -> None:
    random = np.random.default_rng(3)
    colours = random.choice(["red", "green", "blue", ""], 400)
    noise = random.normal(size=400)
    rows = "".join(
        f"{int(colour == 'red')},{'' if abs(one) < 0.1 else repr(one)},{colour}\n"
        for colour, one in zip(colours.tolist(), noise.tolist(), strict=True)
    )
    job.channel("train", rows, "data.csv").channel("train", '{"cat_index_list": [2]}', "categorical_index.json")
    job.run(num_boost_round="30")
    body, _ = job.predictor.predict(b"0.5,red\n0.5,blue\n,green\n0.5,never seen\n0.5,\n", "text/csv", "")
    chances = [row[1] for row in json.loads(body)["probabilities"]]
    assert chances[0] > 0.9
    assert max(chances[1:]) < 0.1


def test_categories_numbered_from_zero_are_those_of_the_library(job: Job) -> None:
    random = np.random.default_rng(5)
    x = np.column_stack([random.integers(0, 6, 300), random.normal(size=300)]).astype(np.float32)
    y = ((x[:, 0] % 2) + x[:, 1] > 0.5).astype(float)
    job.channel("train", '{"cat_index_list": [1]}', "categorical_index.json")
    job.rows("train", x, y).rows("validation", x, y).run(num_threads="1", verbosity="-1")
    expected = _directly(x, y, x, y, objective="binary", metric="binary_logloss", categorical_feature=[0])
    assert np.array_equal(np.array(_answers(job, x)["probabilities"])[:, 1], expected)


def test_the_artifact_is_text(job: Job) -> None:
    bunch = load_iris()
    job.rows("train", bunch.data, bunch.target).run(num_boost_round="3")
    model = job.ml / "model"
    assert (model / "model.txt").read_text().startswith("tree")
    described = json.loads((model / "model.json").read_text())
    assert (described["format"], described["kind"], described["iterations"]) == ("potager.lightgbm", "multiclass", 3)


def test_a_tuner_knows_every_metric_and_its_direction() -> None:
    assert set(OBJECTIVES) == {name for name, _ in METRICS}
    words = CATALOGUE.get("metric")
    assert words is not None
    assert set(OBJECTIVES) == set(words.words) - {"auto"}
    assert OBJECTIVES["auc"] == "Maximize"
    assert OBJECTIVES["binary_logloss"] == "Minimize"
    line = "[3]\tvalidation's multi_logloss: 0.25"
    assert [name for name, regex in METRICS if re.search(regex, line)] == ["multi_logloss"]
