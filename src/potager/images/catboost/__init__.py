"""The `catboost` image: gradient-boosted trees by CatBoost, with the hyperparameters of AWS's built-in algorithm.

This module is what the platform may know of it without loading any of its code. Names are those of
https://docs.aws.amazon.com/sagemaker/latest/dg/catboost-tuning.html. The expression of that page, `bestTest = ...`,
does not say which metric it reads; a run prints that line, and for the expressions below one that does.
"""

from __future__ import annotations

_LOSSES = ("RMSE", "MAE", "MedianAbsoluteError", "Logloss", "MultiClass")
_SCORES = ("R2", "Precision", "Recall", "F1", "AUC", "Accuracy", "BalancedAccuracy")

METRICS: list[tuple[str, str]] = [(name, rf"validation's {name}: (-?[0-9\.]+)") for name in (*_LOSSES, *_SCORES)]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {name: "Maximize" if name in _SCORES else "Minimize" for name in (*_LOSSES, *_SCORES)}
"""What a tuning job may aim at, and in which direction."""

REQUIRES = ("catboost", "pyarrow")
"""Distributions that it needs, which `EXTRA` of Potager's brings."""

EXTRA = "algorithms"

WARM = ("catboost", "pyarrow.csv")
"""What a warm pool keeps imported."""

SERVES = ("catboost",)
"""What the parent of its serving workers has imported."""
