"""A trained model answering requests: rows in, for each its projection, the largest component last.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/PCA-in-formats.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from potager.images.algorithm import requests, responses
from potager.images.algorithm.arrays import Float64, Floats
from potager.images.pca import artifact
from potager.images.pca.artifact import Model
from potager.kernel.prediction import Answer, Query


class Predictor:
    """One model, ready. It holds no state between calls; any number of threads may call it."""

    def __init__(self, model: Model) -> None:
        self._mean, self._v = model.mean, model.v
        self.features = model.v.shape[0]

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type; `BadRequest` says what is wrong with the request.

        >>> Predictor(model).predict(b"0.5,1.5", "text/csv", "")  # doctest: +SKIP
        (b'{"projections": [{"projection": [0.1, 1.2]}]}', 'application/json')
        """
        kind = responses.accepted(accept)
        return _body(self.project(requests.rows_of(body, content_type, self.features)), kind), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        kind = responses.accepted(queries[0].accept)
        tables = [requests.rows_of(one.body, one.content_type, self.features) for one in queries]
        told = self.project(np.concatenate(tables))
        parts = [slice(end - len(one), end) for one, end in zip(tables, accumulate(map(len, tables)), strict=True)]
        return [Answer(_body(told[part], kind), kind) for part in parts]

    def project(self, rows: Floats) -> Float64:
        """Projections `(n_rows, n_components)` of features `(n_rows, n_features)`."""
        points = rows.astype(np.float64, copy=False)
        return (points if self._mean is None else points - self._mean) @ self._v


def _body(projections: Float64, kind: str) -> bytes:
    return responses.body_of({"projection": projections}, kind, "projections")


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
