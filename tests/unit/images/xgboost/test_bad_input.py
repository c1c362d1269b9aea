"""A user's mistakes: each ends the job with a message that names the place and the remedy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.images.jobs import Job

GOOD = "1,0.5,2\n0,0.25,3\n"
BINARY = {"num_round": "2", "objective": "binary:logistic"}


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("1,red,2\n", "train/part.csv: row 3, column 2: 'red' is not a number"),
        ("1,inf,2\n", "row 3, column 2: 'inf' is not a finite number"),
        ("1,2\n", "row 3 has 2 columns, but 3 are expected"),
        ("2,2,2\n", "row 3, column 1: label 2 is neither 0 nor 1, and binary:logistic cannot learn it. For shares"),
        (",2,2\n", "row 3, column 1: the cell is empty"),
    ],
)
def test_a_cell_that_cannot_be_is_refused(job: Job, row: str, wrong: str) -> None:
    assert wrong in job.channel("train", GOOD + row).refusal(**BINARY)


def test_a_class_in_validation_that_training_cannot_know_is_refused(job: Job) -> None:
    job.channel("train", "0,1\n1,2\n2,3\n").channel("validation", "3,1\n")
    message = job.refusal(num_round="1", objective="multi:softprob", num_class="3")
    assert "validation/part.csv: row 1, column 1: label 3 is not an integer in [0, 2]" in message
    assert "Raise num_class" in message


@pytest.mark.parametrize("objective", ["binary:hinge", "multi:softmax"])
def test_one_class_is_refused(job: Job, objective: str) -> None:
    given = {"num_class": "2"} if objective == "multi:softmax" else {}
    message = job.channel("train", "1,2,3\n1,3,4\n").refusal(num_round="1", objective=objective, **given)
    assert "Channel 'train': every label is 1. A classifier needs rows of at least two classes" in message


@pytest.mark.parametrize(
    ("objective", "label", "wrong"),
    [
        ("reg:gamma", "0", "not above 0"),
        ("count:poisson", "-1", "below 0"),
        ("reg:logistic", "1.5", "not in [0, 1]"),
        ("rank:ndcg", "0.5", "not an integer in [0, 31]"),
        ("survival:aft", "0", "0: it is a time"),
        ("reg:squaredlogerror", "-1", "not above -1"),
    ],
)
def test_a_label_that_an_objective_cannot_learn_is_refused(job: Job, objective: str, label: str, wrong: str) -> None:
    message = job.channel("train", f"1,2,3\n{label},3,4\n").refusal(num_round="1", objective=objective)
    assert f"row 2, column 1: label {float(label):g} is {wrong}" in message


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, "Hyperparameter 'num_round' is missing"),
        ({"num_round": "0"}, "Hyperparameter 'num_round' is '0'"),
        ({"num_round": "1", "eta": "1.5"}, "Hyperparameter 'eta' is '1.5', but must be number in [0, 1]"),
        ({"num_round": "1", "subsample": "0"}, "'subsample' is '0', but must be number in (0, 1]"),
        ({"num_round": "1", "learning_rate": "1"}, "Unknown hyperparameter 'learning_rate'"),
        ({"num_round": "1", "objective": "multi:softmax"}, "'num_class' is missing"),
        ({"num_round": "1", "num_class": "3"}, "'num_class' is 3, but the objective reg:squarederror has no classes"),
        ({"num_round": "1", "tree_method": "gpu_hist"}, "asks for training on a GPU"),
        ({"num_round": "1", "use_dask_gpu_training": "true"}, "'use_dask_gpu_training' asks for training on a GPU"),
        ({"num_round": "1", "updater": "grow_skmaker"}, "'grow_skmaker', which XGBoost 3 does not have"),
        ({"num_round": "1", "updater": "shotgun"}, "names 'shotgun', but the booster gbtree has"),
        ({"num_round": "1", "updater": "prune"}, "names nothing that grows trees"),
        ({"num_round": "1", "process_type": "update"}, "'process_type' is update"),
        ({"num_round": "1", "eval_metric": "rmse,best"}, "names 'best', which is no metric"),
        ({"num_round": "1", "eval_metric": "auc"}, "Metric 'auc' can only be applied for classification"),
        ({"num_round": "1", "eval_metric": "rmse@2"}, "take an '@'"),
        ({"num_round": "1", "eval_metric": "error@x"}, "after '@' a number is expected"),
        ({"num_round": "1", "monotone_constraints": "(1,2)"}, "must be a -1, 0 or 1 a feature"),
        ({"num_round": "1", "monotone_constraints": "(1,0,0,1)"}, "speaks of 4 features, but channel 'train' has 2"),
        ({"num_round": "1", "interaction_constraints": "[[0,9]]"}, "speaks of 10 features"),
        ({"num_round": "1", "interaction_constraints": "[0"}, "must be groups of features"),
        ({"num_round": "1", "objective": "reg:quantileerror"}, "'quantile_alpha' is 'None'"),
        ({"num_round": "1", "max_depth": "0", "tree_method": "exact"}, "exact needs a limit"),
        ({"num_round": "1", "_kfold": "1"}, "'_kfold' is '1', but must be integer in [2, inf)"),
        ({"num_round": "1", "_kfold": "7"}, "_kfold is 7, but there are 2 rows. Take fewer folds."),
        ({"num_round": "1", "_tuning_objective_metric": "validation:best"}, "'_tuning_objective_metric' names 'best'"),
    ],
)
def test_a_wrong_hyperparameter_is_refused(job: Job, given: dict[str, str], wrong: str) -> None:
    assert wrong in job.channel("train", GOOD).refusal(**given)


def test_what_only_xgboost_knows_to_be_wrong_is_told_in_its_words(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potager.images.xgboost.train._check_constraints", lambda *_: None)
    message = job.channel("train", GOOD).refusal(num_round="1", monotone_constraints="(1,0,0,1)")
    assert message.startswith("ClientError: XGBoost refuses: p.monotone_constraints.size() <= n_features (4 vs. 2)")


def test_validation_must_have_the_features_of_train(job: Job) -> None:
    message = job.channel("train", GOOD).channel("validation", "1,2,3,4\n").refusal(**BINARY)
    assert "validation/part.csv: row 1 has 4 columns, but 3 are expected" in message


def test_queries_that_do_not_stand_together_are_refused(job: Job) -> None:
    job.channel("train", "1 qid:1 0:1\n0 qid:2 0:2\n1 qid:1 0:3\n")
    assert "the rows of qid 1 do not stand together" in job.refusal(num_round="1", objective="rank:ndcg")


def test_constant_features_and_a_hundred_thousand_columns_are_no_trouble(job: Job) -> None:
    features = np.zeros((3, 100_000), np.float32)
    features[:, 77_777] = [-5, 0, 5]
    job.rows("train", features, features[:, 77_777]).run(num_round="2", min_child_weight="0", eta="1")
    assert np.ptp(predicted(job, features)) > 0.5


def predicted(job: Job, features: np.ndarray) -> Any:
    body = "\n".join(",".join(map(repr, row)) for row in features.tolist()).encode()
    answer, _ = job.predictor.predict(body, "text/csv", "text/csv")
    return np.array([float(cell) for cell in answer.split(b",")])
