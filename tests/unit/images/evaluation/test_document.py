"""The whole evaluation: edges that must not end a job, baselines, the verdict, what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from potager.images import evaluation
from potager.images.evaluation import Scored, evaluate


def odds(raw: Any) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(raw, float)))


def noisy(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels 0 and 1 and honest probabilities of 1."""
    random = np.random.default_rng(seed)
    scores = odds(random.normal(size=rows) * 2)
    return (random.random(rows) < scores).astype(int), scores


def test_what_is_written_is_json_and_what_is_said_is_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    scored = Scored(*noisy(200), own={"auc": 0.5, "diverged": float("nan")})
    found = evaluation.write(tmp_path, problem="binary", channels={"train": scored}, curves={"train": {"auc": [0.5]}})
    assert json.loads((tmp_path / "evaluation.json").read_text()) == found
    assert (found["schema"], found["version"]) == ("potager.evaluation", 1)
    assert found["channels"]["train"]["own"] == {"auc": 0.5, "diverged": None}
    assert found["learning_curves"] == {"train": {"auc": {"round": [0], "value": [0.5]}}}
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "Evaluation of train (200 rows): accuracy 0." in lines[0]
    assert "Verdict on fit: unknown. On train roc_auc is 0." in lines[1]


def test_a_class_that_training_never_saw_is_a_mistake_and_is_named():
    scores = np.eye(3)[[0, 1, 2, 0]]
    found = evaluate("multiclass", {"test": Scored(np.array([0, 1, 7, 9]), scores)})["channels"]["test"]
    assert found["metrics"]["accuracy"] == 0.5
    assert found["unseen"] == {"labels": [7, 9], "rows": 2}
    assert found["per_class"]["label"] == [0, 1, 2, 7, 9]
    assert found["confusion_matrix"][3] == [0, 0, 1, 0, 0]
    assert found["metrics"]["log_loss"] == pytest.approx(0, abs=1e-9)


def test_nothing_but_unseen_classes_leaves_figures_of_counts_alone():
    found = evaluate("binary", {"test": Scored(np.array([5, 6]), np.array([0.1, 0.9]))})["channels"]["test"]
    assert found["metrics"]["accuracy"] == 0
    assert found["undefined"]["roc_auc"] == found["undefined"]["log_loss"]
    assert found["undefined"]["roc_auc"] == "no row has a class that the model knows"


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_an_empty_channel_has_no_figures_and_a_reason(problem: str):
    width = (0, 3) if problem == "multiclass" else (0,)
    empty = Scored(np.zeros(0), np.zeros(width))
    found = evaluate(problem, {"train": empty, "test": empty})
    assert found["channels"]["test"]["metrics"] == {}
    assert "no rows" in found["channels"]["test"]["undefined"]["*"]
    assert found["verdict"]["fit"] is None


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_are_said_to_be_none(problem: str, value: float):
    scores = np.array([value, 0.5, 0.5])
    scored = Scored(np.array([0, 1, 1]), np.tile(scores[:, None], 3) if problem == "multiclass" else scores)
    found = evaluate(problem, {"train": scored, "test": scored})["channels"]["test"]
    assert "scores are not finite" in found["undefined"].values()
    json.dumps(found, allow_nan=False)


def test_weights_of_zero_take_rows_away():
    labels, scores = noisy(100)
    weights = np.r_[np.ones(50), np.zeros(50)]
    some = evaluate("binary", {"test": Scored(labels, scores, weights=weights)})["channels"]["test"]
    half = evaluate("binary", {"test": Scored(labels[:50], scores[:50])})["channels"]["test"]
    assert some["metrics"] == pytest.approx(half["metrics"])
    assert (some["rows"], some["weight"]) == (100, 50)


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [1.0], [float("nan"), 1.0]])
def test_weights_that_are_none_are_refused(weights: list[float]):
    with pytest.raises(ValueError, match="weights must be"):
        evaluate("binary", {"test": Scored(np.array([0, 1]), np.array([0.5, 0.5]), weights=np.array(weights))})


def test_an_unknown_problem_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match="'ranking', but must be binary, multiclass or regression"):
        evaluate("ranking", {})


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_raw_scores_are_ranked_but_not_believed(problem: str):
    random = np.random.default_rng(0)
    scores = random.normal(size=60) * 3 if problem == "binary" else random.normal(size=(60, 3))
    found = evaluate(problem, {"test": Scored(random.integers(0, 2, 60), scores)}, threshold=0.0)["channels"]["test"]
    assert found["metrics"]["log_loss"] is None
    assert found["undefined"]["brier"] == "scores are not probabilities"
    assert found["calibration"] is None
    assert found["metrics"]["pr_auc"] > 0


