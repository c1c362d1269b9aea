"""Random cut trees in plain Python, straight from the paper's definitions: what the fast ones are checked against.

Source: Guha, Mishra, Roy and Schrijvers (2016), definition 1 and algorithm 2.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from potager.images.randomcutforest.forest import Forest

Point = tuple[float, ...]


@dataclass
class Tree:
    """A leaf (`left` None) or a node cut at `cut` of feature `dimension`."""

    points: list[Point]
    dimension: int = -1
    cut: float = 0.0
    left: Any = None
    right: Any = None

    @property
    def box(self) -> tuple[Point, Point]:
        columns = list(zip(*self.points, strict=True))
        return tuple(map(min, columns)), tuple(map(max, columns))


def tree_of(forest: Forest, node: int = 0) -> Tree:
    """The only tree of a forest as a tree of objects."""
    points = [tuple(map(float, row)) for row in forest.points[0, forest.start[node] : forest.end[node]]]
    if forest.left[node] < 0:
        return Tree(points)
    left = int(forest.left[node])
    children = tree_of(forest, left), tree_of(forest, left + 1)
    return Tree(points, int(forest.dimension[node]), float(forest.cut[node]), *children)


def draw_cut(low: Point, high: Point, source: random.Random) -> tuple[int, float]:
    """A feature, by its range, and a place in that range."""
    ranges = [top - bottom for bottom, top in zip(low, high, strict=True)]
    drawn = source.uniform(0, sum(ranges))
    for dimension, size in enumerate(ranges):
        if drawn < size:
            return dimension, low[dimension] + drawn
        drawn -= size
    return max(range(len(ranges)), key=ranges.__getitem__), high[ranges.index(max(ranges))]


def inserted_depth(tree: Tree, point: Point, source: random.Random, depth: int = 0) -> int:
    """The depth of the leaf that a point becomes when algorithm 2 puts it into a tree that has it not."""
    low, high = tree.box
    wider_low, wider_high = tuple(map(min, low, point)), tuple(map(max, high, point))
    dimension, cut = draw_cut(wider_low, wider_high, source)
    if cut < low[dimension] or cut >= high[dimension]:
        return depth + 1
    child = tree.left if point[tree.dimension] <= tree.cut else tree.right
    return inserted_depth(child, point, source, depth + 1)


def score(tree: Tree, point: Point, size: int, depth: int = 0) -> float:
    """The score by its recursive definition, not yet normalised."""
    if tree.left is None:
        if tree.points[0] == point:
            mass = len(tree.points)
            return (1 - mass / (2 * size)) / (depth + math.log2(mass + 1))
        return 1 / (depth + 1)
    low, high = tree.box
    distance = sum(max(a - x, x - b, 0) for a, b, x in zip(low, high, point, strict=True))
    apart = distance / (sum(high) - sum(low) + distance)
    child = tree.left if point[tree.dimension] <= tree.cut else tree.right
    return apart / (depth + 1) + (1 - apart) * score(child, point, size, depth + 1)
