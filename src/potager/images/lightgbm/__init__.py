"""The `lightgbm` image: gradient-boosted trees by LightGBM, with the hyperparameters of AWS's built-in algorithm.

This module is what the platform may know of it without loading any of its code. Names, expressions and directions are
those of https://docs.aws.amazon.com/sagemaker/latest/dg/lightgbm-tuning.html, but for the cross entropies and the
multiclass error, which that page would maximize.
"""

from __future__ import annotations

_LOSSES = (
    "rmse",
    "l1",
    "l2",
    "huber",
    "fair",
    "binary_logloss",
    "binary_error",
    "multi_logloss",
    "multi_error",
    "cross_entropy",
)
_SCORES = ("auc", "average_precision", "auc_mu")

METRICS: list[tuple[str, str]] = [(name, rf"\b{name}: ([0-9\.]+)") for name in (*_LOSSES, *_SCORES)]
"""Name and regular expression of each metric that a run may print; the first group is the value."""

OBJECTIVES: dict[str, str] = {name: "Maximize" if name in _SCORES else "Minimize" for name in (*_LOSSES, *_SCORES)}
"""What a tuning job may aim at, and in which direction."""

REQUIRES = ("lightgbm", "pyarrow")
"""Distributions that it needs, which `EXTRA` of Potager's brings."""

EXTRA = "algorithms"

WARM = ("lightgbm", "pyarrow.csv")
"""What a warm pool keeps imported."""

SERVES = ("lightgbm",)
"""What the parent of its serving workers has imported."""
