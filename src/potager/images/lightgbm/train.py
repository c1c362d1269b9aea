"""One training job, from `/opt/ml/input` to `/opt/ml/model`: `model.txt`, LightGBM's own text, and `model.json`.

hyperparameters -> tables -> rounds of trees, as long as validation improves -> artifact -> evaluation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from potager.images import evaluation
from potager.images.algorithm import job
from potager.images.algorithm.arrays import Float32, Float64
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Value
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.saved import Format
from potager.images.boosting import artifact, report
from potager.images.boosting.data import Data, Rows, prepare
from potager.images.boosting.target import AUTO, BINARY, MULTICLASS, REGRESSION
from potager.images.lightgbm.hyperparameters import CATALOGUE, METRICS, REGRESSIONS

FORMAT = Format("lightgbm")
MODEL = "model.txt"

_OURS = ("objective", "metric", "num_boost_round", "early_stopping_rounds", "use_dask")
_BINARY_ONLY = ("scale_pos_weight", "is_unbalance")


def main(ml: Path) -> None:
    """Runs the job in folder `ml` (`/opt/ml`); `SystemExit` with 1 or 2 where it fails."""
    job.run(ml, _train)


def _train(job: Job) -> None:
    values = CATALOGUE.read(job.hyperparameters)
    objective, hinted = str(values["objective"]), _hinted(str(values["metric"]))
    data = prepare(job, "lightgbm", REGRESSION if objective in REGRESSIONS else objective, hinted)
    given = parameters(values, data)
    booster, curve = fit(given, data, int(values["num_boost_round"] or 0), int(values["early_stopping_rounds"] or 0))
    best = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    say(f"Best iteration: {best}\tvalidation's {given['metric']}: {report.plain(curve[best - 1])}")
    booster.save_model(job.model / MODEL, num_iteration=best)
    artifact.write(FORMAT, data, best, values, job.model)
    curves = {"validation": {str(given["metric"]): curve}}
    gains = np.asarray(booster.feature_importance("gain", iteration=best), np.float64)
    importance = evaluation.importance(gains, "gain")
    report.evaluate(job.model, data, lambda rows: _scores(booster, rows, best), curves, best, importance)


def _scores(booster: lightgbm.Booster, rows: Float32, rounds: int) -> Float64:
    return booster.predict(rows, num_iteration=rounds)  # type: ignore[return-value]


def _hinted(metric: str) -> str:
    return next((kind for kind, names in METRICS.items() if metric in names), AUTO)


def parameters(values: Mapping[str, Value], data: Data) -> dict[str, Any]:
    """What LightGBM is told; `ClientError` where the metric does not go with what is predicted."""
    kind, metric, objective = data.target.kind, str(values["metric"]), str(values["objective"])
    allowed = METRICS[kind]
    if metric not in (AUTO, *allowed):
        raise ClientError(
            f"Hyperparameter 'metric' is '{metric}', but the model is of the kind {kind}, which is measured by "
            f"{', '.join(allowed)}. Choose one of them or auto."
        )
    left_out = _OURS if kind == BINARY else (*_OURS, *_BINARY_ONLY)
    given = {name: value for name, value in values.items() if name not in left_out}
    given["objective"] = objective if objective in REGRESSIONS else kind
    given["metric"] = allowed[0] if metric == AUTO else metric
    if kind == MULTICLASS:
        given["num_class"] = len(data.target.classes)
    if given["boosting"] == "goss":
        given["bagging_freq"] = 0  # LightGBM refuses both at once, and AWS's defaults have bagging
    return given


def fit(given: Mapping[str, Any], data: Data, rounds: int, patience: int) -> tuple[lightgbm.Booster, list[float]]:
    """The trees, and the metric on validation after each round; `ClientError` where LightGBM refuses the data."""
    log = _Log(str(given["metric"]))
    callbacks: list[Callable[..., Any]] = [log]
    if (
        patience > 0 and given["boosting"] != "dart"
    ):  # dart changes trees that stand already: no best round to go back to
        callbacks.append(lightgbm.early_stopping(patience, verbose=False))
    categorical = list(data.categories)
    try:
        train = _dataset(data.train, categorical)
        booster = lightgbm.train(  # pyright: ignore[reportUnknownMemberType]
            dict(given),
            train,
            num_boost_round=rounds,
            valid_sets=[_dataset(data.validation, categorical, train)],
            valid_names=["validation"],
            callbacks=callbacks,
        )
    except lightgbm.basic.LightGBMError as error:
        raise ClientError(f"LightGBM refuses the data or the hyperparameters: {error}") from error
    return booster, log.values


def _dataset(rows: Rows, categorical: list[int], reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        known(rows.features, categorical),
        label=rows.codes,
        reference=reference,
        categorical_feature=categorical or "auto",  # pyright: ignore[reportArgumentType]
        params={"verbosity": -1},
    )


def known(features: Float32, categorical: list[int]) -> Float32:
    """The same array, in which a category that training never saw is a gap: so LightGBM takes it."""
    for column in categorical:
        unseen = features[:, column] < 0
        if np.any(unseen):
            features[unseen, column] = np.nan
    return features


class _Log:
    """Prints the metric after each round, as AWS's expressions read it."""

    order = 5

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.values: list[float] = []

    def __call__(self, env: lightgbm.callback.CallbackEnv) -> None:
        value = float(env.evaluation_result_list[0][2])  # type: ignore[index]
        self.values.append(value)
        say(f"[{env.iteration + 1}]\tvalidation's {self.metric}: {report.plain(value)}")
