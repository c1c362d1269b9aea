"""Errors of values: in the label's units, as shares of it, as shares of its variance."""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Float64

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
ROWS = 300  # shown one by one


def scores(labels: Float64, values: Float64, weights: Float64) -> tuple[dict[str, float], dict[str, str]]:
    """The metrics, and why some of them are not defined (NaN)."""
    total = float(weights.sum())
    residuals = labels - values
    mean = float(weights @ labels) / total
    spread = float(weights @ (labels - mean) ** 2) / total
    mse, bias = float(weights @ residuals**2) / total, float(weights @ residuals) / total
    wrong = np.abs(residuals)
    flat, zero = spread <= 1e-24 * mean * mean, bool((labels == 0).any())
    unknown = {
        **(dict.fromkeys(("r2", "explained_variance"), "every label is the same") if flat else {}),
        **({"mape": "a label is 0, of which no error is a share"} if zero else {}),
    }
    return {
        "mse": mse,
        "rmse": mse**0.5,
        "mae": float(weights @ wrong) / total,
        "median_ae": float(quantiles(wrong, weights, (0.5,))[0]),
        "mape": float("nan") if zero else float(weights @ (wrong / np.abs(labels))) / total,
        "r2": float("nan") if flat else 1 - mse / spread,
        "explained_variance": float("nan") if flat else 1 - float(weights @ (residuals - bias) ** 2) / total / spread,
        "mean_residual": bias,
    }, unknown


def predictions(labels: Float64, values: Float64) -> dict[str, list[float]]:
    """Labels and what was predicted of some rows, evenly spread over the ranks of the labels, both ends among them."""
    order = np.argsort(labels, kind="stable")
    kept = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), ROWS)).astype(np.int64))]
    return {"label": labels[kept].tolist(), "value": values[kept].tolist()}


def residual_quantiles(labels: Float64, values: Float64, weights: Float64) -> dict[str, list[float]]:
    """Quantiles of label minus value: where they are not about 0, the model is off to one side."""
    return {"at": list(QUANTILES), "residual": quantiles(labels - values, weights, QUANTILES).tolist()}


def quantiles(values: Float64, weights: Float64, at: tuple[float, ...]) -> Float64:
    """Weighted quantiles: the value at which the weight below reaches a share, midway where one ends there exactly.

    Hyndman and Fan (1996), definition 2; every weight is above 0.
    """
    order = np.argsort(values)
    ranked, heavy = values[order], np.cumsum(weights[order])
    total = float(heavy[-1])
    wanted, slack = np.array(at) * total, 1e-12 * total
    low = np.minimum(np.searchsorted(heavy, wanted - slack), len(values) - 1)
    high = np.minimum(np.searchsorted(heavy, wanted + slack), len(values) - 1)
    low[wanted <= 0] = high[wanted <= 0] = 0
    return (ranked[low] + ranked[high]) / 2
