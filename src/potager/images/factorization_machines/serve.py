"""A trained model answering requests: bytes in, bytes out.

    body -> `requests.sparse_rows_of` -> raw scores -> scores and labels -> `responses.body_of` -> body

`load` is the way in; the server that calls it lives elsewhere.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fm-in-formats.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import requests, responses
from potager.images.algorithm.arrays import Float64
from potager.images.factorization_machines import artifact, columns
from potager.images.factorization_machines.artifact import Model
from potager.images.factorization_machines.fit import scored, sigmoid
from potager.kernel.prediction import Answer, Query


class Predictor:
    """One model, ready. It holds no state between calls; any number of threads may call it."""

    def __init__(self, model: Model) -> None:
        self._machine, self._seen = model.machine, model.features
        self._width = model.description.num_features
        self._binary = model.description.predictor_type == "binary_classifier"

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type; `BadRequest` (a `ValueError`) has a message for the client.

        >>> body = b'{"instances": [{"data": {"features": {"keys": [3, 90], "shape": [100], "values": [1, 1]}}}]}'
        >>> Predictor(model).predict(body, "application/json", "")  # doctest: +SKIP
        (b'{"predictions": [{"score": 0.4, "predicted_label": 0}]}', 'application/json')
        """
        kind = responses.accepted(accept)
        rows = requests.sparse_rows_of(body, content_type, self._width)
        return responses.body_of(self._columns(self.score(rows)), kind, "predictions"), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        kind = responses.accepted(queries[0].accept)
        tables = [requests.sparse_rows_of(one.body, one.content_type, self._width) for one in queries]
        found = self._columns(np.concatenate([self.score(rows) for rows in tables]))
        ends = accumulate(rows.shape[0] for rows in tables)
        parts = [slice(end - rows.shape[0], end) for rows, end in zip(tables, ends, strict=True)]
        pieces = [{name: values[part] for name, values in found.items()} for part in parts]
        return [Answer(responses.body_of(piece, kind, "predictions"), kind) for piece in pieces]

    def score(self, rows: Any) -> Float64:
        """Probabilities of class 1, or values, `(n_rows,)`, of a CSR matrix `(n_rows, n_features)`."""
        raw = scored(self._machine, columns.kept(rows, self._seen)).astype(np.float64)
        return np.asarray(sigmoid(raw), np.float64) if self._binary else raw

    def _columns(self, scores: Float64) -> dict[str, Any]:
        return (
            {"score": scores, "predicted_label": (scores > 0.5).astype(np.int64)} if self._binary else {"score": scores}
        )


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
