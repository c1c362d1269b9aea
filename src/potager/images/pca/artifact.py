"""A finished model on disk: `model_algo-1`, a file of MXNet's arrays, as AWS's own artifact is.

    import mxnet as mx
    model = mx.ndarray.load("model_algo-1")
    model["s"]     # (n_components,) singular values, the largest last
    model["v"]     # (n_features, n_components) directions, in the same order
    model["mean"]  # (1, n_features), where the mean was subtracted

So models that AWS trained can be read, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from potager.images.algorithm import ndarray
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BrokenModel


@dataclass(frozen=True)
class Model:
    """`s`: `(n_components,)`; `v`: `(n_features, n_components)`; `mean`: `(n_features,)`, None where it stays."""

    s: Float64
    v: Float64
    mean: Float64 | None


def save(model: Model, folder: Path) -> None:
    """Writes the model as float32."""
    mean = {} if model.mean is None else {"mean": model.mean[None]}
    ndarray.save(folder / "model_algo-1", {**mean, "s": model.s, "v": model.v})


def read(folder: Path) -> Model:
    """The model; `BrokenModel` where there is none, or the file is another algorithm's."""
    path = ndarray.model_file(folder)
    arrays = ndarray.load(path)
    s, v, mean = arrays.get("s"), arrays.get("v"), arrays.get("mean")
    if s is None or v is None or v.ndim != 2 or not v.size or s.size != v.shape[1]:
        raise _broken(path, arrays)
    if mean is not None and mean.size != v.shape[0]:
        raise _broken(path, arrays)
    if not all(np.isfinite(value).all() for value in arrays.values()):
        raise BrokenModel(f"{path} holds numbers that are not finite.")
    return Model(s.ravel(), v, None if mean is None else mean.ravel())


def _broken(path: Path, arrays: dict[str, Float64]) -> BrokenModel:
    shapes = ", ".join(f"{name} {value.shape}" for name, value in arrays.items())
    return BrokenModel(f"{path} holds {shapes or 'nothing'}, but a PCA model is s, v and, perhaps, mean.")
