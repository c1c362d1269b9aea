"""A trained model answering requests: rows in, for each the nearest centre and the distance to it.

Distances are Euclidean, in the units of the features.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/km-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats
from potager.images.algorithm.predictor import Columns, Dense
from potager.images.kmeans import artifact, lloyd


class Predictor(Dense):
    """One model, ready.

    >>> Predictor(centers).predict(b"0.5,1.5", "text/csv", "")  # doctest: +SKIP
    (b'{"predictions": [{"closest_cluster": 1.0, "distance_to_cluster": 0.25}]}', 'application/json')
    """

    def __init__(self, centers: Float64) -> None:
        """centers : `(k, n_features)`."""
        self._shift = centers.mean(axis=0)
        self._centers = centers - self._shift
        self.features = centers.shape[1]

    def columns(self, rows: Floats, accept: str) -> Columns:
        return self.nearest(rows)

    def nearest(self, rows: Floats) -> dict[str, Float64]:
        """`closest_cluster` and `distance_to_cluster`, `(n_rows,)` each, of features `(n_rows, n_features)`."""
        points = rows.astype(np.float64) - self._shift
        closest, distance = np.empty(len(points)), np.empty(len(points))
        for part, labels in lloyd.nearest(points, self._centers):
            closest[part] = labels
            distance[part] = np.sqrt(lloyd.distances(points[part], self._centers, labels))
        return {"closest_cluster": closest, "distance_to_cluster": distance}


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
