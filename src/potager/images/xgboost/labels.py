"""What a row is to each objective: which labels it takes, and what is said of others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from potager.images.algorithm.arrays import Flags, Float64
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.layout import Layout
from potager.images.media import CSV, LIBSVM, PARQUET, RECORDIO
from potager.images.xgboost.settings import Settings

_GREATEST = 31
"""The greatest relevance whose gain, 2 to its power, is still a number of 32 bits."""

_Allowed = Callable[[Float64], Flags]

_POSITIVE: tuple[_Allowed, str] = (lambda y: y > 0, "not above 0")
_COUNTS: tuple[_Allowed, str] = (lambda y: y >= 0, "below 0")
_TIMES: tuple[_Allowed, str] = (lambda y: y != 0, "0: it is a time, negative where the row is censored there")
_GRADES: tuple[_Allowed, str] = (
    lambda y: (y >= 0) & (y <= _GREATEST) & (y == np.floor(y)),
    f"not an integer in [0, {_GREATEST}]",
)
_BOTH: tuple[_Allowed, str] = (lambda y: (y == 0) | (y == 1), "neither 0 nor 1")

_RULES: dict[str, tuple[_Allowed, str]] = {
    "binary:hinge": _BOTH,
    "binary:logistic": _BOTH,
    "binary:logitraw": _BOTH,
    "count:poisson": _COUNTS,
    "rank:map": _BOTH,
    "rank:ndcg": _GRADES,
    "rank:pairwise": _GRADES,
    "reg:gamma": _POSITIVE,
    "reg:logistic": (lambda y: (y >= 0) & (y <= 1), "not in [0, 1]"),
    "reg:squaredlogerror": (lambda y: y > -1, "not above -1"),
    "reg:tweedie": _COUNTS,
    "survival:aft": _TIMES,
    "survival:cox": _TIMES,
}
"""Which labels an objective takes, and what is wrong with others."""


def layout(settings: Settings) -> Layout:
    """How a job's channels are read."""
    allowed, wrong = _rule(settings)

    def fitting(labels: Float64) -> bool:
        return bool((np.isfinite(labels) & allowed(labels)).all())

    def complaint(label: float) -> str | None:
        if not np.isfinite(label):
            return f"label {label:g} is not a finite number. Drop the row or give it a label."
        if allowed(np.array([label]))[0]:
            return None
        return f"label {label:g} is {wrong}, and {settings.objective} cannot learn it{_remedy(settings)}."

    return Layout(
        "xgboost",
        gaps=True,
        fitting=fitting,
        complaint=complaint,
        formats=(CSV, LIBSVM, PARQUET, RECORDIO),
        sparse=True,
        weights=settings.weights,
        delimiters=True,
    )


def _rule(settings: Settings) -> tuple[_Allowed, str]:
    if settings.classes is not None:
        most = settings.classes - 1
        return lambda y: (y >= 0) & (y <= most) & (y == np.floor(y)), f"not an integer in [0, {most}]"
    return _RULES.get(settings.objective, (lambda y: np.isfinite(y), ""))


def _remedy(settings: Settings) -> str:
    if settings.classes is not None:
        return ". Raise num_class, or correct the label"
    if settings.objective.startswith("binary:"):
        return ". For shares between 0 and 1 set objective to reg:logistic, for more classes to multi:softmax"
    return ". Correct the label, or take another objective"


def refuse_one_class(labels: Float64, settings: Settings) -> None:
    """`ClientError` where a classifier would learn but one answer."""
    if settings.problem in ("binary", "multiclass") and (labels == labels[0]).all():
        raise ClientError(
            f"Channel 'train': every label is {labels[0]:g}. A classifier needs rows of at least two classes."
        )
