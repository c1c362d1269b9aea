"""A trained model answering requests: bytes in, bytes out.

    body -> `requests.rows_of` -> `Model.predict` -> `responses.body_of` -> body

With `; verbose=true` behind the accepted type, each answer has its neighbours' distances and labels. Formats:
https://docs.aws.amazon.com/sagemaker/latest/dg/kNN-inference-formats.html

`load` is the way in; the server that calls it lives elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Floats
from potager.images.algorithm.predictor import Columns, Dense, verbose
from potager.images.knn import artifact
from potager.images.knn.model import Model


class Predictor(Dense):
    """One model, ready.

    >>> Predictor(model).predict(b"0.5,1.5", "text/csv", "application/jsonlines")  # doctest: +SKIP
    (b'{"predicted_label": 1.0}\\n', 'application/jsonlines')
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self.features = model.features

    def columns(self, rows: Floats, accept: str) -> Columns:
        found = self._model.predict(rows)
        told = {"predicted_label": found.predicted}
        if verbose(accept):
            told |= {"distances": found.distances.astype(np.float64), "labels": found.labels}
        return told


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
