"""Every figure is scikit-learn's, ties and weights included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyClassifier, DummyRegressor

from potager.images.evaluation import Scored, evaluate

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 10).map(lambda tenth: tenth / 10), st.integers(1, 4)),
    min_size=1,
    max_size=60,
)


def of(problem: str, labels: Any, scores: Any, weights: Any = None, **more: Any) -> dict[str, Any]:
    """The channel's part of an evaluation."""
    scored = Scored(np.asarray(labels), np.asarray(scores, float), weights=weights)
    return evaluate(problem, {"test": scored}, **more)["channels"]["test"]


def agree(mine: dict[str, Any], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        assert mine[name] == pytest.approx(value, abs=1e-9), name


def named(labels: Any, said: Any, weights: Any) -> dict[str, float]:
    """What follows from the confusion matrix."""
    found = {
        "accuracy": reference.accuracy_score(labels, said, sample_weight=weights),
        "matthews_correlation": reference.matthews_corrcoef(labels, said, sample_weight=weights),
    }
    for average in ("macro", "micro", "weighted"):
        scores = reference.precision_recall_fscore_support(
            labels, said, average=average, sample_weight=weights, zero_division=0
        )
        found |= {f"{average}_{name}": scores[i] for i, name in enumerate(("precision", "recall", "f1"))}
    recall = reference.recall_score(labels, said, labels=sorted(set(labels)), average="macro", sample_weight=weights)
    return found | {"balanced_accuracy": recall}


@runs(deadline=None)
@given(ROWS, st.booleans())
def test_binary_figures_are_scikit_learns(rows: list[tuple[int, float, int]], weighted: bool):
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    weights = weights.astype(float) if weighted else None
    found, said = of("binary", labels, scores, weights), (scores > 0.5).astype(int)
    mine = found["metrics"]
    agree(mine, named(labels, said, weights))
    for name in ("precision", "recall", "f1"):
        expected = getattr(reference, f"{name}_score")(labels, said, sample_weight=weights, zero_division=0)
        assert mine[name] == pytest.approx(expected)
    expected = {
        "log_loss": reference.log_loss(labels, scores, labels=[0, 1], sample_weight=weights),
        "brier": reference.brier_score_loss(labels, scores, pos_label=1, sample_weight=weights),
    }
    agree(mine, expected)
    matrix = reference.confusion_matrix(labels, said, labels=[0, 1], sample_weight=weights)
    np.testing.assert_allclose(found["confusion_matrix"], matrix)
    if len(set(labels)) == 2:
        agree(mine, {"roc_auc": reference.roc_auc_score(labels, scores, sample_weight=weights)})
        agree(mine, {"pr_auc": reference.average_precision_score(labels, scores, sample_weight=weights)})
    else:
        assert mine["roc_auc"] is None
        assert "every row is of class" in found["undefined"]["roc_auc"]


@runs(deadline=None)
@given(ROWS, st.booleans())
def test_no_threshold_has_a_better_f1(rows: list[tuple[int, float, int]], weighted: bool):
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    weights = weights.astype(float) if weighted else None
    best = of("binary", labels, scores, weights)["best_f1"]
    if not labels.any():
        assert best["f1"] is None
        return

    def f1(at: float) -> float:
        return float(reference.f1_score(labels, scores > at, sample_weight=weights, zero_division=0))

    assert f1(best["threshold"]) == pytest.approx(best["f1"])
    assert best["f1"] == pytest.approx(max(f1(at) for at in np.arange(-0.05, 1.05, 0.1)))


@runs(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(2, 80), st.booleans())
def test_multiclass_figures_are_scikit_learns(seed: int, classes: int, rows: int, weighted: bool):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, rows)
    scores = random.integers(1, 5, (rows, classes)).astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    weights = random.integers(1, 5, rows).astype(float) if weighted else None
    found, said = of("multiclass", labels, scores, weights), scores.argmax(axis=1)
    mine, known = found["metrics"], list(range(classes))
    agree(mine, named(labels, said, weights))
    agree(mine, {"log_loss": reference.log_loss(labels, scores, labels=known, sample_weight=weights)})
    agree(mine, {"brier": reference.brier_score_loss(labels, scores, labels=known, sample_weight=weights)})
    matrix = reference.confusion_matrix(labels, said, labels=known, sample_weight=weights)
    np.testing.assert_allclose(found["confusion_matrix"], matrix)
    for index in known:
        own = labels == index
        if 0 < own.sum() < rows:
            area = reference.roc_auc_score(own, scores[:, index], sample_weight=weights)
            precision = reference.average_precision_score(own, scores[:, index], sample_weight=weights)
            assert found["ranking_per_class"]["roc_auc"][index] == pytest.approx(area)
            assert found["ranking_per_class"]["pr_auc"][index] == pytest.approx(precision)
    if set(labels) == set(known):
        ovr = {"multi_class": "ovr", "labels": known, "sample_weight": weights}
        agree(mine, {"roc_auc_ovr": reference.roc_auc_score(labels, scores, **ovr)})
        agree(mine, {"roc_auc_ovr_weighted": reference.roc_auc_score(labels, scores, average="weighted", **ovr)})
        if not weighted:
            expected = reference.roc_auc_score(labels, scores, multi_class="ovo", labels=known)
            agree(mine, {"roc_auc_ovo": expected})


def test_a_weight_of_two_is_a_row_written_twice():
    random = np.random.default_rng(1)
    labels, scores = random.integers(0, 4, 90), random.random((90, 4))
    scores /= scores.sum(axis=1, keepdims=True)
    weights = random.integers(0, 3, 90)
    once = of("multiclass", labels, scores, weights.astype(float))["metrics"]
    twice = of("multiclass", np.repeat(labels, weights), np.repeat(scores, weights, axis=0))["metrics"]
    agree(once, twice)


