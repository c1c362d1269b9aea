"""Anomaly scores: how near to the root a row would come to stand if it were part of each tree.

A row that is put into a tree is cut off at a node, before the node itself is cut, with the probability

    p = distance / (sides + distance)

where `sides` is the sum of the sides of the node's bounding box and `distance` what the box would have to grow by to
hold the row. A row cut off at depth d becomes a leaf of depth d + 1 and scores 1 / (d + 1). So a tree's score is the
mean of that over every way in which the row may be put into it, which one walk yields:

    score(node) = p / (depth + 1) + (1 - p) * score(child)
    score(leaf) = 1 / (depth + 1), or, where the row is the leaf's own point, of which the tree has m out of n,
                  (1 - m / 2n) / (depth + log2(m + 1))

The forest's score is the mean of its trees', times log2(n + 1): the depth that n points would have at the least.

Sources: Guha et al. (2016), section 3; and, for the exact functions, AWS's open source library
(https://github.com/aws/random-cut-forest-by-aws, `CommonUtils.defaultScoreSeenFunction` and its neighbours).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from potager.images.algorithm.arrays import Flags, Float32, Float64, Floats, Ints
from potager.images.randomcutforest.forest import Forest

_FEW = 1024  # rows up to which all trees are walked at once
_WALKED = 64  # of them at a time
_BOXES = 1 << 26  # cells of bounding boxes that may be kept for that
_CELLS = 1 << 20  # of rows that are swept at once
_LARGEST = np.finfo(np.float32).max


class Scorer:
    """A forest, ready to score. Any number of threads may call it."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._factor = math.log2(forest.samples + 1)

    def scores(self, rows: Floats) -> Float64:
        """Scores `(n_rows,)` of finite features `(n_rows, n_features)`; the higher, the more anomalous."""
        table = np.clip(rows, -_LARGEST, _LARGEST).astype(np.float32)
        if len(table) <= _FEW and 2 * self._forest.features * len(self._forest.start) <= _BOXES:
            return _blockwise(self._walked, table, _WALKED)
        return _blockwise(self._swept, table, max(1024, _CELLS // self._forest.features))

    @cached_property
    def _boxes(self) -> tuple[Float32, Float32, Float64]:
        return self._forest.boxes()

    def _walked(self, rows: Float32) -> Float64:
        """Every row goes down every tree at once, level by level."""
        forest, (low, high, sides) = self._forest, self._boxes
        row = np.repeat(np.arange(len(rows)), forest.trees)
        root = np.tile(forest.offsets[:-1].astype(np.int64), len(rows))
        tree = np.tile(np.arange(forest.trees), len(rows))
        node, alive = root, np.ones(len(row))
        total = np.zeros(len(rows))
        while len(node):
            at_leaf = forest.left[node] < 0
            if at_leaf.any():
                ended = np.flatnonzero(at_leaf)
                own = _own(rows[row[ended]], forest.points[tree[ended], forest.start[node[ended]]])
                total += np.bincount(row[ended], alive[ended] * _leaf(forest, node[ended], own), len(rows))
                on = np.flatnonzero(~at_leaf)
                row, root, tree, node, alive = row[on], root[on], tree[on], node[on], alive[on]
            values = rows[row]
            apart = _apart(_distances(values, low[node], high[node]).sum(axis=1, dtype=np.float64), sides[node])
            total += np.bincount(row, alive * apart / (forest.depth[node] + 1), len(rows))
            alive = alive * (1 - apart)
            right = values[np.arange(len(node)), forest.dimension[node]] > forest.cut[node]
            node = root + forest.left[node] + right
        return total * (self._factor / forest.trees)

    def _swept(self, rows: Float32) -> Float64:
        """Tree by tree: all rows are sorted by leaf, so that each node's rows stand together."""
        columns = np.ascontiguousarray(rows.T)
        total, room = np.zeros(len(rows)), np.empty(rows.size, np.float32)
        for tree in self._forest:
            order, bounds = _sorted(tree, columns)
            total[order] += _tree_scores(tree, columns[:, order], bounds, room)
        return total * (self._factor / self._forest.trees)


def _blockwise(score: Callable[[Float32], Float64], rows: Float32, step: int) -> Float64:
    return np.concatenate([score(rows[first : first + step]) for first in range(0, len(rows), step)])


def _sorted(tree: Forest, columns: Float32) -> tuple[Ints, list[tuple[int, int]]]:
    """Rows in the order of the leaves that they fall into, and each node's range of that order."""
    order = np.arange(columns.shape[1], dtype=np.int64)
    bounds = [(0, 0)] * len(tree.start)
    bounds[0] = (0, len(order))
    cuts = zip(tree.left.tolist(), tree.dimension.tolist(), tree.cut, strict=True)
    for node, (left, dimension, cut) in enumerate(cuts):
        first, last = bounds[node]
        if left < 0 or first == last:
            continue
        part = order[first:last]
        right: Flags = columns[dimension][part] > cut
        middle = last - int(np.count_nonzero(right))
        if first < middle < last:
            order[first:last] = np.concatenate([part[~right], part[right]])
        bounds[left], bounds[left + 1] = (first, middle), (middle, last)
    return order, bounds


def _tree_scores(tree: Forest, columns: Float32, bounds: list[tuple[int, int]], room: Float32) -> Float64:
    """Scores of rows sorted by leaf, as columns `(n_features, n_rows)`: from each leaf up to the root.

    room : as many cells as the columns have, to compute in.
    """
    leaves = np.flatnonzero(tree.left < 0)
    counts = [bounds[leaf][1] - bounds[leaf][0] for leaf in leaves.tolist()]
    by_place = np.argsort(tree.start[leaves])
    node = np.repeat(leaves[by_place], np.array(counts)[by_place])
    scores = _leaf(tree, node, _own(columns.T, tree.points[0, tree.start[node]]))
    low, high, sides = tree.boxes()
    low, high, ones = low[:, :, None], high[:, :, None], np.ones(len(columns), np.float32)
    for inner in map(int, np.flatnonzero(tree.left >= 0)[::-1]):
        first, last = bounds[inner]
        if first < last:
            out = room[: len(columns) * (last - first)].reshape(len(columns), -1)
            beyond = ones @ _distances(columns[:, first:last], low[inner], high[inner], out)
            part = scores[first:last]
            part += _apart(beyond, sides[inner]) * (1 / (int(tree.depth[inner]) + 1) - part)
    return scores


def _own(rows: Float32, points: Float32) -> Flags:
    return (rows == points).all(axis=1)


def _leaf(forest: Forest, node: Ints, own: Flags) -> Float64:
    depth, mass = forest.depth[node].astype(np.float64), (forest.end[node] - forest.start[node]).astype(np.float64)
    seen = (1 - mass / (2 * forest.samples)) / (depth + np.log2(mass + 1))
    return np.where(own, seen, 1 / (depth + 1))


def _distances(values: Float32, low: Float32, high: Float32, out: Float32 | None = None) -> Float32:
    """What a box would have to grow by in each feature to hold each value; infinite where 32 bits do not hold it."""
    inside = np.minimum(np.maximum(values, low, out=out), high, out=out)
    with np.errstate(over="ignore"):
        return np.abs(np.subtract(values, inside, out=inside), out=inside)


def _apart(distance: Float32, sides: Float64 | np.float64) -> Float64:
    """The probability that a row is cut off: distance / (sides + distance), 1 where the distance is infinite."""
    with np.errstate(divide="ignore"):
        return 1 / (1 + sides / distance.astype(np.float64))
