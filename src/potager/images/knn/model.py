"""A trained model: rows to search, their labels, and how a row becomes one that is searched for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Floats, Ints
from potager.images.knn import votes
from potager.images.knn.index import Index, shaped, told
from potager.images.knn.reduction import Reduction

_FOUND = 2_000_000  # neighbours held at once


@dataclass(frozen=True)
class Found:
    """The neighbours of some rows: `distances` as clients are told them and `labels`, both `(n_rows, k)`.

    predicted : `(n_rows,)`.
    """

    predicted: Float64
    distances: Float32
    labels: Float64


class Model:
    """The rows drawn, ready to be searched. It holds no state between calls; any number of threads may call it.

    labels : `(n_rows,)`, of the rows in the index.
    """

    def __init__(
        self,
        index: Index,
        labels: Float64,
        reduction: Reduction | None,
        *,
        features: int,
        k: int,
        metric: str,
        classifier: bool,
    ) -> None:
        self.index, self.labels, self.reduction = index, labels, reduction
        self.features, self.k, self.metric, self.classifier = features, k, metric, classifier
        self.classes, codes = np.unique(labels, return_inverse=True)
        self._codes: Ints = codes.astype(np.int64) if classifier else np.zeros(0, np.int64)

    def predict(self, rows: Floats) -> Found:
        """What is predicted for `rows` `(n_rows, n_features)`, and from which neighbours."""
        distances, places = self._nearest(rows)
        labels = self.labels[places]
        predicted = self.classes[votes.majority(self._codes[places])] if self.classifier else labels.mean(axis=1)
        return Found(predicted, told(distances, self.metric), labels)

    def judge(self, rows: Floats) -> tuple[Float64, Float64]:
        """A classifier's labels `(n_rows,)`, and the share of each class among the neighbours.

        The shares are `(n_rows, n_classes)`; of two classes that of the second, `(n_rows,)`.
        """
        codes = self._codes[self._nearest(rows)[1]]
        shares = votes.shares(codes, len(self.classes))
        return self.classes[votes.majority(codes)], shares[:, 1] if shares.shape[1] == 2 else shares

    def _nearest(self, rows: Floats) -> tuple[Float32, Ints]:
        reduced = np.asarray(rows, np.float32)
        reduced = reduced if self.reduction is None else self.reduction.apply(reduced)
        return self.index.nearest(shaped(reduced, self.metric, self.index.width), self.k)

    def blocks(self, rows: int, limit: int) -> Iterator[slice]:
        """Parts of so many rows that can be looked up at once, of at most `limit` rows each."""
        step = max(1, min(limit, _FOUND // self.k))
        return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
