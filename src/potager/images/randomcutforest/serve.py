"""A trained forest answering requests: bytes in, bytes out.

    body -> `requests.rows_of` -> `Scorer.scores` -> `responses.body_of` -> body

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/rcf-in-formats.html
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from potager.images.algorithm import requests, responses
from potager.images.algorithm.arrays import Float64, Floats
from potager.images.randomcutforest import artifact
from potager.images.randomcutforest.forest import Forest
from potager.images.randomcutforest.scoring import Scorer
from potager.kernel.prediction import Answer, Query


class Predictor:
    """One forest, ready. Any number of threads may call it."""

    def __init__(self, forest: Forest) -> None:
        self._scorer = Scorer(forest)
        self.features = forest.features
        self.score(np.zeros((1, self.features)))  # the first request does not wait for bounding boxes

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type; `BadRequest` (a `ValueError`), whose message is for the client.

        >>> Predictor(forest).predict(b"0.5,1.5", "text/csv", "application/json")  # doctest: +SKIP
        (b'{"scores": [{"score": 0.91}]}', 'application/json')
        """
        kind = responses.accepted(accept)
        return _body(self.score(requests.rows_of(body, content_type, self.features)), kind), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        kind = responses.accepted(queries[0].accept)
        tables = [requests.rows_of(one.body, one.content_type, self.features) for one in queries]
        scores = self.score(np.concatenate(tables))
        ends = accumulate(map(len, tables))
        parts = [scores[end - len(one) : end] for one, end in zip(tables, ends, strict=True)]
        return [Answer(_body(part, kind), kind) for part in parts]

    def score(self, rows: Floats) -> Float64:
        """Anomaly scores `(n_rows,)` of features `(n_rows, n_features)`."""
        return self._scorer.scores(rows)


def _body(scores: Float64, kind: str) -> bytes:
    return responses.body_of({"score": scores}, kind, "scores")


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
