"""Every objective trains and is served as XGBoost itself does it: the same data and seed, the same predictions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xgboost

from potager.images.xgboost.hyperparameters import OBJECTIVES
from tests.unit.images.jobs import Job

ROUNDS = 6
OF_TREES = {"max_depth": 3, "eta": 0.4, "subsample": 0.8, "seed": 11}


def labelled(objective: str, raw: np.ndarray) -> np.ndarray:
    """Labels that an objective takes, out of values below, around and above 0."""
    if objective.startswith("multi:"):
        return np.digitize(raw, [-2, 0])
    if objective.startswith(("binary:", "rank:map")):
        return (raw > -1).astype(int)
    if objective in ("rank:ndcg", "rank:pairwise", "count:poisson"):
        return np.clip(np.round(raw + 4), 0, 6)
    if objective == "reg:logistic":
        return 1 / (1 + np.exp(-raw))
    return raw if objective in ("reg:squarederror", "reg:linear", "reg:absoluteerror") else np.exp(raw / 4)


def extra(objective: str) -> dict[str, Any]:
    if objective.startswith("multi:"):
        return {"num_class": 3}
    return {"quantile_alpha": 0.4} if objective == "reg:quantileerror" else {}


def direct(features: np.ndarray, labels: np.ndarray, params: dict[str, Any], **given: Any) -> Any:
    matrix = xgboost.QuantileDMatrix(features, labels, **given)
    return xgboost.train(params, matrix, ROUNDS), matrix


def answers(job: Job, features: np.ndarray) -> np.ndarray:
    body = "\n".join(",".join(map(repr, row)) for row in features.tolist()).encode()
    answer, kind = job.predictor.predict(body, "text/csv", "application/json")
    assert kind == "application/json"
    return np.array([one["score"] for one in json.loads(answer)["predictions"]])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_objective_is_trained_and_served_as_xgboost_does_it(job: Job, rows: Any, objective: str) -> None:
    features, raw = rows
    labels = labelled(objective, raw)
    params = {**OF_TREES, "objective": objective, **extra(objective)}
    job.rows("train", features, labels).run(
        num_round=str(ROUNDS), **{name: str(value) for name, value in params.items()}
    )
    given: dict[str, Any] = {"qid": np.zeros(len(labels), int)} if objective.startswith("rank:") else {}
    if objective == "survival:aft":
        given = {"label_lower_bound": labels, "label_upper_bound": labels}
        booster, _ = direct(features, None, params, **given)
    else:
        booster, _ = direct(features, labels, params, **given)
    wanted = booster.predict(xgboost.DMatrix(features))
    saved = xgboost.Booster()
    saved.load_model(job.ml / "model" / "xgboost-model")
    np.testing.assert_array_equal(saved.predict(xgboost.DMatrix(features)), wanted)
    np.testing.assert_allclose(answers(job, features), wanted, rtol=1e-5, atol=1e-6)
    assert (job.ml / "model" / "evaluation.json").exists() != objective.startswith(("rank:", "survival:"))


@pytest.mark.parametrize("objective", ["reg:squarederror", "binary:logistic", "count:poisson"])
@pytest.mark.parametrize(
    "params",
    [
        {"booster": "gblinear", "lambda": 0.1, "updater": "coord_descent"},
        {"booster": "dart", "rate_drop": 0.3, "one_drop": 1, "sample_type": "weighted"},
        {"tree_method": "exact", "max_depth": 4},
        {"tree_method": "approx", "max_bin": 32},
        {"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 6, "max_depth": 0, "max_bin": 16},
        {"monotone_constraints": "(1,0,-1)", "interaction_constraints": "[[0,1],[2,3]]"},
        {"num_parallel_tree": 3, "colsample_bytree": 0.5, "colsample_bylevel": 0.5, "colsample_bynode": 0.5},
        {"updater": "grow_histmaker,prune", "gamma": 0.1, "min_child_weight": 2, "max_delta_step": 1, "alpha": 0.1},
    ],
)
def test_a_booster_is_trained_as_xgboost_does_it(job: Job, rows: Any, objective: str, params: dict[str, Any]) -> None:
    features, raw = rows
    labels = labelled(objective, raw)
    job.rows("train", features, labels)
    job.run(
        num_round=str(ROUNDS), objective=objective, seed="3", **{name: str(value) for name, value in params.items()}
    )
    matrix = xgboost.DMatrix(features, labels)
    wanted = xgboost.train({**params, "objective": objective, "seed": 3}, matrix, ROUNDS).predict(matrix)
    np.testing.assert_allclose(answers(job, features), wanted, rtol=1e-5, atol=1e-6)


def test_times_below_nothing_are_censored(job: Job, rows: Any) -> None:
    features, raw = rows
    times = np.exp(raw / 4)
    censored = times > 1
    labels = np.where(censored, -times, times)
    job.rows("train", features, labels).run(num_round="6", objective="survival:aft", aft_loss_distribution="logistic")
    bounds = {"label_lower_bound": times, "label_upper_bound": np.where(censored, np.inf, times)}
    booster, _ = direct(features, None, {"objective": "survival:aft", "aft_loss_distribution": "logistic"}, **bounds)
    np.testing.assert_allclose(answers(job, features), booster.predict(xgboost.DMatrix(features)), rtol=1e-5)
    assert job.metric(r"train-aft-nloglik:(\S+)")


def test_queries_of_libsvm_are_ranked_apart_and_weigh_as_their_first_row(job: Job, rows: Any) -> None:
    features, raw = rows
    labels, groups = labelled("rank:ndcg", raw), np.repeat([4, 2, 9], 100)
    lines = [
        f"{label:g}:{group / 4} qid:{group} " + " ".join(f"{at}:{value!r}" for at, value in enumerate(row))
        for label, group, row in zip(labels, groups, features.tolist(), strict=True)
    ]
    job.channel("train", "\n".join(lines), ContentType="text/libsvm").run(num_round="6", objective="rank:ndcg")
    given = {"qid": np.repeat([0, 1, 2], 100), "weight": [1, 0.5, 2.25]}
    booster, _ = direct(features, labels, {"objective": "rank:ndcg"}, **given)
    np.testing.assert_allclose(answers(job, features), booster.predict(xgboost.DMatrix(features)), rtol=1e-5)
