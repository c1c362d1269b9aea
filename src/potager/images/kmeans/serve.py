"""A trained model answering requests: rows in, for each the nearest centre and the distance to it.

Distances are Euclidean, in the units of the features.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/km-in-formats.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from potager.images.algorithm import requests, responses
from potager.images.algorithm.arrays import Float64, Floats
from potager.images.kmeans import artifact, lloyd
from potager.kernel.prediction import Answer, Query

_Columns = dict[str, Float64]


class Predictor:
    """One model, ready. It holds no state between calls; any number of threads may call it."""

    def __init__(self, centers: Float64) -> None:
        """centers : `(k, n_features)`."""
        self._shift = centers.mean(axis=0)
        self._centers = centers - self._shift
        self.features = centers.shape[1]

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type; `BadRequest` says what is wrong with the request.

        >>> Predictor(centers).predict(b"0.5,1.5", "text/csv", "")  # doctest: +SKIP
        (b'{"predictions": [{"closest_cluster": 1.0, "distance_to_cluster": 0.25}]}', 'application/json')
        """
        kind = responses.accepted(accept)
        columns = self.nearest(requests.rows_of(body, content_type, self.features))
        return responses.body_of(columns, kind, "predictions"), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        kind = responses.accepted(queries[0].accept)
        tables = [requests.rows_of(one.body, one.content_type, self.features) for one in queries]
        columns = self.nearest(np.concatenate(tables))
        parts = [slice(end - len(one), end) for one, end in zip(tables, accumulate(map(len, tables)), strict=True)]
        answers = [{name: values[part] for name, values in columns.items()} for part in parts]
        return [Answer(responses.body_of(one, kind, "predictions"), kind) for one in answers]

    def nearest(self, rows: Floats) -> _Columns:
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
