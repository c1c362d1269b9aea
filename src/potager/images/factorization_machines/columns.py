"""The features that any row names, and rows cut down to them.

Of ten million features that a job declares, the data may name a few thousand: only these are held and learnt.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Flags, Ints
from potager.images.factorization_machines.machine import sparse


def named(rows: Any) -> Ints:
    """The columns, rising, that any row of a CSR matrix names; all of an array."""
    return np.unique(rows.indices).astype(np.int64) if sparse(rows) else np.arange(rows.shape[1], dtype=np.int64)


def kept(rows: Any, columns: Ints) -> Any:
    """The same rows, of these columns alone; an entry of another column is left out, one named twice is summed."""
    if not sparse(rows):
        return rows if len(columns) == rows.shape[1] else np.ascontiguousarray(rows[:, columns])
    indices: Ints = rows.indices
    places: Ints = np.minimum(np.searchsorted(columns, indices), len(columns) - 1)
    known: Flags = np.equal(columns[places], indices)
    ends: Ints = np.concatenate([np.zeros(1, np.int64), np.cumsum(known, dtype=np.int64)])[rows.indptr]
    shape = (rows.shape[0], len(columns))
    matrix = importlib.import_module("scipy.sparse").csr_matrix(
        (rows.data[known], places[known].astype(np.int32), ends), shape=shape
    )
    matrix.sum_duplicates()
    return matrix
