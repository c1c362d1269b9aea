"""What was said against what is so: the confusion matrix and what follows from it.

Means over classes are taken over those that occur among labels or answers, and a share of nothing is 0, as in
scikit-learn. Matthews: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float64
from potager.images.evaluation.scored import Codes, summed

_MATRIX = 50  # classes of which the whole matrix is shown
_CONFUSED = 100  # pairs shown where it is not
_SHOWN = 1000  # classes shown one by one


@dataclass(frozen=True)
class Counts:
    """Weights of rows by class, `(n_classes,)`: `hits` said rightly, `actual` by label, `picked` by answer."""

    codes: Codes
    weights: Float64
    hits: Float64
    actual: Float64
    picked: Float64

    @property
    def total(self) -> float:
        return float(self.actual.sum())


def counted(codes: Codes, weights: Float64) -> Counts:
    """The counts of a channel."""
    right, classes = codes.codes == codes.said, len(codes.names)
    hits = summed(codes.codes[right], weights[right], classes)
    actual, picked = (summed(column, weights, classes) for column in (codes.codes, codes.said))
    return Counts(codes, weights, hits, actual, picked)


def scores(counts: Counts) -> dict[str, float]:
    """Accuracy, balanced accuracy, Matthews, and the macro, micro and weighted means of precision, recall and F1."""
    precision, recall, f1 = by_class(counts)
    occurs, true = (counts.actual + counts.picked) > 0, counts.actual > 0
    accuracy = float(counts.hits.sum()) / counts.total
    found = {
        "accuracy": accuracy,
        "balanced_accuracy": float(recall[true].mean()),
        "matthews_correlation": _matthews(counts),
    }
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        found[f"macro_{name}"] = float(values[occurs].mean())
        found[f"micro_{name}"] = accuracy  # every row has one class and one answer
        found[f"weighted_{name}"] = float(values @ counts.actual) / counts.total
    return found


def by_class(counts: Counts) -> tuple[Float64, Float64, Float64]:
    """Precision, recall and F1 of each class, `(n_classes,)`."""
    precision, recall = share(counts.hits, counts.picked), share(counts.hits, counts.actual)
    return precision, recall, share(2 * counts.hits, counts.picked + counts.actual)


def share(part: Float64, whole: Float64) -> Float64:
    """`part / whole`, 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _matthews(counts: Counts) -> float:
    """0 where one class alone was said or one alone is so, as scikit-learn has it."""
    total = counts.total
    together = float(counts.hits.sum()) * total - float(counts.actual @ counts.picked)
    said, so = (total * total - float(column @ column) for column in (counts.picked, counts.actual))
    return together / float(np.sqrt(said) * np.sqrt(so)) if min(said, so) > 1e-12 * total * total else 0.0


def per_class(counts: Counts) -> dict[str, list[Any]]:
    """Columns with a row a class: label, precision, recall, f1, support; the most frequent where there are many."""
    order = np.arange(len(counts.actual))
    if len(order) > _SHOWN:
        order = np.sort(np.argsort(-counts.actual, kind="stable")[:_SHOWN])
    columns = zip(("precision", "recall", "f1"), by_class(counts), strict=True)
    return {
        "label": [counts.codes.names[index] for index in order],
        **{name: values[order].tolist() for name, values in columns},
        "support": counts.actual[order].tolist(),
    }


def matrix(counts: Counts) -> list[list[float]] | None:
    """Weights by label (rows) and answer (columns), in the order of the labels; None where classes are too many."""
    classes = len(counts.codes.names)
    if classes > _MATRIX:
        return None
    cells = counts.codes.codes * classes + counts.codes.said
    return summed(cells, counts.weights, classes * classes).reshape(classes, classes).tolist()


def confused(counts: Counts) -> list[dict[str, Any]]:
    """The pairs of classes that were taken for one another most often."""
    codes, wrong = counts.codes, counts.codes.codes != counts.codes.said
    pairs, place = np.unique(codes.codes[wrong] * len(codes.names) + codes.said[wrong], return_inverse=True)
    weights = summed(place, counts.weights[wrong], len(pairs))
    worst = np.argsort(-weights, kind="stable")[:_CONFUSED]
    return [
        {
            "label": codes.names[int(pairs[index]) // len(codes.names)],
            "predicted": codes.names[int(pairs[index]) % len(codes.names)],
            "weight": float(weights[index]),
        }
        for index in worst
    ]
