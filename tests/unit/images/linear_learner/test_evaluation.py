"""The figures by SageMaker's names are scikit-learn's of what the served model says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn import metrics as reference


def test_a_binary_classifiers_figures(job, claims):
    features, labels = claims
    job.rows("train", features, labels).run(predictor_type="binary_classifier", f_beta="2")
    scores, said = job.predictor.score(features)
    found = job.figures("train")
    assert found["binary_classification_accuracy"] == pytest.approx(reference.accuracy_score(labels, said))
    assert found["binary_f_beta"] == pytest.approx(reference.fbeta_score(labels, said, beta=2))
    assert found["precision"] == pytest.approx(reference.precision_score(labels, said))
    assert found["recall"] == pytest.approx(reference.recall_score(labels, said))
    assert found["roc_auc_score"] == pytest.approx(reference.roc_auc_score(labels, scores[:, 0]))
    assert job.evaluation["channels"]["train"]["metrics"]["log_loss"] == pytest.approx(
        reference.log_loss(labels, scores[:, 0]), rel=1e-4
    )


def test_a_multiclass_classifiers_figures(job):
    features, labels = datasets.load_iris(return_X_y=True)
    features = features + np.random.default_rng(0).normal(size=features.shape)
    job.rows("train", features, labels)
    job.run(predictor_type="multiclass_classifier", num_classes="3", accuracy_top_k="2", f_beta="0.5")
    scores, said = job.predictor.score(features)
    found = job.figures("train")
    assert found["multiclass_accuracy"] == pytest.approx(reference.accuracy_score(labels, said))
    top = reference.top_k_accuracy_score(labels, scores, k=2)
    assert found["multiclass_top_k_accuracy"] == pytest.approx(top)
    assert found["macro_f_beta"] == pytest.approx(reference.fbeta_score(labels, said, beta=0.5, average="macro"))
    assert found["macro_precision"] == pytest.approx(reference.precision_score(labels, said, average="macro"))
    assert found["macro_recall"] == pytest.approx(reference.recall_score(labels, said, average="macro"))
    assert found["dcg"] == pytest.approx(reference.dcg_score(np.eye(3)[labels], scores))
    area = reference.roc_auc_score(labels, scores, multi_class="ovr")
    assert job.evaluation["channels"]["train"]["metrics"]["roc_auc_ovr"] == pytest.approx(area)


def test_a_regressors_figures_are_in_the_labels_own_units(job):
    features, labels = datasets.load_diabetes(return_X_y=True)
    job.rows("train", features, labels).run(predictor_type="regressor", loss="huber_loss")
    values = job.predictor.score(features)[0][:, 0]
    assert job.figures("train")["mse"] == pytest.approx(reference.mean_squared_error(labels, values), rel=1e-5)
    assert job.figures("train")["absolute_loss"] == pytest.approx(
        reference.mean_absolute_error(labels, values), rel=1e-5
    )
    assert job.evaluation["channels"]["train"]["metrics"]["r2"] == pytest.approx(
        reference.r2_score(labels, values), rel=1e-5
    )


def test_distances_of_hinge_loss_are_not_taken_for_probabilities(job, claims):
    job.rows("train", *claims).run(predictor_type="binary_classifier", loss="hinge_loss")
    channel = job.evaluation["channels"]["train"]
    assert channel["metrics"]["log_loss"] is None
    assert channel["metrics"]["pr_auc"] > 0.8


def test_the_evaluation_holds_the_curve_the_baselines_and_a_verdict(job, claims):
    features, labels = claims
    job.rows("train", features[:120], labels[:120]).rows("validation", features[120:], labels[120:])
    job.run(predictor_type="binary_classifier")
    found = job.evaluation
    assert len(found["learning_curves"]["validation"]["objective_loss"]["value"]) > 3
    assert found["channels"]["validation"]["baselines"]["best_feature"]["feature"] in (0, 1)
    assert found["verdict"]["fit"] == "good"
    assert "Verdict on fit: good." in job.log


def test_a_class_in_test_that_training_never_saw_and_one_class_alone_are_borne(job):
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(90, 3)), np.arange(90) % 3
    job.rows("train", features, labels).rows("validation", features[:4], np.full(4, 1))
    job.rows("test", features[:6], np.r_[labels[:5], 3])
    job.run(predictor_type="multiclass_classifier", num_classes="5")
    assert job.figures("test")["multiclass_accuracy"] <= 5 / 6
    validation = job.evaluation["channels"]["validation"]
    assert validation["metrics"]["roc_auc_ovr"] is None
    assert validation["undefined"]["roc_auc_ovr"] == "every row is of class 1"
