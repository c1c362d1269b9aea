"""A model ready to answer: requests in, the library's numbers, answers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, chain

import numpy as np

from potager.images.algorithm.arrays import Float64
from potager.images.boosting import responses
from potager.images.boosting.artifact import Description
from potager.images.boosting.requests import Cells, rows_of
from potager.images.boosting.target import BINARY
from potager.kernel.prediction import Answer, Query

Scores = Callable[[Sequence[Cells]], Float64]
"""Rows to probabilities of class 1 `(n_rows,)` or of each class `(n_rows, n_classes)`, or to values `(n_rows,)`."""


class Predictor:
    """One model. It holds no state between calls."""

    def __init__(self, description: Description, scores: Scores) -> None:
        self._classes, self._binary = tuple(description.classes), description.kind == BINARY
        self._scores = scores
        self.features = description.num_features

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type; `BadRequest` (a `ValueError`) has a message for the client."""
        kind, verbose = responses.accepted(accept)
        values = self.values(rows_of(body, content_type, self.features))
        return responses.body_of(values, self._classes, kind, verbose), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        kind, verbose = responses.accepted(queries[0].accept)
        tables = [rows_of(one.body, one.content_type, self.features) for one in queries]
        values = self.values(list(chain.from_iterable(tables)))
        parts = [slice(end - len(one), end) for one, end in zip(tables, accumulate(map(len, tables)), strict=True)]
        return [Answer(responses.body_of(values[part], self._classes, kind, verbose), kind) for part in parts]

    def values(self, rows: Sequence[Cells]) -> Float64:
        """Probabilities `(n_rows, n_classes)` of a classifier, else values `(n_rows,)`."""
        found = self._scores(rows)
        return np.stack((1 - found, found), axis=1) if self._binary and found.ndim == 1 else found
