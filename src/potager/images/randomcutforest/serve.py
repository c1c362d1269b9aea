"""A trained forest answering requests: bytes in, bytes out.

    body -> `requests.rows_of` -> `Scorer.scores` -> `responses.body_of` -> body

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/rcf-in-formats.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats
from potager.images.algorithm.predictor import Columns, Dense
from potager.images.randomcutforest import artifact
from potager.images.randomcutforest.forest import Forest
from potager.images.randomcutforest.scoring import Scorer


class Predictor(Dense):
    """One forest, ready.

    >>> Predictor(forest).predict(b"0.5,1.5", "text/csv", "application/json")  # doctest: +SKIP
    (b'{"scores": [{"score": 0.91}]}', 'application/json')
    """

    wrapper = "scores"

    def __init__(self, forest: Forest) -> None:
        self._scorer = Scorer(forest)
        self.features = forest.features
        self.score(np.zeros((1, self.features)))  # the first request does not wait for bounding boxes

    def columns(self, rows: Floats, accept: str) -> Columns:
        return {"score": self.score(rows)}

    def score(self, rows: Floats) -> Float64:
        """Anomaly scores `(n_rows,)` of features `(n_rows, n_features)`."""
        return self._scorer.scores(rows)


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
