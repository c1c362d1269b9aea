"""Sparse rows that are centred without being filled up: every product is corrected by what the shift comes to.

    (X - 1 m') w  =  X w - m'w         s'(X - 1 m')  =  s'X - (s'1) m'

so that a zero costs nothing, and the model is the one that the same rows would give written out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from potager.images.algorithm.arrays import Float32, Floats


@dataclass(frozen=True)
class Shifted:
    """Rows of a scipy CSR matrix `(n_rows, n_features)` less `shift` `(n_features,)`.

    It stands where an array of features would in products from both sides, and rows can be picked from it.
    """

    rows: Any
    shift: Float32

    __array_ufunc__ = None  # an array on the left leaves the product to us

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.shape

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def __getitem__(self, rows: Any, /) -> Shifted:
        return Shifted(self.rows[rows], self.shift)

    def __matmul__(self, other: Floats) -> Any:
        """`(n_rows, n)` of `other` `(n_features, n)`, or `(n_rows,)` of `(n_features,)`."""
        return self.rows @ other - self.shift @ other

    def __rmatmul__(self, other: Floats) -> Any:
        """`(n, n_features)` of `other` `(n, n_rows)`."""
        return (self.rows.T @ other.T).T - np.outer(other.sum(axis=1), self.shift)
