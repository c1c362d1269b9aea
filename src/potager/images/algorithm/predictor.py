"""A trained model answering requests: bytes in, bytes out. What an algorithm adds is how rows become columns.

bodies ─► rows_of ─► joined ─► columns ─► a part for each request ─► body ─► bodies
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np

from potager.images.algorithm import requests, responses
from potager.images.algorithm.arrays import Floats
from potager.kernel.prediction import Answer, Query

R = TypeVar("R")
Columns = Mapping[str, Any]
"""What each row is told by name, in order: arrays `(n_rows,)`, or `(n_rows, n_values)` for a list."""


class Predictor(ABC, Generic[R]):
    """One model, ready. It holds no state between calls; any number of threads may call it.

    wrapper : the name of the list of answers in a JSON document.
    """

    wrapper = "predictions"

    def predict(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response's body and content type.

        Parameters
        ----------
        accept : a media type that can be answered; empty or `*/*` is `application/json`.

        Raises `BadRequest` (a `ValueError`), whose message is for the client.
        """
        kind = responses.accepted(accept)
        return self.body(self.columns(self.rows_of(body, content_type), accept), kind), kind

    def predict_many(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers of requests of the same media types; raises where one of them cannot be answered."""
        accept = queries[0].accept
        kind = responses.accepted(accept)
        tables = [self.rows_of(one.body, one.content_type) for one in queries]
        columns = self.columns(self.joined(tables), accept)
        sizes = list(map(_size, tables))
        parts = [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
        pieces = [{name: values[part] for name, values in columns.items()} for part in parts]
        return [Answer(self.body(piece, kind), kind) for piece in pieces]

    @abstractmethod
    def rows_of(self, body: bytes, content_type: str) -> R:
        """The rows of a request; `BadRequest` where they are not the model's."""

    @abstractmethod
    def joined(self, tables: Sequence[R]) -> R:
        """The rows of several requests as those of one."""

    @abstractmethod
    def columns(self, rows: R, accept: str) -> Columns:
        """The answers; `accept` may have parameters such as `verbose=true`."""

    def body(self, columns: Columns, kind: str) -> bytes:
        """Answers as a media type that `responses.accepted` gave."""
        return responses.body_of(columns, kind, self.wrapper)


class Dense(Predictor[Floats]):
    """A model of rows that have every one of its `features`."""

    features: int

    def rows_of(self, body: bytes, content_type: str) -> Floats:
        return requests.rows_of(body, content_type, self.features)

    def joined(self, tables: Sequence[Floats]) -> Floats:
        return np.concatenate(tables)


def verbose(accept: str) -> bool:
    """Whether an `Accept` has the parameter `verbose=true`."""
    return any(part.strip().lower() == "verbose=true" for part in accept.replace(",", ";").split(";"))


def _size(rows: Any) -> int:
    return rows.shape[0] if hasattr(rows, "shape") else len(rows)  # a sparse matrix has no len
