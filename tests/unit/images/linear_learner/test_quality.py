"""On real data the models are as good as scikit-learn's, within noise, with default hyperparameters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import HuberRegressor, LinearRegression, LogisticRegression, QuantileRegressor, Ridge
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR


def parts(data, seed: int, stratify: bool = True):
    features, labels = data
    split = train_test_split(features, labels, test_size=0.3, random_state=seed, stratify=labels if stratify else None)
    return split[0], split[2], split[1], split[3]


@pytest.mark.parametrize("seed", range(3))
def test_breast_cancer_is_told_as_well_as_by_logistic_regression(job, seed: int):
    features, labels, held, truth = parts(datasets.load_breast_cancer(return_X_y=True), seed)
    reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, labels)
    job.rows("train", features, labels).run(predictor_type="binary_classifier")
    scores, said = job.predictor.score(held)
    assert roc_auc_score(truth, scores[:, 0]) > roc_auc_score(truth, reference.predict_proba(held)[:, 1]) - 0.006
    assert np.mean(said == truth) > reference.score(held, truth) - 0.018


@pytest.mark.parametrize(("load", "classes"), [(datasets.load_wine, "3"), (datasets.load_digits, "10")])
def test_wine_and_digits_are_told_as_well_as_by_logistic_regression(job, load, classes: str):
    features, labels, held, truth = parts(load(return_X_y=True), 0)
    reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, labels)
    job.rows("train", features, labels).run(predictor_type="multiclass_classifier", num_classes=classes)
    assert np.mean(job.predictor.score(held)[1] == truth) > reference.score(held, truth) - 0.015


@pytest.mark.parametrize("seed", range(3))
def test_diabetes_is_foretold_as_well_as_by_ridge(job, seed: int):
    features, labels, held, truth = parts(datasets.load_diabetes(return_X_y=True), seed, stratify=False)
    reference = make_pipeline(StandardScaler(), Ridge()).fit(features, labels)
    job.rows("train", features, labels).run(predictor_type="regressor")
    error = truth - job.predictor.score(held)[0][:, 0]
    assert 1 - np.mean(error**2) / np.var(truth) > reference.score(held, truth) - 0.02


def test_a_rare_class_is_ranked_and_its_odds_told_as_by_logistic_regression(job):
    data = datasets.make_classification(6000, 30, n_informative=10, weights=[0.97], flip_y=0.02, random_state=1)
    features, labels, held, truth = parts(data, 0)
    reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, labels)
    job.rows("train", features, labels).run(predictor_type="binary_classifier")
    odds, expected = job.predictor.score(held)[0][:, 0], reference.predict_proba(held)[:, 1]
    assert roc_auc_score(truth, odds) > roc_auc_score(truth, expected) - 0.01
    assert odds.mean() == pytest.approx(expected.mean(), rel=0.1)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_every_optimizer_gets_there(job, optimizer: str):
    features, labels, held, truth = parts(datasets.load_breast_cancer(return_X_y=True), 0)
    job.rows("train", features, labels).run(predictor_type="binary_classifier", optimizer=optimizer)
    assert roc_auc_score(truth, job.predictor.score(held)[0][:, 0]) > 0.985


def pinball(error: np.ndarray, q: float) -> np.ndarray:
    return np.where(error > 0, q * error, (q - 1) * error)


def huber(error: np.ndarray) -> np.ndarray:
    return np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5)


# What a job is asked for, the same by scikit-learn (on labels of unit deviation), and the loss of errors in deviations.
LOSSES = {
    "squared": ({}, LinearRegression(), lambda error: error**2),
    "absolute": ({"loss": "absolute_loss"}, QuantileRegressor(quantile=0.5, alpha=0), np.abs),
    "huber": ({"loss": "huber_loss"}, HuberRegressor(epsilon=1.35, max_iter=1000), huber),
    "quantile": (
        {"loss": "quantile_loss", "quantile": "0.9"},
        QuantileRegressor(quantile=0.9, alpha=0),
        lambda error: pinball(error, 0.9),
    ),
    "insensitive": (
        {"loss": "eps_insensitive_absolute_loss"},
        LinearSVR(epsilon=0.01, C=100, max_iter=100_000),
        lambda error: np.maximum(np.abs(error) - 0.01, 0),
    ),
    "insensitive squared": (
        {"loss": "eps_insensitive_squared_loss"},
        LinearSVR(epsilon=0.01, C=100, max_iter=100_000, loss="squared_epsilon_insensitive"),
        lambda error: np.maximum(np.abs(error) - 0.01, 0) ** 2,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_regression_loss_is_as_low_on_held_out_rows_as_scikit_learns(job, name: str):
    asked, estimator, loss = LOSSES[name]
    mine: list[float] = []
    theirs: list[float] = []
    for seed in range(3):
        features, labels, held, truth = parts(datasets.load_diabetes(return_X_y=True), seed, stratify=False)
        deviation = labels.std()
        reference = make_pipeline(StandardScaler(), estimator).fit(features, labels / deviation)
        job.rows("train", features, labels).run(predictor_type="regressor", **asked)
        mine.append(loss((truth - job.predictor.score(held)[0][:, 0]) / deviation).mean())
        theirs.append(loss(truth / deviation - reference.predict(held)).mean())
    assert np.mean(mine) < 1.02 * np.mean(theirs)


def test_probabilities_are_as_true_as_logistic_regressions(job):
    losses: list[tuple[float, float]] = []
    for seed in range(3):
        features, labels, held, truth = parts(datasets.load_breast_cancer(return_X_y=True), seed)
        reference = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(features, labels)
        by_loss = {"binary_classifier_model_selection_criteria": "loss_function"}
        job.rows("train", features, labels).rows("test", held, truth).run(predictor_type="binary_classifier", **by_loss)
        figures = job.evaluation["channels"]["test"]["metrics"]
        losses.append((figures["log_loss"], log_loss(truth, reference.predict_proba(held)[:, 1])))
        assert figures["expected_calibration_error"] < 0.05
    mine, theirs = np.mean(losses, axis=0)
    assert mine < 1.1 * theirs


def test_hinge_loss_is_as_low_on_held_out_rows_as_a_support_vector_machines(job):
    data = datasets.make_classification(4000, 20, n_informative=10, class_sep=0.8, flip_y=0.05, random_state=1)
    features, labels, held, truth = parts(data, 0)
    machine = LinearSVC(loss="hinge", C=1, max_iter=100_000)
    reference = make_pipeline(StandardScaler(), machine).fit(features, labels)
    by_loss = {"loss": "hinge_loss", "binary_classifier_model_selection_criteria": "loss_function"}
    job.rows("train", features, labels).run(predictor_type="binary_classifier", **by_loss)
    scores, said = job.predictor.score(held)
    mine, theirs = (
        np.maximum(1 - (2 * truth - 1) * raw, 0) for raw in (scores[:, 0], reference.decision_function(held))
    )
    assert mine.mean() < 1.02 * theirs.mean()
    assert np.mean(said == truth) > reference.score(held, truth) - 0.015
