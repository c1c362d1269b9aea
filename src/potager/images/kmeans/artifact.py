"""A finished model on disk: `model_algo-1`, the centres as one of MXNet's arrays, as AWS's own artifact has them.

    import mxnet as mx
    centers = mx.ndarray.load("model_algo-1")[0].asnumpy()  # (k, n_features)

So models that AWS trained can be read, too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm import ndarray
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BrokenModel


def save(centers: Float64, folder: Path) -> None:
    """Writes centres `(k, n_features)` as float32."""
    ndarray.save(folder / "model_algo-1", [centers])


def read(folder: Path) -> Float64:
    """The centres `(k, n_features)`; `BrokenModel` where there are none, or the file is another algorithm's."""
    path = ndarray.model_file(folder)
    arrays = ndarray.load(path)
    centers = arrays.get("0")
    if len(arrays) != 1 or centers is None or centers.ndim != 2 or not centers.size:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in arrays.items())
        raise BrokenModel(f"{path} holds {shapes or 'nothing'}, but a k-means model is one table of centers.")
    if not np.isfinite(centers).all():
        raise BrokenModel(f"{path} holds centers that are not finite.")
    return centers
