"""What a model makes of each feature, told by the algorithms themselves."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potager.images import evaluation
from tests.unit.images.jobs import Job

GIVEN = {
    "linear_learner": {"predictor_type": "binary_classifier", "epochs": "5", "num_models": "1"},
    "xgboost": {"objective": "binary:logistic", "num_round": "10"},
    "lightgbm": {"num_boost_round": "20", "min_data_in_leaf": "5"},
    "catboost": {"iterations": "20"},
}
OF = {"linear_learner": "weight x deviation", "xgboost": "gain", "lightgbm": "gain", "catboost": "prediction change"}


def data(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Five features on very different scales; the label is feature 3 and a little of feature 1, and 4 is constant."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 5)) * [1000, 1, 1, 0.01, 0] + [0, 0, 0, 0, 7]
    return features.round(5), (features[:, 3] * 100 + 0.4 * features[:, 1] > 0).astype(int)


def run(image: str, ml: Path, capture: Any, **more: str) -> dict[str, Any]:
    if image != "linear_learner":
        pytest.importorskip(image)
    program = importlib.import_module(f"potager.images.{image}.train").main
    job = Job(program, lambda _: None, ml, capture).rows("train", *data(400, 0)).rows("validation", *data(200, 1))
    job.run(**GIVEN[image] | more)
    return json.loads((ml / "model" / "evaluation.json").read_text())


@pytest.mark.parametrize("image", GIVEN)
def test_the_feature_that_tells_most_counts_most(image: str, tmp_path: Path, capsys: Any) -> None:
    told = run(image, tmp_path, capsys)["importance"]
    assert told["of"] == OF[image]
    assert told["words"]
    assert told["feature"][:2] == [3, 1]
    assert 4 not in told["feature"]
    assert told["value"] == sorted(told["value"], reverse=True)
    assert sum(told["value"]) == pytest.approx(1)


def test_scale_makes_no_feature_important(tmp_path: Path, capsys: Any) -> None:
    told = run("linear_learner", tmp_path, capsys, normalize_data="false", optimizer="sgd", learning_rate="0.0001")
    by_feature = dict(zip(told["importance"]["feature"], told["importance"]["value"], strict=True))
    features, _ = data(400, 0)
    weights = np.load(tmp_path / "model" / "model.npz")
    raw = np.abs(weights[weights.files[0]].reshape(-1, 5)).mean(axis=0) * features.std(axis=0)
    assert by_feature == pytest.approx({place: share for place, share in enumerate(raw / raw.sum()) if share}, rel=1e-3)


def test_a_linear_booster_has_none(tmp_path: Path, capsys: Any) -> None:
    assert run("xgboost", tmp_path, capsys, booster="gblinear")["importance"] is None


def test_only_the_first_are_shown_and_nothing_is_nothing() -> None:
    told = evaluation.importance(np.arange(250.0), "gain")
    assert told is not None
    assert told["feature"] == list(range(249, 149, -1))
    assert evaluation.importance(np.zeros(3), "gain") is None
    assert evaluation.importance(np.array([np.nan, 1.0]), "gain") is None


def test_a_regression_shows_some_of_its_rows() -> None:
    labels = np.arange(1000.0)
    scored = evaluation.Scored(labels, labels + 1)
    rows = evaluation.evaluate("regression", {"train": scored})["channels"]["train"]["predictions"]
    assert len(rows["label"]) == 300
    assert (rows["label"][0], rows["label"][-1]) == (0, 999)
    assert rows["value"] == [label + 1 for label in rows["label"]]
