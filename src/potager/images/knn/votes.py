"""What the labels of neighbours say: the most frequent of them, or their mean."""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Float64, Ints


def majority(codes: Ints) -> Ints:
    """The most frequent code of each row of `(n_rows, k)`; of several as frequent the smallest, as in scikit-learn."""
    ranked = np.sort(codes, axis=1)
    places: Ints = np.arange(ranked.shape[1], dtype=np.int64)
    begins = np.ones(ranked.shape, bool)
    begins[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    runs: Ints = places - np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return np.take_along_axis(ranked, runs.argmax(axis=1)[:, None], axis=1)[:, 0]


def shares(codes: Ints, classes: int) -> Float64:
    """The share of each class among the neighbours, `(n_rows, n_classes)`."""
    rows, k = codes.shape
    places: Ints = np.arange(rows, dtype=np.int64)[:, None] * classes + codes
    counts = np.bincount(places.ravel(), minlength=rows * classes)
    return counts.reshape(rows, classes) / k