def test_scores_called_raw_are_not_believed_even_if_they_look_like_probabilities():
    found = evaluate("binary", {"test": Scored(*noisy(50))}, probabilities=False)["channels"]["test"]
    assert found["metrics"]["log_loss"] is None


def test_labels_may_be_any_names_in_any_order():
    names = np.array(["setosa", "iris", "virginica"])
    scores = np.eye(3)[[0, 1, 2, 1]] * 0.7 + 0.1
    found = evaluate("multiclass", {"test": Scored(names[[0, 1, 2, 2]], scores)}, classes=names)
    assert found["classes"] == ["setosa", "iris", "virginica"]
    channel = found["channels"]["test"]
    assert channel["metrics"]["accuracy"] == 0.75
    assert channel["per_class"]["recall"] == [1, 1, 0.5]
    assert evaluate("binary", {"t": Scored(np.array([2.0, 5.0]), np.array([0.1, 0.9]))}, classes=[2.0, 5.0])[
        "classes"
    ] == [2, 5]


def test_what_the_model_named_goes_before_the_threshold():
    labels, scores = np.array([0, 1, 1]), np.array([0.2, 0.4, 0.6])
    found = evaluate("binary", {"test": Scored(labels, scores, predicted=labels)})["channels"]["test"]
    assert found["metrics"]["accuracy"] == 1
    with pytest.raises(ValueError, match="none of the classes"):
        evaluate("binary", {"test": Scored(labels, scores, predicted=labels + 1)})


@pytest.mark.parametrize("shape", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_the_best_single_feature_is_found_dense_or_sparse(shape: Any):
    random = np.random.default_rng(1)
    features = random.random((3000, 12)) * (random.random((3000, 12)) < 0.5)
    labels = (features[:, 7] > 0.4).astype(int) ^ (random.random(3000) < 0.05)
    scored = Scored(labels, np.full(3000, 0.5), shape(features))
    found = evaluate("binary", {"train": scored, "validation": scored})["channels"]["validation"]["baselines"]
    assert found["best_feature"]["feature"] == 7
    assert found["best_feature"]["accuracy"] > 0.92
    assert found["best_feature"]["roc_auc"] > 0.9
    line = Scored(features[:, 3] * 2 + 1, np.zeros(3000), shape(features))
    found = evaluate("regression", {"train": line})["channels"]["train"]["baselines"]
    assert found["best_feature"]["feature"] == 3
    assert found["best_feature"]["r2"] == pytest.approx(1)
    assert found["mean"]["r2"] == pytest.approx(0, abs=1e-9)


def test_a_split_is_as_good_as_scikit_learns_stump():
    from sklearn.datasets import load_breast_cancer, load_wine
    from sklearn.tree import DecisionTreeClassifier

    for load, problem in ((load_breast_cancer, "binary"), (load_wine, "multiclass")):
        features, labels = load(return_X_y=True)
        scores = np.full(len(labels), 0.5) if problem == "binary" else np.full((len(labels), 3), 1 / 3)
        found = evaluate(problem, {"train": Scored(labels, scores, features)})["channels"]["train"]["baselines"]
        stump = DecisionTreeClassifier(max_depth=1, criterion="entropy").fit(features, labels)
        assert found["best_feature"]["accuracy"] > stump.score(features, labels) - 0.02


def test_features_that_are_missing_constant_or_many_are_borne():
    random = np.random.default_rng(2)
    features = random.normal(size=(800, 5)).astype(np.float32)
    features[:, 0], features[::3, 1], features[:, 2] = 4.0, np.nan, np.nan
    labels = (features[:, 4] > 0).astype(int)
    scored = Scored(labels, odds(features[:, 4]), features)
    found = evaluate("binary", {"train": scored})["channels"]["train"]["baselines"]
    assert found["best_feature"]["feature"] == 4
    flat = Scored(labels, odds(labels), np.ones((800, 3)))
    assert "best_feature" not in evaluate("binary", {"train": flat})["channels"]["train"]["baselines"]
    assert "best_feature" not in evaluate("regression", {"train": flat})["channels"]["train"]["baselines"]


def test_the_best_of_a_hundred_thousand_columns_is_found():
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 2000)
    held = np.column_stack([random.integers(0, 99_999, (2000, 10)), np.full(2000, 99_999)])
    values = np.column_stack([random.random((2000, 10)), labels])
    wide = sparse.csr_matrix((values.ravel(), held.ravel(), np.arange(0, 22_001, 11)), (2000, 100_000))
    found = evaluate("binary", {"train": Scored(labels, np.full(2000, 0.5), wide)})
    assert found["channels"]["train"]["baselines"]["best_feature"]["feature"] == 99_999


