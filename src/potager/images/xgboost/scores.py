"""The metrics that AWS's container adds to XGBoost's own, computed after each round.

Source: `metrics/custom_metrics.py` of https://github.com/aws/sagemaker-xgboost-container: `f1` is the mean of the
classes' F1, `f1_binary`, `precision` and `recall` are those of class 1, and rows all weigh the same.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats

sklearn: Any = importlib.import_module("sklearn.metrics")

_CLASSES: dict[str, Callable[..., float]] = {
    "accuracy": sklearn.accuracy_score,
    "balanced_accuracy": sklearn.balanced_accuracy_score,
    "f1": partial(sklearn.f1_score, average="macro", zero_division=0),
    "f1_binary": partial(sklearn.f1_score, average="binary", zero_division=0),
    "f1_macro": partial(sklearn.f1_score, average="macro", zero_division=0),
    "precision": partial(sklearn.precision_score, average="binary", zero_division=0),
    "precision_macro": partial(sklearn.precision_score, average="macro", zero_division=0),
    "precision_micro": partial(sklearn.precision_score, average="micro", zero_division=0),
    "recall": partial(sklearn.recall_score, average="binary", zero_division=0),
    "recall_macro": partial(sklearn.recall_score, average="macro", zero_division=0),
    "recall_micro": partial(sklearn.recall_score, average="micro", zero_division=0),
}
"""Of labels and the classes said."""
_VALUES: dict[str, Callable[..., float]] = {"mse": sklearn.mean_squared_error, "r2": sklearn.r2_score}
"""Of labels and values."""

BINARY = ("f1_binary", "precision", "recall")
"""Those that know two classes only."""


class Scores:
    """What `xgboost.train` calls with its predictions, which the objective has transformed, and a matrix."""

    def __init__(self, names: Sequence[str], objective: str) -> None:
        self._names, self._objective = names, objective

    def __call__(self, predictions: Floats, matrix: Any) -> list[tuple[str, float]]:
        labels: Float64 = np.asarray(matrix.get_label(), np.float64)
        return [(name, self._score(name, labels, predictions)) for name in self._names]

    def _score(self, name: str, labels: Float64, predictions: Floats) -> float:
        if name in _VALUES:
            return float(_VALUES[name](labels, predictions if predictions.ndim == 1 else predictions.mean(axis=1)))
        return float(_CLASSES[name](labels > 0.5 if self._two else labels, said(predictions, self._objective)))

    @property
    def _two(self) -> bool:
        return not self._objective.startswith("multi:")


def said(predictions: Floats, objective: str) -> Any:
    """The classes that predictions mean, `(n_rows,)`."""
    if predictions.ndim == 2:
        return predictions.argmax(axis=1)
    if objective == "multi:softmax":
        return predictions
    return predictions > (0 if objective == "binary:logitraw" else 0.5)
