"""A random cut forest as flat arrays, which is also what a model file holds.

    points (n_trees, n_samples, n_features): each tree's sample, in the order of its leaves from left to right
    nodes of a tree: root, then level by level; a node's points are positions [start, end), a leaf's are all equal
    children of a node: `left` and `left + 1`; a row goes left where its feature `dimension` is at most `cut`

Source: Guha, Mishra, Roy and Schrijvers, "Robust random cut forest based anomaly detection on streams", ICML 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float32, Float64

Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class Forest:
    """All trees.

    points : `(n_trees, n_samples, n_features)`.
    offsets : `(n_trees + 1,)`, where each tree's nodes begin in the arrays that follow.
    start, end : `(n_nodes,)`, a node's points of its tree.
    depth : `(n_nodes,)`, 0 at a root.
    dimension, cut : `(n_nodes,)`, where a node is cut; -1 and 0 at a leaf.
    left : `(n_nodes,)`, the left child, counted within the tree; -1 at a leaf.
    """

    points: Float32
    offsets: Int32
    start: Int32
    end: Int32
    depth: Int32
    dimension: Int32
    cut: Float32
    left: Int32

    @property
    def trees(self) -> int:
        return self.points.shape[0]

    @property
    def samples(self) -> int:
        return self.points.shape[1]

    @property
    def features(self) -> int:
        return self.points.shape[2]

    def tree(self, index: int) -> Forest:
        """One tree as a forest of its own; its arrays are views."""
        own = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        offsets = np.array([0, own.stop - own.start], np.int32)
        nodes = (self.start, self.end, self.depth, self.dimension, self.cut, self.left)
        return Forest(self.points[index : index + 1], offsets, *(array[own] for array in nodes))  # pyright: ignore[reportArgumentType]

    def __iter__(self) -> Iterator[Forest]:
        return map(self.tree, range(self.trees))

    def boxes(self) -> tuple[Float32, Float32, Float64]:
        """The bounding box of each node, `(n_nodes, n_features)` low and high, and the sum of its sides."""
        base = np.repeat(self.offsets[:-1], np.diff(self.offsets))
        tree = np.repeat(np.arange(self.trees), np.diff(self.offsets))
        low = self.points[tree, self.start]
        high = low.copy()
        for depth in range(int(self.depth.max()) - 1, -1, -1):
            nodes = np.flatnonzero((self.depth == depth) & (self.left >= 0))
            child = base[nodes] + self.left[nodes]
            low[nodes] = np.minimum(low[child], low[child + 1])
            high[nodes] = np.maximum(high[child], high[child + 1])
        return low, high, sides(low, high)


def sides(low: Float32, high: Float32) -> Float64:
    """The sum of the sides of boxes `(n_boxes, n_features)`, in float64: two float32 may differ by more than one."""
    return np.subtract(high, low, dtype=np.float64).sum(axis=1)
