"""How well scores rank: areas under ROC and precision-recall curves, the curves, the threshold of the best F1.

The area under the ROC curve is how often a row of the class outscores another, ties half (Hanley and McNeil, 1982);
that under the precision-recall curve is average precision, without interpolation. Several classes: each against all
others, or pair by pair (Hand and Till, 2001), as scikit-learn's `roc_auc_score` has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Flags, Float64, Floats, Ints
from potager.images.evaluation.scored import summed

POINTS = 200  # of a curve that is kept
PAIRWISE = 100  # classes up to which pairs are compared


@dataclass(frozen=True)
class Cuts:
    """Every distinct way to cut scores from the top.

    scores : the lowest score above each cut; caught, fallen : weight of the positive and negative rows above it.
    """

    scores: Float64
    caught: Float64
    fallen: Float64

    @property
    def two_sided(self) -> bool:
        """Whether there are both positives and negatives."""
        return bool(self.caught[-1] > 0 and self.fallen[-1] > 0)

    @property
    def precision(self) -> Float64:
        return self.caught / (self.caught + self.fallen)

    @property
    def recall(self) -> Float64:
        return self.caught / self.caught[-1]


def cuts(scores: Floats, positive: Flags, weights: Float64) -> Cuts:
    """The cuts of scores `(n_rows,)`, of at least one row; every weight is above 0."""
    order = np.argsort(scores)[::-1]
    ranked = scores[order].astype(np.float64)
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    weighed, true = weights[order], positive[order]
    return Cuts(ranked[ends], np.cumsum(weighed * true)[ends], np.cumsum(weighed * ~true)[ends])


def roc_auc(cut: Cuts) -> float:
    """Area under the ROC curve, by trapezia; NaN without positives or negatives."""
    if not cut.two_sided:
        return float("nan")
    caught, fallen = np.concatenate([[0.0], cut.caught]), np.concatenate([[0.0], cut.fallen])
    area = float(np.diff(fallen) @ (caught[1:] + caught[:-1])) / 2
    return area / float(caught[-1] * fallen[-1])


def average_precision(cut: Cuts) -> float:
    """Precision at each cut, weighed by the recall that the cut adds; NaN without positives."""
    if cut.caught[-1] <= 0:
        return float("nan")
    return float(np.diff(cut.recall, prepend=0.0) @ cut.precision)


def best_f1(cut: Cuts) -> dict[str, float]:
    """Where F1 is highest: rows that score above `threshold` are positive; the higher threshold of equals."""
    if cut.caught[-1] <= 0:
        return dict.fromkeys(("threshold", "f1", "precision", "recall"), float("nan"))
    f1 = 2 * cut.caught / (cut.caught + cut.fallen + cut.caught[-1])
    at = int(np.argmax(f1))
    found = {"f1": f1[at], "precision": cut.precision[at], "recall": cut.recall[at]}
    return {"threshold": _below(cut.scores, at), **{name: float(value) for name, value in found.items()}}


def _below(scores: Float64, at: int) -> float:
    """A threshold that the score at a cut lies above and the next one does not."""
    if at + 1 == len(scores):
        return float(np.nextafter(scores[at], -np.inf))
    upper, lower = float(scores[at]), float(scores[at + 1])
    middle = lower + (upper - lower) / 2
    return middle if middle < upper else lower


def roc_curve(cut: Cuts) -> dict[str, list[Any]] | None:
    """At most 200 points from (0, 0) to (1, 1), a row counted positive from `threshold` on; None for one class."""
    if not cut.two_sided:
        return None
    caught = np.concatenate([[0.0], cut.caught / cut.caught[-1]])
    fallen = np.concatenate([[0.0], cut.fallen / cut.fallen[-1]])
    kept = _spread(caught + fallen)
    thresholds = [None if at == 0 else float(cut.scores[at - 1]) for at in kept]
    return {
        "false_positive_rate": fallen[kept].tolist(),
        "true_positive_rate": caught[kept].tolist(),
        "threshold": thresholds,
    }


def precision_recall_curve(cut: Cuts) -> dict[str, list[Any]] | None:
    """At most 200 points by growing recall, a row counted positive from `threshold` on; None without positives."""
    if cut.caught[-1] <= 0:
        return None
    kept = _spread(cut.recall)
    return {
        "recall": cut.recall[kept].tolist(),
        "precision": cut.precision[kept].tolist(),
        "threshold": cut.scores[kept].tolist(),
    }


def _spread(along: Float64) -> Ints:
    """Indices of at most `POINTS` entries of a rising series, evenly spread over its values, both ends among them."""
    if len(along) <= POINTS:
        return np.arange(len(along))
    wanted = np.linspace(float(along[0]), float(along[-1]), POINTS - 1)
    return np.unique(np.append(np.searchsorted(along, wanted), [0, len(along) - 1]))


def one_against_all(scores: Floats, codes: Ints, weights: Float64 | None) -> tuple[Float64, Float64]:
    """ROC AUC and average precision of each class, `(n_classes,)`; NaN where it has no rows or all of them.

    weights : `(n_rows,)`, None where all are equal, which is quicker.
    """
    classes = int(scores.shape[1])
    areas, precisions = np.full(classes, np.nan), np.full(classes, np.nan)
    rows_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes, minlength=classes))[:-1])
    for index, rows in enumerate(rows_of):
        if 0 < len(rows) < len(codes):
            areas[index], precisions[index] = _class_ranked(scores[:, index], rows, weights)
    return areas, precisions


def _class_ranked(column: Floats, rows: Ints, weights: Float64 | None) -> tuple[float, float]:
    """Both areas of one class, from where its own rows stand among all: only a sort of the column is needed."""
    ranked, below = _ladder(column, weights)
    own, own_below = _ladder(column[rows], None if weights is None else weights[rows])
    left, right = (below[np.searchsorted(ranked, own, side)] for side in ("left", "right"))
    own_left, own_right = (own_below[np.searchsorted(own, own, side)] for side in ("left", "right"))
    weighed = np.diff(own_below)
    all_rows, positives = float(below[-1]), float(own_below[-1])
    outscored = (left - own_left) + ((right - left) - (own_right - own_left)) / 2
    area = float(weighed @ outscored) / (positives * (all_rows - positives))
    return area, float(weighed @ ((positives - own_left) / (all_rows - left))) / positives


def _ladder(values: Floats, weights: Float64 | None) -> tuple[Floats, Float64]:
    """Values sorted, and the weight that lies before each place, `(n + 1,)`."""
    if weights is None:
        return np.sort(values), np.arange(len(values) + 1, dtype=np.float64)
    order = np.argsort(values)
    return values[order], np.concatenate([[0.0], np.cumsum(weights[order])])


def one_against_one(scores: Floats, codes: Ints, weights: Float64) -> float:
    """Mean over all pairs of classes that occur of how well each of the two ranks its own rows above the other's."""
    classes = int(scores.shape[1])
    heavy = summed(codes, weights, classes)
    present = np.flatnonzero(heavy)
    if len(present) < 2:
        return float("nan")
    total = 0.0
    for index in present:
        own = codes == index
        ladder, below = _ladder(scores[own, index], weights[own])
        left, right = (below[np.searchsorted(ladder, scores[:, index], side)] for side in ("left", "right"))
        outscoring = 1 - (left + right) / 2 / heavy[index]
        means = summed(codes, weights * outscoring, classes)[present] / heavy[present]
        total += float(means[present != index].sum())
    return total / (len(present) * (len(present) - 1))
