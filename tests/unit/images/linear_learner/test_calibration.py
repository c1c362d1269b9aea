"""The threshold against scikit-learn and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from sklearn import metrics as reference

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
