"""From the models trained to the one that is kept: by criterion, then by loss; with its threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64
from potager.images.algorithm.tables import Table
from potager.images.linear_learner.calibration import Cut, calibrate, calibration_rows
from potager.images.linear_learner.fit import Fitted
from potager.images.linear_learner.settings import Settings


@dataclass(frozen=True)
class Chosen:
    """The best model on standardised data: `weights` `(n_outputs, n_features)`, `bias` `(n_outputs,)`.

    `threshold` is raw (before any sigmoid) and 0 for anything but a binary classifier.
    """

    index: int
    weights: Float32
    bias: Float32
    threshold: float = 0.0


def choose(fitted: Fitted, judge: Table, settings: Settings) -> Chosen:
    """The best of the fitted models on `judge`: validation, or train where there is none."""
    if not settings.binary:
        return _chosen(fitted, int(np.argmin(fitted.loss)), 0.0)
    cuts = _cuts(fitted, judge, settings)
    values = np.array([cut.value for cut in cuts])
    index = _best(values, np.where(np.isfinite(fitted.loss), fitted.loss, np.inf))
    return _chosen(fitted, index, cuts[index].threshold)


def _cuts(fitted: Fitted, judge: Table, settings: Settings) -> list[Cut]:
    rows = calibration_rows(len(judge), settings.num_calibration_samples)
    features, labels = judge.features[rows], judge.labels[rows]
    pairs = zip(fitted.weights[:, 0], fitted.bias[:, 0], strict=True)
    return [calibrate(features @ weights + bias, labels, settings) for weights, bias in pairs]


def _best(values: Float64, losses: Float64) -> int:
    """The highest value; the lowest loss decides among equals, and alone where there is no value."""
    if np.isnan(values).all():
        return int(np.argmin(losses))
    ranked = np.where(np.isfinite(losses), np.nan_to_num(values, nan=-np.inf), -np.inf)
    return int(np.lexsort((losses, -ranked))[0])


def _chosen(fitted: Fitted, index: int, threshold: float) -> Chosen:
    return Chosen(index, fitted.weights[index], fitted.bias[index], threshold)
