"""A trained model answering requests: bytes in, bytes out.

    body -> `requests.sparse_rows_of` -> raw scores -> scores and labels -> `responses.body_of` -> body

`load` is the way in; the server that calls it lives elsewhere.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/fm-in-formats.html
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import predictor, requests, sparse
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.predictor import Columns
from potager.images.factorization_machines import artifact, columns
from potager.images.factorization_machines.artifact import Model
from potager.images.factorization_machines.fit import scored, sigmoid


class Predictor(predictor.Predictor[Any]):
    """One model, ready; its rows are CSR matrices.

    >>> body = b'{"instances": [{"data": {"features": {"keys": [3, 90], "shape": [100], "values": [1, 1]}}}]}'
    >>> Predictor(model).predict(body, "application/json", "")  # doctest: +SKIP
    (b'{"predictions": [{"score": 0.4, "predicted_label": 0}]}', 'application/json')
    """

    def __init__(self, model: Model) -> None:
        self._machine, self._seen = model.machine, model.features
        self._width = model.description.num_features
        self._binary = model.description.predictor_type == "binary_classifier"

    def rows_of(self, body: bytes, content_type: str) -> Any:
        return requests.sparse_rows_of(body, content_type, self._width)

    def joined(self, tables: Sequence[Any]) -> Any:
        return sparse.stacked(tables)

    def columns(self, rows: Any, accept: str) -> Columns:
        scores = self.score(rows)
        return (
            {"score": scores, "predicted_label": (scores > 0.5).astype(np.int64)} if self._binary else {"score": scores}
        )

    def score(self, rows: Any) -> Float64:
        """Probabilities of class 1, or values, `(n_rows,)`, of a CSR matrix `(n_rows, n_features)`."""
        raw = scored(self._machine, columns.kept(rows, self._seen)).astype(np.float64)
        return np.asarray(sigmoid(raw), np.float64) if self._binary else raw


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
