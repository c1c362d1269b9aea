"""Growing a forest: rows to a sample for each tree, and each sample cut until every part is one point.

A node is cut at random: a feature with the probability of its range among the ranges of all features, and a place
within that range, uniformly. All trees of a group grow at once, level by level; a part's points stay together, so
that in the end they stand in the order of the leaves.

Source: Guha et al. (2016), definition 1.
"""

from __future__ import annotations

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64, Ints
from potager.images.randomcutforest.forest import Forest

_CELLS = 2_000_000  # of points that grow at once


def grow(rows: Float32, trees: int, samples: int, random: np.random.Generator) -> Forest:
    """A forest of `trees` trees of `samples` rows each, or of all rows where there are fewer.

    Sampling is without replacement: as AWS has it, one sample is split over the trees. Where the rows do not suffice
    for that, each tree draws its own. (The rows are at hand, so a reservoir is not needed to draw them.)
    """
    picked = _sample(len(rows), trees, min(samples, len(rows)), random)
    group = max(1, _CELLS // (picked.shape[1] * rows.shape[1]))
    parts = [_grown(rows[picked[first : first + group]], random) for first in range(0, trees, group)]
    return parts[0] if len(parts) == 1 else _joined(parts)


def _sample(rows: int, trees: int, samples: int, random: np.random.Generator) -> Ints:
    if rows >= trees * samples:
        return random.choice(rows, trees * samples, replace=False).reshape(trees, samples)
    return np.stack([random.choice(rows, samples, replace=False) for _ in range(trees)])


def _joined(parts: list[Forest]) -> Forest:
    """Forests side by side as one."""
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    return Forest(
        np.concatenate([part.points for part in parts]),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("start", "end", "depth", "dimension", "cut", "left")
        ),
    )


def _grown(points: Float32, random: np.random.Generator) -> Forest:
    """`points`: `(n_trees, n_samples, n_features)`, put into the order of the leaves in place."""
    trees, samples, features = points.shape
    flat = points.reshape(-1, features)
    start = np.arange(trees, dtype=np.int64) * samples
    end = start + samples
    levels: list[tuple[Ints, Ints, Ints, Float32]] = []
    while len(start):
        dimension, cut = _cuts(flat, start, end, random)
        levels.append((start, end, dimension, cut))
        inner = np.flatnonzero(dimension >= 0)
        start, end, dimension, cut = start[inner], end[inner], dimension[inner], cut[inner]
        middle = _parted(flat, start, end, dimension, cut)
        start, end = np.stack([start, middle], 1).ravel(), np.stack([middle, end], 1).ravel()
    return _forest(points, levels)


def _spans(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """The positions of all parts `[start, end)` in a row, and the part that each belongs to."""
    sizes = end - start
    owner = np.repeat(np.arange(len(start)), sizes)
    first = np.cumsum(sizes) - sizes
    return np.arange(len(owner)) - first[owner] + start[owner], owner


def _cuts(flat: Float32, start: Ints, end: Ints, random: np.random.Generator) -> tuple[Ints, Float32]:
    """The feature and the place that each part is cut at; feature -1 where its points are all equal."""
    dimension, cut = np.full(len(start), -1, np.int64), np.zeros(len(start), np.float32)
    many = np.flatnonzero(end - start > 1)
    if not len(many):
        return dimension, cut
    positions, _ = _spans(start[many], end[many])
    sizes = end[many] - start[many]
    points, first = flat[positions], np.cumsum(sizes) - sizes
    low, high = np.minimum.reduceat(points, first, axis=0), np.maximum.reduceat(points, first, axis=0)
    sums: Float64 = np.cumsum(np.subtract(high, low, dtype=np.float64), axis=1)
    apart = np.flatnonzero(sums[:, -1] > 0)
    low, high, sums = low[apart], high[apart], sums[apart]
    drawn = random.random(len(apart)) * sums[:, -1]
    chosen = (sums <= drawn[:, None]).sum(axis=1)
    each = np.arange(len(apart))
    below = np.where(chosen > 0, sums[each, np.maximum(chosen - 1, 0)], 0.0)
    least, most = low[each, chosen], high[each, chosen]
    place = (least + (drawn - below)).astype(np.float32)
    dimension[many[apart]] = chosen
    cut[many[apart]] = np.clip(place, least, np.nextafter(most, np.float32(-np.inf)))  # neither side is empty
    return dimension, cut


def _parted(flat: Float32, start: Ints, end: Ints, dimension: Ints, cut: Float32) -> Ints:
    """Sorts the points of each part by the side that they are on, in place; where the right side begins."""
    positions, owner = _spans(start, end)
    right = flat[positions, dimension[owner]] > cut[owner]
    order = np.argsort(2 * owner + right, kind="stable")
    flat[positions] = flat[positions[order]]
    return start + np.bincount(owner[~right], minlength=len(start))


def _forest(points: Float32, levels: list[tuple[Ints, Ints, Ints, Float32]]) -> Forest:
    """The nodes of all levels, sorted by tree; children find their places by counting inner nodes."""
    trees, samples, _ = points.shape
    start, end, dimension = (np.concatenate([level[field] for level in levels]) for field in (0, 1, 2))
    cut = np.concatenate([level[3] for level in levels])
    depth = np.repeat(np.arange(len(levels)), [len(level[0]) for level in levels])
    tree = start // samples
    order = np.argsort(tree, kind="stable")
    start, end, dimension, depth, tree = (one[order] for one in (start, end, dimension, depth, tree))
    offsets: Ints = np.searchsorted(tree, np.arange(trees + 1, dtype=np.int64))
    inner = dimension >= 0
    before = np.cumsum(inner) - inner  # of a tree's nodes in their own order, the n-th inner one has child 2n + 1
    left = np.where(inner, 2 * (before - before[offsets[:-1]][tree]) + 1, -1)
    return Forest(
        points=points,
        offsets=offsets.astype(np.int32),
        start=(start - tree * samples).astype(np.int32),
        end=(end - tree * samples).astype(np.int32),
        depth=depth.astype(np.int32),
        dimension=dimension.astype(np.int32),
        cut=cut[order],
        left=left.astype(np.int32),
    )