VALUES = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 4)),
    min_size=2,
    max_size=50,
)


@runs(deadline=None)
@given(VALUES, st.booleans())
def test_regression_figures_are_scikit_learns(rows: list[tuple[int, int, int]], weighted: bool):
    labels, values, weights = (np.array(column, float) for column in zip(*rows, strict=True))
    given_weights = weights if weighted else None
    mine, more = of("regression", labels, values, given_weights)["metrics"], {"sample_weight": given_weights}
    agree(
        mine,
        {
            "mse": reference.mean_squared_error(labels, values, **more),
            "rmse": reference.root_mean_squared_error(labels, values, **more),
            "mae": reference.mean_absolute_error(labels, values, **more),
        },
    )
    if not weighted:
        agree(mine, {"median_ae": reference.median_absolute_error(labels, values)})
    if len(set(labels)) > 1:
        agree(mine, {"r2": reference.r2_score(labels, values, **more)})
        agree(mine, {"explained_variance": reference.explained_variance_score(labels, values, **more)})
    else:
        assert mine["r2"] is None
    if labels.all():
        agree(mine, {"mape": reference.mean_absolute_percentage_error(labels, values, **more)})
    else:
        assert mine["mape"] is None


@runs(deadline=None)
@given(VALUES)
def test_weighted_quantiles_are_those_of_rows_written_more_than_once(rows: list[tuple[int, int, int]]):
    labels, values, weights = (np.array(column) for column in zip(*rows, strict=True))
    once = of("regression", labels, values, weights.astype(float))
    twice = of("regression", np.repeat(labels, weights), np.repeat(values, weights))
    assert once["residual_quantiles"]["residual"] == pytest.approx(twice["residual_quantiles"]["residual"])
    assert once["metrics"]["median_ae"] == pytest.approx(twice["metrics"]["median_ae"])
    expected = np.quantile(np.repeat(labels - values, weights), 0.25, method="averaged_inverted_cdf")
    assert once["residual_quantiles"]["residual"][3] == pytest.approx(expected)


def test_calibration_bins_and_curves_are_scikit_learns():
    random = np.random.default_rng(2)
    scores = random.random(500)
    labels = (random.random(500) < scores**2).astype(int)
    found = of("binary", labels, scores)
    true, belief = calibration_curve(labels, scores, n_bins=10)
    assert found["calibration"]["share_true"] == pytest.approx(true.tolist())
    assert found["calibration"]["mean_probability"] == pytest.approx(belief.tolist())
    heavy = np.array(found["calibration"]["weight"])
    expected = float(heavy @ np.abs(true - belief)) / 500
    assert found["metrics"]["expected_calibration_error"] == pytest.approx(expected)
    fallen, caught, _ = reference.roc_curve(labels, scores, drop_intermediate=False)
    curve = found["roc_curve"]
    assert len(curve["threshold"]) <= 200
    assert (curve["false_positive_rate"][0], curve["true_positive_rate"][-1]) == (0.0, 1.0)
    points = set(zip(fallen.round(9), caught.round(9), strict=True))
    assert set(zip(*(np.round(curve[f"{side}_positive_rate"], 9) for side in ("false", "true")), strict=True)) <= points
    precision, recall, _ = reference.precision_recall_curve(labels, scores)
    curve = found["precision_recall_curve"]
    points = set(zip(recall.round(9), precision.round(9), strict=True))
    assert set(zip(np.round(curve["recall"], 9), np.round(curve["precision"], 9), strict=True)) <= points


def test_a_thinned_roc_curve_still_has_its_area():
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 20_000)
    scores = 1 / (1 + np.exp(-(labels + random.normal(size=20_000))))
    found = of("binary", labels, scores)
    curve = found["roc_curve"]
    area = reference.auc(curve["false_positive_rate"], curve["true_positive_rate"])
    assert len(curve["threshold"]) > 150
    assert area == pytest.approx(found["metrics"]["roc_auc"], abs=1e-3)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_prior_is_scikit_learns_dummy(classes: int):
    random = np.random.default_rng(classes)
    labels, held = (random.integers(0, classes, 80) ** 2 % classes for _ in range(2))
    problem = "binary" if classes == 2 else "multiclass"
    scores = random.random(80) if classes == 2 else np.full((80, classes), 1 / classes)
    channels = {"train": Scored(labels, scores), "validation": Scored(held, scores)}
    found = evaluate(problem, channels, classes=range(classes))["channels"]["validation"]["baselines"]["prior"]
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((80, 1)), labels)
    shares = np.bincount(labels, minlength=classes) / 80
    assert found["accuracy"] == pytest.approx(dummy.score(np.zeros((80, 1)), held))
    expected = reference.log_loss(held, np.tile(shares, (80, 1)), labels=range(classes))
    assert found["log_loss"] == pytest.approx(expected)
    one = shares[1] if classes == 2 else np.tile(shares, (80, 1))
    told = np.full(80, one) if classes == 2 else one
    expected = reference.brier_score_loss(held, told, labels=list(range(classes)))
    assert found["brier"] == pytest.approx(expected)


def test_the_mean_is_scikit_learns_dummy():
    random = np.random.default_rng(5)
    labels, held = random.normal(size=50), random.normal(size=40) + 1
    channels = {"train": Scored(labels, labels), "test": Scored(held, held)}
    found = evaluate("regression", channels)["channels"]["test"]["baselines"]["mean"]
    dummy = DummyRegressor().fit(np.zeros((50, 1)), labels).predict(np.zeros((40, 1)))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(held, dummy))
    assert found["r2"] == pytest.approx(reference.r2_score(held, dummy))
