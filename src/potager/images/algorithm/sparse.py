"""Rows that name the features which they have: parts of a table, and the scipy CSR matrix that they become.

Where a row does not name a feature, the matrix holds nothing: missing to trees, 0 to a linear model.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float32, Float64, Ints

MOST = 2**31 - 1
"""The greatest index of a feature."""


@dataclass(frozen=True)
class Part:
    """Some rows. `sizes`: entries of each row; `indices`, `values`: one row's entries after the other's.

    weights : one a row, None where no row has one. groups : the `qid` of each row, None where no row has one.
    """

    sizes: Ints
    indices: NDArray[np.int32]
    values: Float32
    labels: Float64
    weights: Float32 | None = None
    groups: Ints | None = None

    @property
    def width(self) -> int:
        """Features that the rows speak of."""
        return int(self.indices.max()) + 1 if len(self.indices) else 0


def matrix(parts: Sequence[Part], width: int) -> Any:
    """The rows of all parts as a CSR matrix of float32, `(n_rows, width)`."""
    ends = np.cumsum(np.concatenate([[0], *(part.sizes for part in parts)]))
    values = np.concatenate([part.values for part in parts])
    indices = np.concatenate([part.indices for part in parts])
    if len(indices) <= MOST:
        ends = ends.astype(np.int32)
    return importlib.import_module("scipy.sparse").csr_matrix((values, indices, ends), shape=(len(ends) - 1, width))


def widened(rows: Any, width: int) -> Any:
    """The same matrix with as many columns, of which no row names those that are new."""
    if rows.shape[1] != width:
        rows.resize(rows.shape[0], width)
    return rows


def stacked(matrices: Sequence[Any]) -> Any:
    """The rows of several CSR matrices of the same columns as those of one."""
    return importlib.import_module("scipy.sparse").vstack(matrices, format="csr")


def labels(parts: Sequence[Part]) -> Float64:
    """The labels of all parts."""
    return np.concatenate([part.labels for part in parts])


def weights(parts: Sequence[Part]) -> Float32 | None:
    """The weights of all parts, 1 in those that have none."""
    return _joined(parts, lambda part: part.weights, lambda rows: np.ones(rows, np.float32))


def groups(parts: Sequence[Part]) -> Ints | None:
    """The groups of all parts, 0 in those that have none."""
    return _joined(parts, lambda part: part.groups, lambda rows: np.zeros(rows, np.int64))


def _joined(parts: Sequence[Part], column: Callable[[Part], Any], otherwise: Callable[[int], Any]) -> Any:
    found = [column(part) for part in parts]
    if all(one is None for one in found):
        return None
    rows = [len(part.sizes) for part in parts]
    return np.concatenate([otherwise(n) if one is None else one for one, n in zip(found, rows, strict=True)])
