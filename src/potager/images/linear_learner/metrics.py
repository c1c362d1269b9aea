"""What a finished model scores on a channel, by SageMaker's metric names.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/linear-learner-tuning.html
"""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Flags, Float64, Floats, Ints
from potager.images.linear_learner.calibration import f_score


def binary(scores: Floats, labels: Floats, threshold: float, beta: float) -> dict[str, float]:
    """Metrics of raw scores `(n_rows,)` cut at `threshold`, against labels 0 and 1."""
    said: Flags = scores > threshold
    true: Flags = labels > 0.5
    caught, picked, positives = (int(np.count_nonzero(rows)) for rows in (said & true, said, true))
    precision, recall = caught / picked if picked else 0.0, caught / positives if positives else 0.0
    return {
        "binary_classification_accuracy": np.count_nonzero(said == true) / len(true),
        "binary_f_beta": float(f_score(np.array([precision]), np.array([recall]), beta)[0]),
        "precision": precision,
        "recall": recall,
        "roc_auc_score": roc_auc(scores, true),
    }


def roc_auc(scores: Floats, true: Flags) -> float:
    """Area under the ROC curve: how often a positive row outscores a negative one, ties half; NaN for one class."""
    positives = int(np.count_nonzero(true))
    negatives = len(scores) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][true].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def multiclass(scores: Floats, labels: Ints, top_k: int, beta: float) -> dict[str, float]:
    """Metrics of raw scores `(n_rows, n_classes)` against class numbers; macro means are over classes that occur."""
    own = np.asarray(scores[np.arange(len(labels)), labels], np.float64)[:, None]
    # Rows above one's own class; of equals the smaller class number goes first, as argmax has it.
    classes = int(scores.shape[1])
    level = np.arange(classes) < labels[:, None]
    ahead = np.greater(scores, own) | (np.equal(scores, own) & level)
    rank = np.asarray(np.count_nonzero(ahead, axis=1), np.float64)
    precision, recall, f_beta = _macro(scores.argmax(axis=1), labels, classes, beta)
    return {
        "multiclass_accuracy": np.count_nonzero(rank < 1) / len(labels),
        "multiclass_top_k_accuracy": np.count_nonzero(rank < top_k) / len(labels),
        "dcg": float(np.mean(1 / np.log2(np.add(rank, 2)))),
        "macro_recall": recall,
        "macro_precision": precision,
        "macro_f_beta": f_beta,
    }


def _macro(said: Ints, labels: Ints, classes: int, beta: float) -> tuple[float, float, float]:
    hits = np.bincount(labels[said == labels], minlength=classes).astype(np.float64)
    picked, actual = (np.bincount(column, minlength=classes).astype(np.float64) for column in (said, labels))
    present = (picked + actual) > 0
    precision = np.divide(hits, picked, out=np.zeros(classes), where=picked > 0)[present]
    recall = np.divide(hits, actual, out=np.zeros(classes), where=actual > 0)[present]
    return float(precision.mean()), float(recall.mean()), float(f_score(precision, recall, beta).mean())


def regression(scores: Floats, labels: Float64) -> dict[str, float]:
    """Errors in the label's own units; `r2` is 1 minus the share of variance left, NaN for a constant label."""
    error = scores - labels
    mse, variance = float(np.mean(error * error)), float(np.var(labels))
    return {
        "mse": mse,
        "absolute_loss": float(np.mean(np.abs(error))),
        "rmse": mse**0.5,
        "r2": 1 - mse / variance if variance else float("nan"),
    }
