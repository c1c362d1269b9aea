"""Each loss against its definition: its slope is the derivative of its value."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import hinge_loss, log_loss, mean_pinball_loss

from potager.images.linear_learner.losses import loss_of, sigmoid
from potager.images.linear_learner.settings import settle

BINARY = [("binary_classifier", "logistic"), ("binary_classifier", "hinge_loss")]
REGRESSION = [
    ("regressor", name)
    for name in (
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    )
]


@pytest.mark.parametrize(("predictor", "name"), BINARY + REGRESSION)
def test_the_slope_is_the_derivative_of_the_loss(predictor: str, name: str):
    random = np.random.default_rng(0)
    evaluate = loss_of(settle({"predictor_type": predictor, "loss": name, "quantile": "0.3"})).evaluate
    scores = random.normal(size=(50, 3)) * 2
    labels = random.integers(0, 2, (50, 1)).astype(float)
    ahead, behind = evaluate(scores + 1e-6, labels)[0], evaluate(scores - 1e-6, labels)[0]
    np.testing.assert_allclose(evaluate(scores, labels)[1], (ahead - behind) / 2e-6, atol=1e-5)


def test_the_slope_of_softmax_is_the_derivative_along_each_class():
    random = np.random.default_rng(0)
    settings = settle({"predictor_type": "multiclass_classifier", "num_classes": "4"})
    evaluate = loss_of(settings).evaluate
    scores, labels = random.normal(size=(20, 2, 4)), random.integers(0, 4, (20, 1)).astype(float)
    slopes = evaluate(scores, labels)[1]
    for one in range(4):
        step = np.eye(4)[one] * 1e-6
        numeric = (evaluate(scores + step, labels)[0] - evaluate(scores - step, labels)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, :, one], numeric, atol=1e-6)


def test_losses_agree_with_scikit_learn():
    random = np.random.default_rng(1)
    scores, labels = random.normal(size=(100, 1)), random.integers(0, 2, (100, 1)).astype(float)

    def mean(predictor: str, **more: str) -> float:
        return float(loss_of(settle({"predictor_type": predictor, **more})).evaluate(scores, labels)[0].mean())

    assert mean("binary_classifier") == pytest.approx(log_loss(labels[:, 0], sigmoid(scores)[:, 0]))
    assert mean("binary_classifier", loss="hinge_loss") == pytest.approx(hinge_loss(labels[:, 0], scores[:, 0]))
    pinball = mean_pinball_loss(labels, scores, alpha=0.9)
    assert mean("regressor", loss="quantile_loss", quantile="0.9") == pytest.approx(pinball)


def test_extreme_scores_overflow_nowhere():
    scores = np.array([[-1e4, 1e4, 0.0]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        losses, slopes = loss_of(settle({"predictor_type": "binary_classifier"})).evaluate(scores, np.ones((1, 1)))
    assert np.isfinite(losses).all()
    assert np.isfinite(slopes).all()
