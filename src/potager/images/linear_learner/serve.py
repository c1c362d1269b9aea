"""A trained model answering requests: bytes in, bytes out.

    body -> `requests.rows_of` -> raw scores -> scores and labels -> `responses.body_of` -> body

`load` is the way in; the server that calls it lives elsewhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats, Ints
from potager.images.algorithm.predictor import Columns, Dense
from potager.images.linear_learner import artifact, responses
from potager.images.linear_learner.artifact import Model
from potager.images.linear_learner.losses import sigmoid


class Predictor(Dense):
    """One model, ready.

    >>> Predictor(model).predict(b"0.5,1.5", "text/csv", "application/json")  # doctest: +SKIP
    (b'{"predictions": [{"score": 0.4, "predicted_label": 0}]}', 'application/json')
    """

    def __init__(self, model: Model) -> None:
        self._weights, self._bias, self._threshold = model.weights.T.copy(), model.bias, model.threshold
        self._kind, self._loss = model.description.predictor_type, model.description.loss
        self.features = model.description.num_features

    def columns(self, rows: Floats, accept: str) -> Columns:
        scores, labels = self.score(rows)
        return {"score": scores} if labels is None else {"score": scores, "predicted_label": labels}

    def body(self, columns: Columns, kind: str) -> bytes:
        return responses.body_of(columns["score"], columns.get("predicted_label"), kind)

    def score(self, rows: Floats) -> tuple[Float64, Ints | None]:
        """Scores `(n_rows, 1)` or `(n_rows, n_classes)` and labels `(n_rows,)` of features `(n_rows, n_features)`.

        A score is a probability (of class 1, or of each class), except that hinge_loss yields the signed distance and
        a regressor, which has no labels, the value itself.
        """
        raw: Float64 = rows @ self._weights + self._bias
        if self._kind == "binary_classifier":
            labels = (raw[:, 0] > self._threshold).astype(np.int64)
            return np.asarray(sigmoid(raw) if self._loss == "logistic" else raw, np.float64), labels
        if self._kind == "regressor":
            return raw, None
        shares = np.exp(raw - raw.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True), raw.argmax(axis=1).astype(np.int64)


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
