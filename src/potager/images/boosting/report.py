"""What a finished model comes to, on the rows that it learned from and on those that it did not.

Of the train channel at most `ROWS` rows are scored, evenly spread: they show how closely the model follows its own
rows, and to score a million of them takes as long as many rounds of training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from potager.images import evaluation
from potager.images.algorithm.arrays import Float32, Float64, Ints
from potager.images.boosting.data import Data, Rows
from potager.images.evaluation import Scored

Curves = Mapping[str, Mapping[str, Sequence[float]]]

ROWS = 50_000


def plain(value: float) -> str:
    """A metric's value as AWS's expressions read it: digits and a point, never an exponent."""
    return np.format_float_positional(value, unique=True, trim="0")


def evaluate(
    model: Path,
    data: Data,
    scores: Callable[[Float32], Float64],
    curves: Curves,
    best: int,
    importance: Mapping[str, Any] | None = None,
) -> None:
    """Writes `evaluation.json` into the model's folder.

    Parameters
    ----------
    scores : features to probabilities of class 1 `(n_rows,)` or of each class `(n_rows, n_classes)`, or to values.
    curves : a value a round, by channel and metric. best : the rounds that the model keeps.
    importance : of the features, as `evaluation.importance` gives it.
    """
    classes = np.array(data.target.classes) if data.target.classes else None

    def scored(name: str, rows: Rows) -> Scored:
        rows = _some(rows) if name == "train" else rows
        labels = rows.codes if classes is None else classes[rows.codes.astype(np.int64)]
        own = {metric: values[best - 1] for metric, values in curves.get(name, {}).items() if len(values) >= best}
        return Scored(labels, scores(rows.features), rows.features, own=own)

    channels = {name: scored(name, rows) for name, rows in data.channels.items()}
    evaluation.write(
        model, problem=data.target.kind, channels=channels, classes=classes, curves=curves, importance=importance
    )


def _some(rows: Rows) -> Rows:
    """At most `ROWS` rows, evenly spread."""
    count = len(rows.codes)
    if count <= ROWS:
        return rows
    taken: Ints = np.linspace(0, count - 1, ROWS).astype(np.int64)
    return replace(rows, features=rows.features[taken], codes=rows.codes[taken])
