"""The finished model on every channel: its evaluation, with the figures that SageMaker names.

Source of the names: https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from potager.images import evaluation
from potager.images.algorithm.arrays import Float32, Float64, Floats, Ints
from potager.images.algorithm.tables import Table
from potager.images.evaluation import Scored, counts
from potager.images.evaluation.scored import Codes
from potager.images.linear_learner import scaling
from potager.images.linear_learner.calibration import f_score
from potager.images.linear_learner.fit import blocks, scores_of
from potager.images.linear_learner.losses import Loss, sigmoid
from potager.images.linear_learner.scaling import Scaler
from potager.images.linear_learner.selection import Chosen
from potager.images.linear_learner.settings import Settings
from potager.images.linear_learner.shifted import Shifted

Curves = Mapping[str, Mapping[str, Sequence[float]]]


def evaluate(
    data: Mapping[str, Table], model: Chosen, loss: Loss, scaler: Scaler, settings: Settings, curves: Curves
) -> dict[str, Any]:
    """The evaluation of all channels; `own` of each holds SageMaker's metrics, `objective_loss` first.

    Figures are unweighted, those of a regressor in the label's own units.
    """
    scored = {name: _scored(table, model, loss, scaler, settings) for name, table in data.items()}
    problem = "binary" if settings.binary else "multiclass" if settings.multiclass else "regression"
    classes = None if problem == "regression" else range(settings.num_classes)
    # Which row is positive was decided on raw scores; the threshold is theirs, seen as the client sees scores.
    threshold = float(_shown(np.array([[model.threshold]]), loss)[0]) if settings.binary else 0.5
    # Of several classes the mean: each has weights of its own.
    moved = np.abs(model.weights.astype(np.float64)).mean(axis=0)
    moved *= scaling.deviations(data["train"].features, settings.num_point_for_scaler)
    importance = evaluation.importance(moved, "weight x deviation")
    found = evaluation.evaluate(problem, scored, classes, threshold, curves, loss.name != "hinge_loss", importance)
    for channel in found["channels"].values():
        channel["own"] |= _named(channel, settings)
    return found


def _scored(data: Table, model: Chosen, loss: Loss, scaler: Scaler, settings: Settings) -> Scored:
    raw = _scores(data, model)
    features: Any = data.features.rows if isinstance(data.features, Shifted) else data.features
    shaped = raw[:, None, :] if settings.multiclass else raw
    losses = loss.evaluate(shaped, data.labels[:, None].astype(np.float32))[0]
    own = {"objective_loss": float(losses.mean(dtype=np.float64)) * scaler.label_deviation**loss.power}
    if settings.multiclass:
        labels = data.labels.astype(np.int64)
        said = raw.argmax(axis=1).astype(np.int64)
        own |= _ranked(raw, labels, settings.accuracy_top_k)
        own["macro_f_beta"] = _macro_f_beta(labels, said, settings)
        return Scored(labels, _softmax(raw), features, predicted=said, own=own)
    if settings.binary:
        said = (raw[:, 0] > model.threshold).astype(np.int64)
        return Scored(data.labels.astype(np.int64), _shown(raw, loss), features, predicted=said, own=own)
    values, labels = (scaler.unscaled(column) for column in (raw[:, 0], data.labels))
    return Scored(labels, values, features, own=own)


def _scores(data: Table, model: Chosen) -> Float32:
    """Raw scores `(n_rows, n_outputs)` on standardised features."""
    parts = [scores_of(data.features[rows], model.weights, model.bias) for rows in blocks(len(data), data.width)]
    return np.concatenate(parts)


def _shown(raw: Floats, loss: Loss) -> Float64:
    """Raw scores `(n_rows, 1)` of a binary classifier as clients see them."""
    scores = raw[:, 0].astype(np.float64)
    return np.asarray(sigmoid(scores) if loss.name == "logistic" else scores, np.float64)


def _softmax(raw: Float32) -> Float32:
    """Probabilities in the place of raw scores `(n_rows, n_classes)`."""
    raw -= raw.max(axis=1, keepdims=True)
    np.exp(raw, out=raw)
    raw /= raw.sum(axis=1, keepdims=True)
    return raw


def _ranked(raw: Float32, labels: Ints, top_k: int) -> dict[str, float]:
    """What depends on where a row's own class stands among its scores `(n_rows, n_classes)`."""
    own = raw[np.arange(len(labels)), labels][:, None]
    # Classes above one's own; of equals the smaller number goes first, as argmax has it.
    level = np.arange(int(raw.shape[1])) < labels[:, None]
    rank = np.asarray(np.count_nonzero(np.greater(raw, own) | (np.equal(raw, own) & level), axis=1), np.float64)
    return {
        "multiclass_top_k_accuracy": np.count_nonzero(rank < top_k) / len(labels),
        "dcg": float(np.mean(1 / np.log2(np.add(rank, 2)))),
    }


def _macro_f_beta(labels: Ints, said: Ints, settings: Settings) -> float:
    """Mean F-beta of the classes that occur."""
    known = settings.num_classes
    counted = counts.counted(Codes(labels, said, list(range(known)), known), np.ones(len(labels)))
    precision, recall, _ = counts.by_class(counted)
    return float(f_score(precision, recall, settings.f_beta)[counted.actual + counted.picked > 0].mean())


def _named(channel: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The figures of a channel by SageMaker's names."""
    metrics = channel["metrics"]
    if settings.binary:
        precision, recall = (np.array([metrics[name]]) for name in ("precision", "recall"))
        return {
            "binary_classification_accuracy": metrics["accuracy"],
            "binary_f_beta": float(f_score(precision, recall, settings.f_beta)[0]),
            "precision": metrics["precision"],
            "recall": metrics["recall"],
            "roc_auc_score": metrics["roc_auc"],
        }
    if settings.multiclass:
        return {
            "multiclass_accuracy": metrics["accuracy"],
            "macro_recall": metrics["macro_recall"],
            "macro_precision": metrics["macro_precision"],
        }
    return {"mse": metrics["mse"], "absolute_loss": metrics["mae"]}
