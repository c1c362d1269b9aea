"""Metrics and thresholds against scikit-learn and against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from sklearn import metrics as reference

from potager.images.linear_learner import metrics
from potager.images.linear_learner.calibration import calibrate
from potager.images.linear_learner.settings import Settings, settle


def criterion(name: str, **more: str) -> Settings:
    return settle({"predictor_type": "binary_classifier", "binary_classifier_model_selection_criteria": name, **more})


def f1(labels: np.ndarray, said: np.ndarray) -> float:
    caught, wrong = np.sum(said & (labels > 0)), np.sum(said != (labels > 0))
    return float(2 * caught / max(1, 2 * caught + wrong))


SCORED = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 1)), min_size=2, max_size=60)


@runs(deadline=None)  # the machine may be busy
@given(SCORED)
def test_roc_auc_agrees_with_scikit_learn_ties_included(pairs: list[tuple[int, int]]):
    scores, labels = np.array(pairs, float).T
    mine = metrics.roc_auc(scores, labels > 0)
    if len(set(labels)) < 2:
        assert math.isnan(mine)
    else:
        assert mine == pytest.approx(reference.roc_auc_score(labels, scores))


@runs(deadline=None)  # the machine may be busy
@given(SCORED)
def test_the_accuracy_threshold_is_the_best_there_is(pairs: list[tuple[int, int]]):
    scores, labels = np.array(pairs, float).T
    cut = calibrate(scores, labels, criterion("accuracy"))
    best = max(np.mean((scores > at) == labels) for at in np.arange(-6, 6) + 0.5)
    assert cut.value == pytest.approx(best)
    assert np.mean((scores > cut.threshold) == labels) == pytest.approx(best)


@runs(deadline=None)  # the machine may be busy
@given(SCORED)
def test_the_f1_threshold_is_the_best_there_is(pairs: list[tuple[int, int]]):
    scores, labels = np.array(pairs, float).T
    cut = calibrate(scores, labels, criterion("f1"))
    best = max(f1(labels, scores > at) for at in np.arange(-6, 6) + 0.5)
    assert f1(labels, scores > cut.threshold) == pytest.approx(best)


def test_recall_is_held_at_its_target_while_precision_is_raised():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 500).astype(float)
    scores = labels + random.normal(size=500)
    cut = calibrate(scores, labels, criterion("precision_at_target_recall", target_recall="0.9"))
    assert reference.recall_score(labels, scores > cut.threshold) >= 0.9
    assert reference.precision_score(labels, scores > cut.threshold) == pytest.approx(cut.value)
    tighter = calibrate(scores, labels, criterion("recall_at_target_precision", target_precision="0.9"))
    assert reference.precision_score(labels, scores > tighter.threshold) >= 0.9


def test_a_precision_out_of_reach_is_come_as_near_as_can_be():
    labels, scores = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0])
    cut = calibrate(scores, labels, criterion("recall_at_target_precision", target_precision="0.9"))
    assert np.all(scores > cut.threshold)


def test_the_threshold_stays_in_the_middle_where_the_loss_decides():
    labels, scores = np.array([1.0, 0.0]), np.array([3.0, 2.0])
    assert calibrate(scores, labels, criterion("cross_entropy_loss")).threshold == 0.0


def test_binary_metrics_agree_with_scikit_learn():
    random = np.random.default_rng(3)
    labels, scores = random.integers(0, 2, 200).astype(float), random.normal(size=200)
    found, said = metrics.binary(scores, labels, 0.1, 2.0), scores > 0.1
    assert found["binary_classification_accuracy"] == pytest.approx(reference.accuracy_score(labels, said))
    assert found["binary_f_beta"] == pytest.approx(reference.fbeta_score(labels, said, beta=2.0))
    assert found["precision"] == pytest.approx(reference.precision_score(labels, said))
    assert found["recall"] == pytest.approx(reference.recall_score(labels, said))


def test_multiclass_metrics_agree_with_scikit_learn():
    random = np.random.default_rng(4)
    labels, scores = random.integers(0, 5, 300), random.normal(size=(300, 5))
    found, said = metrics.multiclass(scores, labels, 2, 1.0), scores.argmax(1)
    assert found["multiclass_accuracy"] == pytest.approx(reference.accuracy_score(labels, said))
    assert found["multiclass_top_k_accuracy"] == pytest.approx(reference.top_k_accuracy_score(labels, scores, k=2))
    assert found["macro_f_beta"] == pytest.approx(reference.f1_score(labels, said, average="macro"))
    assert found["macro_precision"] == pytest.approx(reference.precision_score(labels, said, average="macro"))
    assert found["macro_recall"] == pytest.approx(reference.recall_score(labels, said, average="macro"))
    assert found["dcg"] == pytest.approx(reference.dcg_score(np.eye(5)[labels], scores))


def test_regression_metrics_agree_with_scikit_learn():
    random = np.random.default_rng(5)
    labels, scores = random.normal(size=100), random.normal(size=100)
    found = metrics.regression(scores, labels)
    assert found["mse"] == pytest.approx(reference.mean_squared_error(labels, scores))
    assert found["absolute_loss"] == pytest.approx(reference.mean_absolute_error(labels, scores))
    assert found["r2"] == pytest.approx(reference.r2_score(labels, scores))
