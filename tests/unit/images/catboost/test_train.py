"""Training with catboost: the same trees as the library called directly, and what AWS's interface adds to it."""

from __future__ import annotations

import json
import re
from typing import Any

import catboost
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from potager.images.catboost import METRICS, OBJECTIVES
from potager.images.catboost.hyperparameters import CATALOGUE
from tests.unit.images.jobs import Job

_DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.009,
    "bootstrap_type": "Bayesian",
    "sampling_frequency": "PerTreeLevel",
    "random_seed": 1,
    "thread_count": 1,
    "allow_writing_files": False,
    "verbose": 0,
}


def _directly(
    x: Any, y: np.ndarray, held_x: Any, held_y: np.ndarray, kind: str = "Probability", cats: Any = None, **given: Any
) -> np.ndarray:
    """What CatBoost answers for the rows held back, with AWS's defaults and its own early stopping."""
    model = catboost.CatBoost({"iterations": 40, **_DEFAULTS, **given})
    pools = [catboost.Pool(a, b, cat_features=cats) for a, b in ((x, y), (held_x, held_y))]
    model.fit(pools[0], eval_set=pools[1], early_stopping_rounds=5)
    return np.asarray(model.predict(pools[1], prediction_type=kind))


def _csv(rows: np.ndarray) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def _answers(job: Job, rows: np.ndarray, accept: str = "") -> dict[str, Any]:
    return json.loads(job.predictor.predict(_csv(rows), "text/csv", accept)[0])


def _halves(bunch: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y = bunch.data.astype(np.float32), bunch.target.astype(float)
    held = np.arange(len(x)) % 4 == 0
    return x[~held], y[~held], x[held], y[held]


def test_two_classes_are_predicted_as_by_the_library(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_breast_cancer())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(thread_count="1", iterations="40")
    expected = _directly(x, y.astype(int), held_x, held_y.astype(int), loss_function="Logloss", eval_metric="AUC")
    assert np.array_equal(_answers(job, held_x)["probabilities"], expected)


def test_several_classes_are_predicted_as_by_the_library(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_iris())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(thread_count="1", iterations="40")
    expected = _directly(x, y.astype(int), held_x, held_y.astype(int), loss_function="MultiClass")
    assert np.array_equal(_answers(job, held_x)["probabilities"], expected)


def test_numbers_are_predicted_as_by_the_library(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_diabetes())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(thread_count="1", iterations="40")
    expected = _directly(x, y, held_x, held_y, "RawFormulaVal", loss_function="RMSE")
    assert np.array_equal(_answers(job, held_x)["prediction"], expected)


def _coloured() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(3)
    colours = random.choice(["red", "green", "blue", "10"], 400)
    numbers = random.normal(size=400).astype(np.float32)
    labels = ((colours == "red") ^ (numbers > 1)).astype(int)
    return pd.DataFrame({0: numbers, 1: colours}), labels


def test_categories_are_words_and_the_trees_those_of_the_library(job: Job) -> None:
    frame, labels = _coloured()
    table = pd.concat([pd.Series(labels), frame], axis=1).to_csv(header=False, index=False)
    job.channel("train", table, "data.csv").channel("train", '{"cat_index_list": [2]}', "categorical_index.json")
    job.channel("validation", table).run(thread_count="1", iterations="40", learning_rate="0.3")
    expected = _directly(
        *(frame, labels, frame, labels), cats=[1], loss_function="Logloss", eval_metric="AUC", learning_rate=0.3
    )
    body, _ = job.predictor.predict(frame.to_csv(header=False, index=False).encode(), "text/csv", "")
    assert np.allclose(json.loads(body)["probabilities"], expected, rtol=0, atol=1e-12)


def test_gaps_and_categories_never_seen_are_answered(job: Job) -> None:
    frame, labels = _coloured()
    frame.loc[::7, 1] = None
    frame.loc[::5, 0] = None
    table = pd.concat([pd.Series(labels), frame], axis=1).to_csv(header=False, index=False)
    job.channel("train", table, "data.csv").channel("train", '{"cat_index_list": [2]}', "categorical_index.json")
    job.channel("validation", "1,0.5,mauve\n0,,\n1,0.1,red\n")
    job.run(iterations="30", learning_rate="0.3", early_stopping_rounds="0")
    body, _ = job.predictor.predict(b"0.5,red\n,\n0.5,mauve\n0.5,10.0\n", "text/csv", "")
    chances = [row[1] for row in json.loads(body)["probabilities"]]
    assert chances[0] > max(chances[2:])
    rows = b'{"instances": [[0.5, "red"], [null, null], [0.5, "mauve"], [0.5, 10]]}'
    assert job.predictor.predict(rows, "application/json", "")[0] == body


def test_the_line_that_aws_reads_has_the_value_of_the_model_kept(job: Job) -> None:
    x, y, held_x, held_y = _halves(load_diabetes())
    job.rows("train", x, y).rows("validation", held_x, held_y).run(learning_rate="0.5")
    error = np.sqrt(np.mean((np.array(_answers(job, held_x)["prediction"]) - held_y) ** 2))
    assert job.metric(r"bestTest = ([0-9\.]+)") == [pytest.approx(error)]
    assert job.metric(dict(METRICS)["RMSE"]) == [pytest.approx(error)]


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize("data", [load_breast_cancer, load_iris, load_diabetes])
def test_every_policy_trains_every_kind_with_aws_defaults(job: Job, policy: str, data: Any) -> None:
    bunch = data()
    job.rows("train", bunch.data, bunch.target).run(grow_policy=policy, iterations="8", verbose="8")
    assert "Verdict on fit" in job.log


@pytest.mark.parametrize("metric", ["Logloss", "Precision", "Recall", "F1", "Accuracy", "BalancedAccuracy"])
def test_every_metric_of_two_classes_is_measured(job: Job, metric: str) -> None:
    bunch = load_breast_cancer()
    job.rows("train", bunch.data, bunch.target).run(eval_metric=metric, iterations="5")
    assert len(job.metric(dict(METRICS)[metric])) == 1


@pytest.mark.parametrize("metric", ["MAE", "MedianAbsoluteError", "R2"])
def test_every_metric_of_numbers_is_measured(job: Job, metric: str) -> None:
    bunch = load_diabetes()
    job.rows("train", bunch.data, bunch.target).run(eval_metric=metric, iterations="5")
    assert len(job.metric(dict(METRICS)[metric])) == 1


def test_a_metric_of_another_kind_is_refused(job: Job) -> None:
    bunch = load_iris()
    message = job.rows("train", bunch.data, bunch.target).refusal(eval_metric="RMSE", objective="classification")
    assert "which is measured by MultiClass, Accuracy" in message


def test_ordered_boosting_with_a_policy_that_has_none_is_refused(job: Job) -> None:
    bunch = load_iris()
    job.rows("train", bunch.data, bunch.target)
    assert "CatBoost refuses" in job.refusal(boosting_type="Ordered", grow_policy="Lossguide")


def test_a_tuner_knows_every_metric_and_its_direction() -> None:
    words = CATALOGUE.get("eval_metric")
    assert words is not None
    assert set(OBJECTIVES) == {name for name, _ in METRICS} == set(words.words) - {"auto"}
    assert OBJECTIVES["AUC"] == OBJECTIVES["R2"] == "Maximize"
    assert OBJECTIVES["Logloss"] == OBJECTIVES["MultiClass"] == "Minimize"
    line = "Best iteration: 3\tvalidation's BalancedAccuracy: 0.25"
    assert [name for name, regex in METRICS if re.search(regex, line)] == ["BalancedAccuracy"]
