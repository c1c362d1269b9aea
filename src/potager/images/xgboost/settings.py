"""What a job asks of the built-in algorithm: its hyperparameters, split into XGBoost's own and the container's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.hyperparameters import Value, typed
from potager.images.algorithm.job import say
from potager.images.xgboost.hyperparameters import (
    CATALOGUE,
    CONTAINER,
    CV_ROUNDS,
    KFOLD,
    NATIVE,
    PASSED_OVER,
    alphas,
    listed,
    metric_fault,
    nested,
)

_NOT_XGBOOSTS = (
    *PASSED_OVER,
    "csv_weights",
    "early_stopping_rounds",
    "eval_metric",
    "num_round",
    "save_model_on_termination",
    "use_dask_gpu_training",
)


@dataclass(frozen=True)
class Settings:
    """A job's settings.

    params : what XGBoost is told, without metrics.
    metrics : XGBoost's own metrics to print, none for the objective's default; own : those of AWS's container.
    watched : the metric that early stopping looks at, None for the last one printed.
    folds, repeats : of a cross-validation, `folds` 0 for none.
    """

    params: Mapping[str, Any]
    objective: str
    booster: str
    rounds: int
    classes: int | None
    metrics: tuple[str, ...]
    own: tuple[str, ...]
    watched: str | None
    patience: int | None
    weights: bool
    save_on_stop: bool
    folds: int
    repeats: int
    seed: int

    @property
    def binned(self) -> bool:
        """Whether features are put into bins once, before the first round, and only the bins are held."""
        method = self.params.get("tree_method", "auto")
        return self.booster != "gblinear" and method in ("auto", "hist") and "updater" not in self.params

    @property
    def maximized(self) -> bool | None:
        """Whether more of the watched metric is better; None where XGBoost names it."""
        if self.watched is None:
            return None
        name = self.watched.partition("@")[0].removesuffix("-")
        return (NATIVE | CONTAINER).get(name) == "Maximize"

    @property
    def problem(self) -> str | None:
        """What its model is evaluated as; None where labels and scores cannot be set beside each other."""
        if self.objective.startswith("binary:"):
            return "binary"
        if self.objective.startswith("multi:"):
            return "multiclass"
        several = len(self.params.get("quantile_alpha", ())) > 1
        return None if self.objective.startswith(("rank:", "survival:")) or several else "regression"


def settle(given: Mapping[str, str]) -> Settings:
    """The settings of a job's hyperparameters; `ClientError` for what cannot be."""
    values = CATALOGUE.read(given)
    for name in sorted(set(given) & set(PASSED_OVER)):
        say(f"Hyperparameter '{name}' is passed over: {PASSED_OVER[name]}", "WARNING")
    asked = _metrics(values, given)
    folds = typed(KFOLD, given["_kfold"]) if "_kfold" in given else 0
    patience = values["early_stopping_rounds"]
    return Settings(
        params=_params(values, given),
        objective=_objective(values),
        booster=str(values["booster"]),
        rounds=_int(values["num_round"]),
        classes=None if values["num_class"] is None else _int(values["num_class"]),
        metrics=tuple(name for name in asked if name not in CONTAINER),
        own=tuple(name for name in asked if name in CONTAINER),
        watched=asked[-1] if asked else None,
        patience=None if patience is None else _int(patience),
        weights=bool(values["csv_weights"]),
        save_on_stop=bool(values["save_model_on_termination"]),
        folds=_int(folds),
        repeats=_int(typed(CV_ROUNDS, given["_num_cv_round"])) if "_num_cv_round" in given else 1,
        seed=_int(values["seed"]),
    )


def _int(value: Value) -> int:
    return int(value or 0)


def _objective(values: Mapping[str, Value]) -> str:
    objective = str(values["objective"])
    return "reg:squarederror" if objective == "reg:linear" else objective


def _params(values: Mapping[str, Value], given: Mapping[str, str]) -> dict[str, Any]:
    params: dict[str, Any] = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in values.items()
        if name in given and name not in _NOT_XGBOOSTS and value is not None
    }
    params["objective"] = _objective(values)
    if "monotone_constraints" in params:
        params["monotone_constraints"] = tuple(nested(values["monotone_constraints"]))
    if "interaction_constraints" in params:
        params["interaction_constraints"] = json.dumps(nested(values["interaction_constraints"]))
    if "quantile_alpha" in params:
        params["quantile_alpha"] = list(alphas(values["quantile_alpha"]))
    if "updater" in params:
        params["updater"] = ",".join(listed(values["updater"]))
    return params


def _metrics(values: Mapping[str, Value], given: Mapping[str, str]) -> list[str]:
    """The metrics to print, as they were asked for, and the one that a tuning job aims at."""
    asked = [_spelt(name, values) for name in listed(values["eval_metric"])]
    aim = _tuned(given)
    return [*(name for name in dict.fromkeys(asked) if name != aim), *([_spelt(aim, values)] if aim else [])]


def _spelt(metric: str, values: Mapping[str, Value]) -> str:
    """A metric as XGBoost prints it, which adds the power of tweedie's variance."""
    return f"{metric}@{values['tweedie_variance_power']:g}" if metric == "tweedie-nloglik" else metric


def _tuned(given: Mapping[str, str]) -> str | None:
    """The metric that a tuning job aims at: `rmse` of `validation:rmse`."""
    name = given.get("_tuning_objective_metric", "").strip('"').partition(":")[2].removesuffix("@")
    if name and (fault := metric_fault(name)):
        raise ClientError(fault.replace("eval_metric", "_tuning_objective_metric"))
    return name or None
