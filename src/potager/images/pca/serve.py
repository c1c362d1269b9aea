"""A trained model answering requests: rows in, for each its projection, the largest component last.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats
from potager.images.algorithm.predictor import Columns, Dense
from potager.images.pca import artifact
from potager.images.pca.artifact import Model


class Predictor(Dense):
    """One model, ready.

    >>> Predictor(model).predict(b"0.5,1.5", "text/csv", "")  # doctest: +SKIP
    (b'{"projections": [{"projection": [0.1, 1.2]}]}', 'application/json')
    """

    wrapper = "projections"

    def __init__(self, model: Model) -> None:
        self._mean, self._v = model.mean, model.v
        self.features = model.v.shape[0]

    def columns(self, rows: Floats, accept: str) -> Columns:
        return {"projection": self.project(rows)}

    def project(self, rows: Floats) -> Float64:
        """Projections `(n_rows, n_components)` of features `(n_rows, n_features)`."""
        points = rows.astype(np.float64, copy=False)
        return (points if self._mean is None else points - self._mean) @ self._v


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