def test_many_classes_are_summed_up():
    random = np.random.default_rng(3)
    labels = random.integers(0, 300, 3000)
    scores = random.random((3000, 300)).astype(np.float32)
    scores[np.arange(3000), labels] += 0.5
    scores /= scores.sum(axis=1, keepdims=True)
    found = evaluate("multiclass", {"test": Scored(labels, scores)})["channels"]["test"]
    assert found["confusion_matrix"] is None
    assert len(found["most_confused"]) == 100
    assert 0.5 < found["metrics"]["roc_auc_ovr"] < 1
    assert "300 classes are too many" in found["undefined"]["roc_auc_ovo"]
    assert len(json.dumps(found)) < 200_000


@pytest.mark.parametrize(
    ("train", "held", "fit"),
    [(0.02, 2.0, "over"), (0.5, 0.5, "good"), (30.0, 30.0, "under")],
)
@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_the_verdict_compares_train_with_validation(problem: str, train: float, held: float, fit: str):
    random = np.random.default_rng(4)
    channels = {
        name: _blurred(problem, random, 2000, noise) for name, noise in (("train", train), ("validation", held))
    }
    judged = evaluate(problem, channels, threshold=0.5)["verdict"]
    assert judged["fit"] == fit, judged
    assert judged["judged_by"] == "validation"


def _blurred(problem: str, random: np.random.Generator, rows: int, noise: float) -> Scored:
    """Scores that know the label but for noise; with much of it they keep to the mean."""
    if problem == "regression":
        labels = random.normal(size=rows)
        return Scored(labels, (labels + noise * random.normal(size=rows)) / (1 + noise**2))
    classes = 2 if problem == "binary" else 4
    labels = random.integers(0, classes, rows)
    raw = np.eye(classes)[labels] + noise * random.normal(size=(rows, classes))
    return Scored(labels, odds(raw[:, 1] - raw[:, 0])) if classes == 2 else Scored(labels, raw)


def test_a_gap_that_chance_explains_is_none():
    labels = np.tile([0, 1], 6)
    scores = np.r_[labels[:12] * 0.8 + 0.1]
    held = Scored(labels, np.where(np.arange(12) < 3, 1 - scores, scores))
    judged = evaluate("binary", {"train": Scored(labels, scores), "test": held})["verdict"]
    assert judged["skill"]["train"] - judged["skill"]["test"] > 0.1
    assert judged["fit"] == "good"


def test_a_model_that_a_single_feature_beats_is_underfitted():
    random = np.random.default_rng(6)
    features = random.normal(size=(2000, 3))
    labels = (features[:, 1] > 0).astype(int)
    scored = Scored(labels, odds(labels + 3 * random.normal(size=2000)), features)
    judged = evaluate("binary", {"train": scored, "validation": scored})["verdict"]
    assert judged["fit"] == "under"
    assert "the best single feature alone has 1.00" in judged["reason"]


def test_a_curve_that_still_falls_says_train_longer_and_one_that_rises_says_stop():
    scored = Scored(*noisy(1000))
    channels = {"train": scored, "validation": scored}
    falling = {"validation": {"logloss": np.linspace(1, 0, 50).tolist()}}
    judged = evaluate("binary", channels, curves=falling)["verdict"]
    assert judged["fit"] == "under"
    assert "Train longer" in judged["reason"]
    rising = {"train": {"auc": [0.5 + i / 50 for i in range(20)]}, "validation": {"auc": [0.5, 0.9, *[0.8] * 18]}}
    judged = evaluate("binary", channels, curves=rising)["verdict"]
    assert judged["fit"] == "good"
    assert "at its best in round 2 of 20" in judged["reason"]


def test_train_alone_can_be_too_weak_but_not_good():
    labels = np.tile([0, 1], 50)
    weak = evaluate("binary", {"train": Scored(labels, np.full(100, 0.5))})["verdict"]
    assert weak["fit"] == "under"
    assert evaluate("binary", {"train": Scored(labels, labels * 0.9)})["verdict"]["fit"] is None


def test_long_curves_are_thinned_to_their_last_value():
    curves = {"train": {"rmse": list(range(5001, 0, -1))}}
    found = evaluate("regression", {}, curves=curves)["learning_curves"]["train"]["rmse"]
    assert len(found["round"]) == 1000
    assert (found["round"][-1], found["value"][-1]) == (5000, 1)
