"""On real data the models are as good as scikit-learn's, within noise, with default hyperparameters."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


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


LOSSES = (
    "absolute_loss",
    "huber_loss",
    "quantile_loss",
    "eps_insensitive_absolute_loss",
    "eps_insensitive_squared_loss",
)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_regression_loss_gets_there(job, loss: str):
    features, labels, held, truth = parts(datasets.load_diabetes(return_X_y=True), 0, stratify=False)
    job.rows("train", features, labels).run(predictor_type="regressor", loss=loss)
    error = truth - job.predictor.score(held)[0][:, 0]
    assert 1 - np.mean(error**2) / np.var(truth) > 0.33


def test_hinge_loss_tells_classes_as_well(job):
    features, labels, held, truth = parts(datasets.load_breast_cancer(return_X_y=True), 0)
    job.rows("train", features, labels).run(predictor_type="binary_classifier", loss="hinge_loss")
    assert np.mean(job.predictor.score(held)[1] == truth) > 0.94
