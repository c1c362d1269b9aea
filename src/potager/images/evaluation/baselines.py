"""What little effort reaches: the class prior or the mean, and the best single feature. A model must beat both.

`prior` always says the most frequent class of `train`, with the shares of its classes as probabilities; `mean` its
mean. `best_feature` is a split of one feature in two, chosen by entropy among 31 quantiles of it (a decision stump:
Iba and Langley, 1992), or a line through one feature by least squares; it is fitted on a sample of `train` and
measured on a sample of each channel. Of more than 200 features those are tried that correlate most with the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from potager.images.algorithm.arrays import Float64, Ints
from potager.images.evaluation import ranking, regression
from potager.images.evaluation.scored import Rows, summed

_ROWS, _FEWEST, _CELLS = 5_000, 500, 5_000_000  # of a sample
_COLUMNS = 200  # tried one by one
_BLOCK = 2_000  # columns made dense at once
_TARGETS = 20  # classes that features are correlated with


class Baseline(Protocol):
    """Something to beat, fitted on `train`."""

    def scores(self, features: Rows | None, labels: Any, weights: Float64) -> dict[str, float]:
        """Its metrics on a channel: codes of classes or values, `(n_rows,)`."""
        ...


@dataclass(frozen=True)
class Prior:
    """The shares of the classes, `(n_classes,)`."""

    shares: Float64

    @staticmethod
    def fit(codes: Ints, weights: Float64, classes: int) -> Prior | None:
        heavy = summed(codes, weights, classes)[:classes]
        return Prior(heavy / heavy.sum()) if heavy.sum() else None

    def scores(self, features: Rows | None, labels: Ints, weights: Float64) -> dict[str, float]:
        heavy = summed(labels, weights, len(self.shares))
        known = heavy[: len(self.shares)]
        accuracy = float(heavy[int(np.argmax(self.shares))] / heavy.sum())
        if not known.sum():
            return {"accuracy": accuracy}
        logs = np.log(np.clip(self.shares, np.finfo(np.float64).eps, 1.0))
        square = float(self.shares @ self.shares)
        brier = float(known @ (square - 2 * self.shares + 1)) / float(known.sum())
        return {
            "accuracy": accuracy,
            "log_loss": -float(known @ logs) / float(known.sum()),
            "brier": brier / 2 if len(self.shares) == 2 else brier,
        }


@dataclass(frozen=True)
class Mean:
    """The mean of the labels."""

    value: float

    def scores(self, features: Rows | None, labels: Float64, weights: Float64) -> dict[str, float]:
        return _errors(labels, np.full(len(labels), self.value), weights)


@dataclass(frozen=True)
class Stump:
    """Shares of the classes: `leaves[0]` where `feature` is at most `threshold` or missing, else `leaves[1]`."""

    feature: int
    threshold: float
    leaves: Float64

    def scores(self, features: Rows | None, labels: Ints, weights: Float64) -> dict[str, float]:
        assert features is not None
        rows = sample(len(labels), int(features.shape[1]))
        side = (_column(features, rows, self.feature) > self.threshold).astype(np.int64)
        codes, weights = labels[rows], weights[rows]
        found = {"accuracy": float(weights @ (self.leaves.argmax(axis=1)[side] == codes)) / float(weights.sum())}
        known = codes < self.leaves.shape[1]
        if known.any():
            side, codes, weights = side[known], codes[known], weights[known]
            found["log_loss"] = -float(weights @ np.log(self.leaves[side, codes])) / float(weights.sum())
            if self.leaves.shape[1] == 2:
                found["roc_auc"] = ranking.roc_auc(ranking.cuts(self.leaves[side, 1], codes == 1, weights))
        return found


@dataclass(frozen=True)
class Line:
    """`intercept` + `slope` x the feature; a missing one counts as `middle`."""

    feature: int
    slope: float
    intercept: float
    middle: float

    def scores(self, features: Rows | None, labels: Float64, weights: Float64) -> dict[str, float]:
        assert features is not None
        rows = sample(len(labels), int(features.shape[1]))
        column = _column(features, rows, self.feature)
        values = self.intercept + self.slope * np.where(np.isnan(column), self.middle, column)
        return _errors(labels[rows], values, weights[rows])


def _errors(labels: Float64, values: Float64, weights: Float64) -> dict[str, float]:
    found, _ = regression.scores(labels, values, weights)
    return {name: found[name] for name in ("rmse", "mae", "r2")}


def stump(features: Rows, codes: Ints, weights: Float64, classes: int) -> Stump | None:
    """The best split of one feature on a sample of known classes; None where no feature varies."""
    rows = sample(len(codes), int(features.shape[1]))
    rows = rows[codes[rows] < classes]
    codes, weights = codes[rows], weights[rows]
    frequent = np.argsort(-summed(codes, weights, classes), kind="stable")[:_TARGETS]
    targets = (codes[:, None] == frequent).astype(np.float64)
    found: tuple[float, Stump] | None = None
    for feature in _promising(features, rows, targets, weights):
        split = _split(_column(features, rows, feature), codes, weights, classes)
        if split is not None and (found is None or split[0] < found[0]):
            found = split[0], Stump(feature, split[1], split[2])
    return None if found is None else found[1]


def line(features: Rows, labels: Float64, weights: Float64) -> Line | None:
    """The best line through one feature on a sample; None where no feature varies."""
    rows = sample(len(labels), int(features.shape[1]))
    labels, weights = labels[rows], weights[rows]
    best = _promising(features, rows, labels[:, None], weights, 1)
    if not best:
        return None
    column = _column(features, rows, best[0])
    middle = _middle(column)
    column = np.where(np.isnan(column), middle, column)
    total = float(weights.sum())
    centre, mean = float(weights @ column) / total, float(weights @ labels) / total
    off = column - centre
    slope = float(weights @ (off * (labels - mean))) / max(float(weights @ off**2), 1e-300)
    return Line(best[0], slope, mean - slope * centre, middle)


def sample(rows: int, columns: int) -> Ints:
    """Rows to look at, the same for the same shape."""
    limit = max(_FEWEST, min(_ROWS, _CELLS // max(1, columns)))
    if rows <= limit:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, limit, replace=False))


def _promising(features: Rows, rows: Ints, targets: Float64, weights: Float64, most: int = _COLUMNS) -> list[int]:
    """Features that vary, at most `most`, those first that correlate best with one of the targets `(n_rows, n)`."""
    width = int(features.shape[1])
    total = float(weights.sum())
    off = targets - weights @ targets / total
    spread = np.sqrt(weights @ off**2)
    strengths = np.zeros(width)
    for start in range(0, width, _BLOCK):
        block = _dense(features, rows, slice(start, min(start + _BLOCK, width)))
        gaps = np.isnan(block)
        if gaps.any():
            block = np.where(gaps, np.nan, block)
            block[gaps] = np.broadcast_to([_middle(column) for column in block.T], block.shape)[gaps]
        away = block - weights @ block / total
        varied = np.sqrt(weights @ away**2)
        flat = varied <= 1e-6 * np.sqrt(weights @ block**2)
        together = np.abs((away * weights[:, None]).T @ off)
        bound = np.outer(np.where(flat, np.inf, varied), np.where(spread > 0, spread, np.inf))
        strengths[start : start + block.shape[1]] = np.where(flat, -1.0, (together / bound).max(axis=1))
    best = np.argsort(-strengths, kind="stable")[:most]
    return [int(index) for index in best if strengths[index] >= 0]


def _split(column: Float64, codes: Ints, weights: Float64, classes: int) -> tuple[float, float, Float64] | None:
    """The entropy left, the threshold and the shares of the classes on both sides, `(2, n_classes)`."""
    column = np.where(np.isnan(column), -np.inf, column)
    held = np.sort(column[np.isfinite(column)])
    edges = np.unique(held[(np.arange(1, 32) * len(held)) // 32]) if len(held) else held
    edges = edges[edges < held[-1]] if len(edges) else edges
    if not len(edges):
        return None
    cells = np.searchsorted(edges, column, side="left") * classes + codes
    counts = summed(cells, weights, (len(edges) + 1) * classes).reshape(len(edges) + 1, classes)
    left = np.cumsum(counts, axis=0)[:-1]
    right = counts.sum(axis=0) - left
    entropies = _entropy(left) + _entropy(right)
    at = int(np.argmin(entropies))
    prior = counts.sum(axis=0) + 1 / classes
    sides = np.stack([left[at], right[at]]) + prior / prior.sum()
    return float(entropies[at]), float(edges[at]), sides / sides.sum(axis=1, keepdims=True)


def _entropy(counts: Float64) -> Float64:
    """Entropy times weight of each row of counts."""
    totals = counts.sum(axis=1)
    parts = counts * np.log(np.where(counts > 0, counts, 1.0))
    return totals * np.log(np.where(totals > 0, totals, 1.0)) - parts.sum(axis=1)


def _middle(column: Float64) -> float:
    held = column[~np.isnan(column)]
    return float(held.mean()) if len(held) else 0.0


def _column(features: Rows, rows: Ints, column: int) -> Float64:
    return _dense(features, rows, slice(column, column + 1))[:, 0]


def _dense(features: Rows, rows: Ints, columns: slice) -> Float64:
    if isinstance(features, np.ndarray):
        return np.asarray(features[rows, columns], np.float64)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return np.asarray(features[rows][:, columns].toarray(), np.float64)
