"""Shift and scale of features and label: measured once, applied in place, folded back into the finished weights.

A model therefore takes raw features: nothing but a product and a sum is left to do when it serves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Floats, Ints
from potager.images.linear_learner.settings import Settings
from potager.images.linear_learner.shifted import Shifted

_CELLS = 4_000_000  # of a block that is widened to float64 for a moment


@dataclass(frozen=True)
class Scaler:
    """`(value - mean) / deviation` for each feature `(n_features,)` and for the label."""

    mean: Float64
    deviation: Float64
    """Infinite where nothing can be learnt of a feature: whatever it comes to be later, it has no say."""
    label_mean: float = 0.0
    label_deviation: float = 1.0

    def apply(self, features: Any) -> Float32 | Shifted:
        """Features `(n_rows, n_features)`, an array or a CSR matrix, standardised in place."""
        factor, rows = 1 / self.deviation, max(1, _CELLS // max(1, features.shape[1]))
        if not isinstance(features, np.ndarray):
            for start in range(0, len(features.data), _CELLS):
                part = slice(start, start + _CELLS)
                features.data[part] *= factor[features.indices[part]]
            return Shifted(features, (self.mean * factor).astype(np.float32))
        for start in range(0, len(features), rows):  # pyright: ignore[reportUnknownArgumentType]
            block = features[start : start + rows]  # pyright: ignore[reportUnknownVariableType]
            block[:] = (block - self.mean) * factor
        return features  # pyright: ignore[reportUnknownVariableType]

    def label(self, labels: Floats) -> Float32:
        """Labels as training sees them."""
        return ((labels - self.label_mean) / self.label_deviation).astype(np.float32)

    def unscaled(self, values: Floats) -> Float64:
        """Labels as training sees them, in their own units again."""
        return values.astype(np.float64) * self.label_deviation + self.label_mean

    def fold(self, weights: Floats, bias: Floats) -> tuple[Float64, Float64]:
        """Weights `(..., n_features)` and bias `(...)` of standardised data, as they apply to raw data."""
        raw = weights / self.deviation * self.label_deviation
        return raw, bias * self.label_deviation + self.label_mean - raw @ self.mean


def measure(features: Any, labels: Floats, settings: Settings) -> Scaler:
    """The scaler of a training set, from `num_point_for_scaler` of its rows, evenly spread; of sparse rows all."""
    width = int(features.shape[1])
    if isinstance(features, np.ndarray):
        sample, sampled = _spread(features, labels, settings.num_point_for_scaler)  # pyright: ignore[reportUnknownArgumentType]
        mean = np.asarray(sample.mean(axis=0, dtype=np.float64), np.float64)
        deviation = _deviation(sample, features, mean)  # pyright: ignore[reportUnknownArgumentType]
    else:
        sampled = labels
        mean, deviation = _of_sparse(features)
    constant = deviation <= 1e-7 * np.abs(mean)  # below this a deviation is the rounding of float32
    unvaried = constant & ((mean == 0) | settings.unbias_data)
    scale = np.where(constant, 1.0, deviation) if settings.normalize_data else np.ones(width)
    return Scaler(
        mean if settings.unbias_data else np.zeros(width),
        np.where(unvaried, np.inf, scale),
        float(sampled.mean()) if settings.unbias_label else 0.0,
        (float(sampled.std()) or 1.0) if settings.normalize_label else 1.0,
    )


def deviations(features: Float32 | Shifted, limit: int) -> Float64:
    """Standard deviations of features as training sees them, of at most `limit` rows; of sparse rows all."""
    if isinstance(features, Shifted):
        return _of_sparse(features.rows)[1]
    rows = np.linspace(0, len(features) - 1, min(len(features), limit)).astype(np.intp)
    return np.asarray(features[rows].std(axis=0, dtype=np.float64), np.float64)


def _spread(features: Float32, labels: Floats, limit: int) -> tuple[Float32, Floats]:
    if len(features) <= limit:
        return features, labels
    rows = np.linspace(0, len(features) - 1, limit).astype(np.intp)
    return features[rows], labels[rows]


def _deviation(sample: Float32, features: Float32, mean: Float64) -> Float64:
    """Standard deviations; a feature constant in the sample is measured on all rows."""
    deviation = np.asarray(sample.std(axis=0, dtype=np.float64), np.float64)
    flat = np.flatnonzero(deviation <= 1e-7 * np.abs(mean))
    if len(flat) and len(sample) < len(features):
        deviation[flat] = [features[:, column].std(dtype=np.float64) for column in flat]
    return deviation


def _of_sparse(features: Any) -> tuple[Float64, Float64]:
    """Mean and standard deviation of the columns of a CSR matrix."""
    rows, width = features.shape
    total, squares, held = np.zeros(width), np.zeros(width), np.zeros(width)
    for start in range(0, len(features.data), _CELLS):
        values, columns = _entries(features, start)
        total += np.bincount(columns, values, width)
        held += np.bincount(columns, minlength=width)
    mean = total / rows
    for start in range(0, len(features.data), _CELLS):
        values, columns = _entries(features, start)
        squares += np.bincount(columns, (values - mean[columns]) ** 2, width)
    return mean, np.sqrt((squares + (rows - held) * mean**2) / rows)


def _entries(features: Any, start: int) -> tuple[Float64, Ints]:
    part = slice(start, start + _CELLS)
    return features.data[part].astype(np.float64), features.indices[part]
