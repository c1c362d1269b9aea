"""A trained model answering requests: bytes in, bytes out.

    body -> `requests.rows_of` -> `Model.predict` -> `responses.body_of` -> body

With `; verbose=true` behind the accepted type, each answer has its neighbours' distances and labels. Formats:
https://docs.aws.amazon.com/sagemaker/latest/dg/kNN-inference-formats.html

`load` is the way in; the server that calls it lives elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from potager.images.algorithm import requests, responses
from potager.images.algorithm.arrays import Float64
from potager.images.knn import artifact
from potager.images.knn.model import Found, Model
from potager.kernel.prediction import Answer, Query


class Predictor:
    """One model, ready. It holds no state between calls; any number of threads may call it."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type; `BadRequest` (a `ValueError`) has a message for the client.

        >>> Predictor(model).predict(b"0.5,1.5", "text/csv", "application/jsonlines")  # doctest: +SKIP
        (b'{"predicted_label": 1.0}\\n', 'application/jsonlines')
        """
        kind = responses.accepted(accept)
        found = self._model.predict(requests.rows_of(body, content_type, self._model.features))
        return responses.body_of(_columns(found, accept), kind, "predictions"), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        kind = responses.accepted(queries[0].accept)
        tables = [requests.rows_of(one.body, one.content_type, self._model.features) for one in queries]
        columns = _columns(self._model.predict(np.concatenate(tables)), queries[0].accept)
        parts = [slice(end - len(one), end) for one, end in zip(tables, accumulate(map(len, tables)), strict=True)]
        pieces = [{name: values[part] for name, values in columns.items()} for part in parts]
        return [Answer(responses.body_of(piece, kind, "predictions"), kind) for piece in pieces]


def _columns(found: Found, accept: str) -> dict[str, Float64]:
    """What each row is told, by name."""
    told = {"predicted_label": found.predicted}
    if "verbose=true" in accept.lower().replace(" ", ""):
        told |= {"distances": found.distances.astype(np.float64), "labels": found.labels}
    return told


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
