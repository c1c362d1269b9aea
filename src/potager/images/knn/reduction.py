"""Fewer dimensions, at random: distances stay about what they were (Johnson and Lindenstrauss, 1984).

`sign` multiplies by a matrix of random signs (Achlioptas, 2003). `fjlt` flips the signs of features at random, takes
the discrete cosine transform and keeps some of its coordinates (Ailon and Chazelle, 2009, with a plain sample in place
of their sparse matrix; Tropp, 2011). Both are scaled so that a squared length is kept on average.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/kNN_how-it-works.html
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float32, Ints
from potager.images.knn.hyperparameters import SIGN

Signs = NDArray[np.int8]


@dataclass(frozen=True)
class Reduction:
    """A projection. `signs`: `(n_features, target)` of `sign`, `(n_features,)` of `fjlt`.

    `kept` : `(target,)`, the coordinates that `fjlt` keeps; empty for `sign`.
    """

    signs: Signs
    kept: Ints

    @property
    def target(self) -> int:
        return self.signs.shape[1] if self.signs.ndim == 2 else len(self.kept)

    def apply(self, rows: Float32) -> Float32:
        """`(n_rows, n_features)` as `(n_rows, target)`."""
        if self.signs.ndim == 2:
            return rows @ (self.signs / np.float32(np.sqrt(self.target))).astype(np.float32)
        mixed: Any = _cosine_transform()(rows * self.signs, norm="ortho", axis=1)
        return np.ascontiguousarray(mixed[:, self.kept] * np.sqrt(len(self.signs) / self.target), np.float32)


def draw(kind: str, features: int, target: int, random: np.random.Generator) -> Reduction:
    """A random projection of `features` dimensions to `target`."""
    if kind == SIGN:
        return Reduction(_signs(random, (features, target)), np.zeros(0, np.int64))
    kept = np.sort(random.choice(features, target, replace=False)).astype(np.int64)
    return Reduction(_signs(random, (features,)), kept)


def _cosine_transform() -> Any:
    """Imported here alone: what is not reduced by it needs no scipy."""
    return importlib.import_module("scipy.fft").dct


def _signs(random: np.random.Generator, shape: tuple[int, ...]) -> Signs:
    return (random.integers(0, 2, shape, np.int8) * 2 - 1).astype(np.int8)
