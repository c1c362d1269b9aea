"""Lloyd's algorithm on weighted points, and the centres that it begins with.

Points are looked at in parts, so that no more than `_CELLS` distances are held at once; the nearest centres of some
rows are one matrix product away: |p - c|² = |p|² - 2 p.c + |c|², where |p|² is the same for every centre.

Sources: Lloyd, Least squares quantization in PCM (1982); Arthur and Vassilvitskii, k-means++ (2007), with the several
candidates a step that its authors propose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats, Ints

_PART = 1 << 14  # rows of a part
_HELD = 1 << 22  # cells of a part
_CELLS = 1 << 20  # distances that are held at once
_ALONE = 1 << 18  # multiplications that OpenBLAS makes without waking its threads, which takes longer than these do
_FEWEST = 32  # rows of a matrix product


@dataclass(frozen=True)
class Fit:
    """`centers`: `(k, n_features)` float64; `loss`: the weighted mean of squared distances to the nearest of them."""

    centers: Float64
    loss: float


@dataclass(frozen=True)
class Step:
    """What the points of each centre come to: `sums` `(k, n_features)`, `sizes` `(k,)`, both weighted; `loss`: a sum.

    `far` are points that lie far from their centre, the farthest first: as many as there are centres without points.
    """

    sums: Float64
    sizes: Float64
    loss: float
    far: Ints


def lloyd(points: Floats, weights: Floats | None, centers: Floats, max_iter: int, tolerance: float) -> Fit:
    """Moves centres to the means of the points that are nearest to them until that lowers the loss no more.

    A centre without points moves to a point that lies far from its own.
    """
    total = float(len(points) if weights is None else weights.sum())
    centers, loss = np.asarray(centers, np.float64), math.inf
    for _ in range(max_iter):
        step = look(points, weights, centers)
        if loss < math.inf and loss - step.loss <= tolerance * loss and not len(step.far):
            loss = step.loss
            break
        centers, loss = _moved(points, centers, step), step.loss
    else:
        loss = look(points, weights, centers).loss
    return Fit(centers, loss / total)


def _moved(points: Floats, centers: Float64, step: Step) -> Float64:
    moved: Float64 = np.where(step.sizes[:, None] > 0, step.sums / np.maximum(step.sizes, 1e-300)[:, None], centers)
    moved[np.flatnonzero(step.sizes == 0)[: len(step.far)]] = points[step.far]
    return moved


def look(points: Floats, weights: Floats | None, centers: Floats) -> Step:
    """One pass over the points."""
    k = len(centers)
    near = np.ascontiguousarray(centers, points.dtype)
    sums, sizes, loss = np.zeros((k, points.shape[1])), np.zeros(k), 0.0
    for part, labels in nearest(points, near):
        block = points[part]
        squares = distances(block, near, labels)
        if weights is not None:
            block, squares = block * weights[part, None], squares * weights[part]
        _add(sums, block, labels, k)
        sizes += np.bincount(labels, None if weights is None else weights[part], k)
        loss += float(squares.sum(dtype=np.float64))
    return Step(sums, sizes, loss, _farthest(points, near, int((sizes == 0).sum())))


def nearest(points: Floats, centers: Floats) -> Iterator[tuple[slice, Ints]]:
    """Parts of the points, and the number of the nearest centre of each; both arrays are of one type."""
    half = np.einsum("ij,ij->i", centers, centers) / 2
    turned = centers.T
    alone = _ALONE // max(1, centers.size)
    rows = alone if alone >= _FEWEST else max(_FEWEST, _CELLS // max(centers.shape))
    many = max(1, min(_PART, _HELD // points.shape[1]))
    for start in range(0, len(points), many):
        part = slice(start, min(start + many, len(points)))
        labels = np.empty(part.stop - start, np.int64)
        for first in range(0, len(labels), rows):
            scores = points[start + first : min(start + first + rows, part.stop)] @ turned
            scores -= half
            scores.argmax(axis=1, out=labels[first : first + rows])
        yield part, labels


def distances(points: Floats, centers: Floats, labels: Ints) -> Floats:
    """Squared distances to the centres that `labels` name, exact where those of the matrix product cancel out."""
    apart = points - centers[labels]
    return np.einsum("ij,ij->i", apart, apart)


def _add(sums: Floats, block: Floats, labels: Ints, k: int) -> None:
    """Adds each row of the block to the sum of its label: sorted by label, rows of one lie beside each other."""
    order = np.argsort(labels.astype(np.uint16) if k <= 65_536 else labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=k))
    held = np.flatnonzero(np.diff(ends, prepend=0))
    starts = np.concatenate([[0], ends[held][:-1]])
    sums[held] += np.add.reduceat(block[order], starts, axis=0)


def _farthest(points: Floats, centers: Floats, count: int) -> Ints:
    """Up to `count` points that differ from their centre, the farthest first."""
    if not count:
        return np.empty(0, np.int64)
    squares = np.concatenate([distances(points[part], centers, labels) for part, labels in nearest(points, centers)])
    order = np.argsort(-squares, kind="stable")[:count]
    return order[squares[order] > 0]


def seeds(points: Float64, weights: Floats | None, k: int, method: str, random: np.random.Generator) -> Float64:
    """k of the points to begin with: by `random` any, heavy ones rather; by `kmeans++` such as lie apart."""
    chances = np.ones(len(points)) if weights is None else weights
    if method == "random":
        return points[random.choice(len(points), k, replace=False, p=chances / chances.sum())]
    chosen = [int(random.choice(len(points), p=chances / chances.sum()))]
    squares = _squares(points, points[chosen])[0]
    tries = 2 + int(math.log(k))
    for _ in range(1, k):
        reach: Float64 = np.cumsum(squares * chances)
        if reach[-1] <= 0:  # every point is chosen already, or equals one that is
            chosen.append(int(random.integers(len(points))))
            continue
        drawn: Float64 = random.random(tries) * float(reach[-1])
        candidates = reach[:-1].searchsorted(drawn, "right")
        left = np.minimum(squares, _squares(points, points[candidates]))
        best = int((left @ chances).argmin())
        chosen.append(int(candidates[best]))
        squares = left[best]
    return points[chosen]


def _squares(points: Floats, centers: Floats) -> Floats:
    """Squared distances `(n_centers, n_points)`, 0 for points that equal a centre."""
    apart = (
        np.einsum("ij,ij->i", points, points)
        - 2.0 * (centers @ points.T)
        + np.einsum("ij,ij->i", centers, centers)[:, None]
    )
    return np.maximum(apart, 0.0)
