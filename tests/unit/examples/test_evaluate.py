"""Figures and verdicts on scores made by hand."""

from dataclasses import replace

import evaluate
import numpy as np
import pytest

LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.35, 0.65, 0.8, 0.9])


@pytest.fixture
def quality():
    return evaluate.measure(evaluate.Predictions(LABELS, SCORES, (SCORES > 0.5).astype(int)))


def test_the_figures_are_those_counted_by_hand(quality):
    counts = (quality.true_negatives, quality.false_positives, quality.false_negatives, quality.true_positives)
    assert counts == (4, 2, 1, 3)
    assert quality.accuracy == pytest.approx(0.7)
    assert quality.precision == pytest.approx(3 / 5)
    assert quality.recall == pytest.approx(3 / 4)
    assert quality.f1 == pytest.approx(2 / 3)
    assert quality.roc_auc == pytest.approx(20 / 24)


def test_always_no_is_right_about_every_negative_and_finds_nothing():
    quality = evaluate.measure(evaluate.always_no(LABELS))
    assert (quality.accuracy, quality.precision, quality.recall, quality.f1, quality.roc_auc) == (0.6, 0, 0, 0, 0.5)


def test_the_error_of_the_auc_shrinks_with_more_rows(quality):
    more = replace(quality, true_negatives=400, false_positives=200, false_negatives=100, true_positives=300)
    assert 0 < evaluate.auc_error(more) < evaluate.auc_error(quality) < 0.5


def rows(auc, times=100):
    return evaluate.Quality(6 * times, 0, 0, 4 * times, 0, 0, 0, 0, roc_auc=auc)


@pytest.mark.parametrize(
    ("training", "validation", "verdict"),
    [
        (rows(0.85), rows(0.84), "No sign of overfitting"),
        (rows(0.85), rows(0.90), "No sign of overfitting"),
        (rows(0.99), rows(0.80), "Overfitting"),
        (rows(0.90), rows(0.80, times=10), "Perhaps overfitting"),
        (rows(0.55), rows(0.54), "Underfitting"),
    ],
)
def test_training_against_validation_gives_the_verdict(training, validation, verdict):
    assert evaluate.fit_verdict(training, validation).startswith(verdict)


def test_a_model_no_better_than_chance_is_called_that(quality):
    baseline = evaluate.measure(evaluate.always_no(LABELS))
    assert "hardly better than chance" in evaluate.gain_verdict(replace(quality, roc_auc=0.52), baseline)
    assert "catches none" in evaluate.gain_verdict(rows(0.9), baseline)
