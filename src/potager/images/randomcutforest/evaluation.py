"""How well scores tell a labelled test channel's anomalies: the three-sigma rule against the labels.

A row is called anomalous where its score lies more than three standard deviations above the mean score of the channel.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/random-cut-forest-tuning.html
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from potager.images.algorithm.arrays import Flags, Float64

_SIGMAS = 3.0


def limit(scores: Float64) -> float:
    """The score above which a row is anomalous, by the scores `(n_rows,)` of a channel."""
    return float(scores.mean() + _SIGMAS * scores.std())


def evaluate(scores: Float64, labels: Float64, wanted: Sequence[str]) -> dict[str, float]:
    """Metrics of labels 1 (anomalous) and 0 `(n_rows,)`, those of `eval_metrics`; 0 where a ratio has no rows.

    `precision`, `recall` and `f1` are of the anomalous rows, `negative_*` of the others.
    """
    called: Flags = scores > limit(scores)
    true: Flags = labels == 1
    found: dict[str, float] = {}
    if "precision_recall_fscore" in wanted:
        found |= _scores(called, true, "") | _scores(~called, ~true, "negative_")
    if "accuracy" in wanted:
        found["accuracy"] = float(np.equal(called, true).mean())
    return found


def _scores(called: Flags, true: Flags, prefix: str) -> dict[str, float]:
    right = float(np.sum(called & true))
    total_called, total_true = float(called.sum()), float(true.sum())
    return {
        f"{prefix}f1": 2 * right / (total_called + total_true) if total_called + total_true else 0.0,
        f"{prefix}precision": right / total_called if total_called else 0.0,
        f"{prefix}recall": right / total_true if total_true else 0.0,
    }
