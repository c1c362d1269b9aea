"""The threshold of a binary classifier: where scores are cut so that the chosen criterion is at its best.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ll_how-it-works.html (step 3, validate and set the threshold).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats, Ints
from potager.images.algorithm.tables import Table
from potager.images.linear_learner.settings import Settings

BY_LOSS = ("cross_entropy_loss", "loss_function")
"""The criteria that leave the threshold in the middle and the choice to the loss."""

_EACH_EPOCH = 50_000  # rows looked at after each epoch


@dataclass(frozen=True)
class Cut:
    """Rows that score above `threshold` (raw, before any sigmoid) are positive; `value`: the criterion there."""

    threshold: float
    value: float


def calibrate(scores: Floats, labels: Floats, settings: Settings) -> Cut:
    """The best cut of `scores` `(n_rows,)`, raw, against labels 0 and 1; the nearest to 0 among equals."""
    criterion = settings.binary_classifier_model_selection_criteria
    if criterion in BY_LOSS:
        return Cut(0.0, float("nan"))
    thresholds, caught, picked = _cuts(scores, labels)
    values = _criterion(criterion, caught, picked, labels, settings)
    best = np.flatnonzero(values >= values.max() - 1e-12)
    chosen = best[np.argmin(np.abs(thresholds[best]))]
    return Cut(float(thresholds[chosen]), float(values[chosen]))


def criterion_values(validation: Table, weights: Floats, bias: Floats, settings: Settings) -> Float64:
    """The criterion of each model `(n_models,)`, every one at its own best threshold."""
    rows = calibration_rows(len(validation), min(settings.num_calibration_samples or _EACH_EPOCH, _EACH_EPOCH))
    labels = validation.labels[rows]
    scores = validation.features[rows] @ weights.T + bias
    scores[~np.isfinite(scores)] = 0.0
    return np.array([calibrate(column, labels, settings).value for column in scores.T])


def calibration_rows(rows: int, limit: int | None) -> slice | Ints:
    """`limit` of the rows, evenly spread; all of them where that is enough."""
    if limit is None or rows <= limit:
        return slice(None)
    return np.linspace(0, rows - 1, limit).astype(np.int64)


def _cuts(scores: Floats, labels: Floats) -> tuple[Float64, Float64, Float64]:
    """Every distinct way to cut: threshold, positives above it, rows above it; none and all included."""
    order = np.argsort(-scores)
    ranked = scores[order].astype(np.float64)
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    caught = np.concatenate([[0.0], np.cumsum(labels[order])[ends]])
    picked = np.concatenate([[0.0], ends + 1.0])
    between = (ranked[ends[:-1]] + ranked[ends[:-1] + 1]) / 2
    top, bottom = ranked[0] + 1.0, ranked[-1] - 1.0
    return np.concatenate([[top], between, [bottom]]), caught, picked


def _criterion(name: str, caught: Float64, picked: Float64, labels: Floats, settings: Settings) -> Float64:
    positives = float(labels.sum())
    precision = np.divide(caught, picked, out=np.zeros_like(caught), where=picked > 0)
    recall = caught / positives if positives else np.zeros_like(caught)
    if name == "accuracy":
        return (caught + (len(labels) - positives) - (picked - caught)) / len(labels)
    if name == "f_beta":
        return f_score(precision, recall, settings.f_beta)
    if name == "precision_at_target_recall":
        return _held(precision, recall, settings.target_recall)
    return _held(recall, precision, settings.target_precision)


def _held(wanted: Float64, held: Float64, target: float) -> Float64:
    """`wanted` where `held` reaches its target; else how near it comes, as a negative number."""
    return np.where(held >= target, wanted, held - target - 1)


def f_score(precision: Float64, recall: Float64, beta: float) -> Float64:
    """F-beta, 0 where both are 0 (van Rijsbergen, 1979)."""
    weight = beta * beta
    total = weight * precision + recall
    return np.divide((1 + weight) * precision * recall, total, out=np.zeros_like(total), where=total > 0)
