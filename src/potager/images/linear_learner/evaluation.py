"""The finished model on every channel: the metrics that are printed and kept in `evaluation.json`."""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Float32, Floats
from potager.images.algorithm.tables import Table
from potager.images.linear_learner import metrics
from potager.images.linear_learner.fit import blocks, scores_of
from potager.images.linear_learner.losses import Loss
from potager.images.linear_learner.scaling import Scaler
from potager.images.linear_learner.selection import Chosen
from potager.images.linear_learner.settings import Settings


def evaluate(data: Table, model: Chosen, loss: Loss, scaler: Scaler, settings: Settings) -> dict[str, float]:
    """Metrics by SageMaker's names, `objective_loss` first: unweighted, in the label's own units."""
    scores = _scores(data, model)
    objective = float(_losses(scores, data, loss, settings).mean(dtype=np.float64))
    found = {"objective_loss": objective * scaler.label_deviation**loss.power}
    if settings.binary:
        return found | metrics.binary(scores[:, 0], data.labels, model.threshold, settings.f_beta)
    if settings.multiclass:
        labels = data.labels.astype(np.int64)
        return found | metrics.multiclass(scores, labels, settings.accuracy_top_k, settings.f_beta)
    values, labels = (
        column.astype(np.float64) * scaler.label_deviation + scaler.label_mean for column in (scores[:, 0], data.labels)
    )
    return found | metrics.regression(values, labels)


def _scores(data: Table, model: Chosen) -> Float32:
    """Raw scores `(n_rows, n_outputs)` on standardised features."""
    parts = [scores_of(data.features[rows], model.weights, model.bias) for rows in blocks(len(data), data.width)]
    return np.concatenate(parts)


def _losses(scores: Float32, data: Table, loss: Loss, settings: Settings) -> Floats:
    shaped = scores[:, None, :] if settings.multiclass else scores
    return loss.evaluate(shaped, data.labels[:, None].astype(np.float32))[0]
