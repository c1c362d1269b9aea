"""Decision trees as arrays, whichever library has grown them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bits = NDArray[np.uint8]
Floats = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree. Node 0 is its root; a node without children, -1, is a leaf.

    left, right : `(n_nodes,)`, the children.
    features, thresholds, missing_left : of a node that splits; the left child is for values below its threshold.
    values : `(n_nodes,)`, what a leaf adds to the target.
    """

    left: Ints
    right: Ints
    features: Ints
    thresholds: Floats
    missing_left: Bits
    values: Floats
    target: int = 0


_COLUMNS: Mapping[str, Any] = {
    "features": np.int64,
    "thresholds": None,
    "missing_left": np.uint8,
    "left": np.int64,
    "right": np.int64,
    "left_leaf": np.uint8,
    "right_leaf": np.uint8,
    "leaves": None,
    "leaf_targets": np.int64,
}
"""A forest's arrays and their types; None is that of its base."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees whose leaves are summed, target by target, over a base.

    width, targets : columns of the rows, and of the answer.
    inclusive : whether a value that is the threshold goes left.
    roots : `(n_trees,)`, nodes; trees that are but a leaf have gone into the base.
    features, thresholds, missing_left : `(n_nodes,)`, of the nodes that split.
    left, right : `(n_nodes,)`, a node, or a leaf where `left_leaf`, `right_leaf` say so.
    leaves, leaf_targets : `(n_leaves,)`
    base : `(targets,)`
    """

    width: int
    targets: int
    inclusive: bool
    roots: Ints
    features: Ints
    thresholds: Floats
    missing_left: Bits
    left: Ints
    right: Ints
    left_leaf: Bits
    right_leaf: Bits
    leaves: Floats
    leaf_targets: Ints
    base: Floats

    @classmethod
    def of(cls, trees: Iterable[Tree], width: int, base: Floats, *, inclusive: bool) -> Forest:
        """The trees in one; numbers are kept in the type of `base`, float32 or float64."""
        base = base.copy()
        nodes = leaves = 0
        roots: list[int] = []
        parts: list[tuple[Any, ...]] = []
        for tree in trees:
            inner = tree.left >= 0
            if not inner[0]:
                base[tree.target] += tree.values[0]
                continue
            roots.append(nodes)
            place = np.where(inner, nodes + np.cumsum(inner) - 1, leaves + np.cumsum(~inner) - 1)
            left, right, ends = tree.left[inner], tree.right[inner], ~inner
            split = (tree.features[inner], tree.thresholds[inner], tree.missing_left[inner])
            parts.append(
                (
                    *split,
                    *(place[left], place[right], ends[left], ends[right]),
                    *(tree.values[ends], np.full(int(ends.sum()), tree.target)),
                )
            )
            nodes, leaves = nodes + len(left), leaves + int(ends.sum())
        columns: list[tuple[Any, ...]] = list(zip(*parts, strict=True)) or [()] * len(_COLUMNS)
        joined: dict[str, Any] = {
            name: np.concatenate([np.zeros(0), *column]).astype(kind or base.dtype)
            for column, (name, kind) in zip(columns, _COLUMNS.items(), strict=True)
        }
        return cls(width, len(base), inclusive, np.array(roots, np.int64), **joined, base=base)

    @property
    def dtype(self) -> Any:
        """What rows must be of: float32 or float64."""
        return self.base.dtype
