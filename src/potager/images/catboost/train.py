"""One training job, from `/opt/ml/input` to `/opt/ml/model`: `model.cbm`, CatBoost's own format, and `model.json`.

hyperparameters -> tables -> pools -> trees, as long as validation improves -> artifact -> evaluation
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from potager.images import evaluation
from potager.images.algorithm import job
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Value
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.saved import Format
from potager.images.boosting import artifact, report
from potager.images.boosting.data import Data, prepare
from potager.images.boosting.target import AUTO, BINARY, CLASSIFICATION, MULTICLASS, REGRESSION
from potager.images.catboost.hyperparameters import CATALOGUE, METRICS
from potager.images.catboost.pools import catboost, pool, table

FORMAT = Format("catboost")
MODEL = "model.cbm"

_LOSSES = {REGRESSION: "RMSE", BINARY: "Logloss", MULTICLASS: "MultiClass"}
_OURS = ("objective", "eval_metric", "early_stopping_rounds", "verbose")


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    values = CATALOGUE.read(job.hyperparameters)
    data = prepare(job, "catboost", str(values["objective"]), _hinted(str(values["eval_metric"])))
    given = parameters(values, data)
    metric, patience = str(given["eval_metric"]), int(values["early_stopping_rounds"] or 0)
    model = fit(given, data, patience, int(values["verbose"] or 1))
    curve: list[float] = model.get_evals_result()["validation"][metric]
    best = int(model.tree_count_)
    say(f"Best iteration: {best}\tvalidation's {metric}: {report.plain(curve[best - 1])}")
    model.save_model(str(job.model / MODEL), format="cbm")
    artifact.write(FORMAT, data, best, values, job.model)
    kind = data.target.kind

    def scores(features: Any) -> Float64:
        found = model.predict(table(features, data.categories), prediction_type=answer(kind))
        return found[:, 1] if kind == BINARY else found

    changes: Float64 = np.asarray(model.get_feature_importance(), np.float64)
    importance = evaluation.importance(changes, "prediction change")
    report.evaluate(job.model, data, scores, {"validation": {metric: curve}}, best, importance)


def answer(kind: str) -> str:
    """What CatBoost calls the answers of a kind of model."""
    return "RawFormulaVal" if kind == REGRESSION else "Probability"


def _hinted(metric: str) -> str:
    kinds = [kind for kind, names in METRICS.items() if metric in names]
    return (kinds[0] if len(kinds) == 1 else CLASSIFICATION) if kinds else AUTO


def parameters(values: Mapping[str, Value], data: Data) -> dict[str, Any]:
    """What CatBoost is told, less what it refuses beside the rest; `ClientError` for a metric of another kind."""
    kind, metric = data.target.kind, str(values["eval_metric"])
    if metric not in (AUTO, *METRICS[kind]):
        raise ClientError(
            f"Hyperparameter 'eval_metric' is '{metric}', but the model is of the kind {kind}, which is measured by "
            f"{', '.join(METRICS[kind])}. Choose one of them or auto."
        )
    policy = values["grow_policy"]
    left_out = {
        *_OURS,
        *(["scale_pos_weight"] if kind != BINARY else []),
        *(["max_leaves"] if policy != "Lossguide" else ["sampling_frequency"]),
        *(["min_data_in_leaf"] if policy == "SymmetricTree" else []),
        *(name for name in ("boosting_type", "max_bin") if values[name] == "Auto"),
    }
    given = {name: value for name, value in values.items() if name not in left_out}
    return given | {
        "loss_function": _LOSSES[kind],
        "eval_metric": METRICS[kind][0] if metric == AUTO else metric,
        "bootstrap_type": "Bayesian",  # the only one that has a bagging_temperature
        "allow_writing_files": False,
    }


def fit(given: Mapping[str, Any], data: Data, patience: int, period: int) -> Any:
    """The trees up to the best one; `ClientError` where CatBoost refuses the data."""
    model: Any = catboost.CatBoost(dict(given))
    classes = len(data.target.classes)
    try:
        model.fit(
            pool(data.train, data.categories, classes),
            eval_set=pool(data.validation, data.categories, classes),
            use_best_model=True,
            early_stopping_rounds=patience if patience > 0 else None,
            verbose=period,
            log_cout=sys.stdout,
            log_cerr=sys.stderr,
        )
    except catboost.CatBoostError as error:
        raise ClientError(f"CatBoost refuses the data or the hyperparameters: {error}") from error
    return model
