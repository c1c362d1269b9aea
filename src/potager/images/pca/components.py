"""Principal components of rows: exactly, by the covariance matrix, or nearly, by a sketch of it.

    regular      XᵀX (or XXᵀ where rows are fewer than features) ─► eigenvectors ─► the last num_components
    randomized   random signs x rows ─► a basis Q ─► Q of XᵀXQ, several times ─► eigenvectors of QᵀXᵀXQ

X has the mean subtracted where that is asked for. It is read in blocks that are float64 while they are looked at: X is
never held twice, and squares neither overflow nor lose the digits that float32 has not got.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/how-pca-works.html; Halko, Martinsson and Tropp, Finding
structure with randomness, SIAM Review 53 (2011), algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64

_CELLS = 1 << 21  # of a block
_ROUNDS = 4  # of subspace iteration: as many as make scikit-learn's results, which has 4 to 7
_SEED = 0


@dataclass(frozen=True)
class Rows:
    """Features `(n_rows, n_features)`, and the mean `(n_features,)` to subtract from them, 0 where none is."""

    features: Float32
    mean: Float64

    def blocks(self) -> Iterator[Float64]:
        """All rows, the mean subtracted."""
        step = max(1, _CELLS // self.features.shape[1])
        for start in range(0, len(self.features), step):
            block = self.features[start : start + step].astype(np.float64)
            block -= self.mean
            yield block

    def columns(self) -> Iterator[tuple[slice, Float64]]:
        """All rows by groups of columns, the mean subtracted."""
        step = max(1, _CELLS // len(self.features))
        for start in range(0, self.features.shape[1], step):
            part = slice(start, start + step)
            yield part, self.features[:, part].astype(np.float64) - self.mean[part]

    def squares(self) -> float:
        """The sum of all squares."""
        return sum(float(np.einsum("ij,ij->", block, block)) for block in self.blocks())


@dataclass(frozen=True)
class Components:
    """`s`: singular values `(n_components,)`, ascending as AWS has them; `v`: `(n_features, n_components)` directions.

    The largest entry of each direction is positive, so that the same data gives the same signs.
    """

    s: Float64
    v: Float64


def mean_of(features: Float32) -> Float64:
    """The mean of each feature."""
    none = np.zeros(features.shape[1])
    return sum((block.sum(axis=0) for block in Rows(features, none).blocks()), none) / len(features)


def regular(rows: Rows, count: int) -> Components:
    """The `count` directions of the largest variance, exact within the precision of float64."""
    n, width = rows.features.shape
    return _wide(rows, count) if n < width else _tall(rows, count)


def matrix_bytes(n: int, width: int) -> int:
    """The memory that `regular` needs beside the rows: the matrix, its eigenvectors, and as much again to find them."""
    return 4 * 8 * min(n, width) ** 2


def _tall(rows: Rows, count: int) -> Components:
    width = rows.features.shape[1]
    products = np.zeros((width, width))
    for block in rows.blocks():
        products += block.T @ block
    values, vectors = np.linalg.eigh(products)
    return _components(values[-count:], vectors[:, -count:])


def _wide(rows: Rows, count: int) -> Components:
    n, width = rows.features.shape
    products = np.zeros((n, n))
    for _, block in rows.columns():
        products += block @ block.T
    values, vectors = np.linalg.eigh(products)
    turned = np.empty((width, count))
    for part, block in rows.columns():
        turned[part] = block.T @ vectors[:, -count:]
    # Their lengths are the singular values. The largest come first, so that those of 0, which point anywhere, give way.
    basis = np.linalg.qr(turned[:, ::-1])[0][:, ::-1]
    return _components(values[-count:], basis)


def randomized(rows: Rows, count: int, extra: int) -> Components:
    """The `count` directions of the largest variance, nearly: the better the faster variances fall off.

    extra : directions that are followed beside them.
    """
    n, width = rows.features.shape
    followed = min(count + extra, n, width)
    basis = np.linalg.qr(_sketch(rows, followed))[0]
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(sum((block.T @ (block @ basis) for block in rows.blocks()), np.zeros_like(basis)))[0]
    products = np.zeros((followed, followed))
    for block in rows.blocks():
        seen = block @ basis
        products += seen.T @ seen
    values, vectors = np.linalg.eigh(products)
    return _components(values[-count:], basis @ vectors[:, -count:])


def _sketch(rows: Rows, followed: int) -> Float64:
    """Sums of all rows, each with a random sign: `(n_features, followed)`."""
    random = np.random.default_rng(_SEED)
    sums = np.zeros((rows.features.shape[1], followed))
    for block in rows.blocks():
        signs = random.integers(0, 2, (len(block), followed)) * 2.0 - 1.0
        sums += block.T @ signs
    return sums


def _components(values: Float64, vectors: Float64) -> Components:
    largest = np.abs(vectors).argmax(axis=0)
    signs = np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)
    return Components(np.sqrt(np.maximum(values, 0.0)), vectors * signs)
