"""A forest on disk: `model.npz` (arrays, no pickles) beside `model.json` (what they are)."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import saved
from potager.images.algorithm.errors import BrokenModel
from potager.images.randomcutforest.forest import Forest

FORMAT = saved.Format("randomcutforest")
_FLOATS = ("points", "cut")
_ARRAYS = [field.name for field in fields(Forest)]


def save(forest: Forest, folder: Path) -> None:
    """Writes the model's two files, `model.json` last."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {name: getattr(forest, name) for name in _ARRAYS}
    np.savez(folder / "model.npz", **arrays)
    described = {
        "num_trees": forest.trees,
        "num_samples_per_tree": forest.samples,
        "feature_dim": forest.features,
    }
    FORMAT.write(folder, described)


@saved.reader
def read(folder: Path) -> Forest:
    """The forest that `save` wrote; `BrokenModel` where it is incomplete, damaged or another program's."""
    described = FORMAT.read(folder, dict[str, Any])
    with saved.arrays(folder / "model.npz") as arrays:
        points, cut = (np.ascontiguousarray(arrays[name], np.float32) for name in _FLOATS)
        indices = {name: np.ascontiguousarray(arrays[name], np.int32) for name in _ARRAYS if name not in _FLOATS}
    forest = Forest(points=points, cut=cut, **indices)
    if complaint := _fault(forest, described):
        raise BrokenModel(f"{folder}: {complaint}. Train the model again.")
    return forest


def _fault(forest: Forest, described: dict[str, Any]) -> str | None:
    """What would lead scoring astray: every index has to lie where it points."""
    if forest.points.ndim != 3 or 0 in forest.points.shape:
        return f"points have shape {forest.points.shape}, not (trees, samples, features)"
    shape = [described.get(name) for name in ("num_trees", "num_samples_per_tree", "feature_dim")]
    if shape != list(forest.points.shape):
        return f"model.json speaks of trees, samples and features {shape}, model.npz of {list(forest.points.shape)}"
    nodes = len(forest.start)
    if any(getattr(forest, name).shape != (nodes,) for name in ("end", "depth", "dimension", "cut", "left")):
        return "the arrays of nodes are of unequal length"
    sizes = np.diff(forest.offsets)
    ends = (len(forest.offsets), forest.offsets[0], forest.offsets[-1])
    if ends != (forest.trees + 1, 0, nodes) or sizes.min() < 1:
        return "offsets do not say where each tree begins"
    place = np.arange(nodes) - np.repeat(forest.offsets[:-1], sizes)
    inner = forest.left >= 0
    beyond = (forest.left <= place) | (forest.left + 1 >= np.repeat(sizes, sizes))
    parts = (forest.start < 0) | (forest.end <= forest.start) | (forest.end > forest.samples)
    parts |= (forest.depth < 0) | (forest.depth >= forest.samples)
    cuts = (forest.dimension < 0) | (forest.dimension >= forest.features)
    if (inner & (beyond | cuts)).any() or parts.any():
        return "a node has no place in its tree"
    if not (np.isfinite(forest.points).all() and np.isfinite(forest.cut).all()):
        return "the model holds numbers that are not finite"
    return None
