"""A trained model answering requests: bytes in, bytes out.

    body -> rows [entity, address] -> `Reader.events` -> vectors -> dot products -> `responses.body_of` -> body

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/ip-insights-inference-data-formats.html
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import predictor
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BadRequest
from potager.images.algorithm.predictor import Columns, verbose
from potager.images.ipinsights import artifact
from potager.images.ipinsights.artifact import Trained
from potager.images.ipinsights.events import BadEvent, Reader
from potager.images.media import CSV, JSON, JSONLINES, X_JSONLINES, media_type

Rows = list[list[str]]


class Predictor(predictor.Predictor[Rows]):
    """One model, ready.

    >>> Predictor(model).predict(b"user_1, 192.168.1.2", "text/csv", "application/json")  # doctest: +SKIP
    (b'{"predictions": [{"dot_product": 4.2}]}', 'application/json')
    """

    def __init__(self, model: Trained) -> None:
        self._model, self._reader = model, Reader(model.num_entity_vectors)

    def rows_of(self, body: bytes, content_type: str) -> Rows:
        return rows_of(body, content_type)

    def joined(self, tables: Sequence[Rows]) -> Rows:
        return list(chain.from_iterable(tables))

    def columns(self, rows: Rows, accept: str) -> Columns:
        return self.answers(rows, verbose(accept))

    def answers(self, rows: Rows, verbose: bool) -> dict[str, Float64]:
        """`dot_product` `(n_rows,)` of rows `[entity, address]`, and where `verbose` the vectors it is made of."""
        try:
            events = self._reader.events(rows)
        except BadEvent as error:
            raise BadRequest(f"Row {error.row}{'' if str(error).startswith('has') else ','} {error}.") from error
        entities, addresses = (vectors.astype(np.float64) for vectors in self._model.vectors(events))
        found = {"dot_product": np.einsum("ij,ij->i", entities, addresses)}
        return found | ({"entity_embedding": entities, "ip_embedding": addresses} if verbose else {})


def rows_of(body: bytes, content_type: str) -> Rows:
    """Rows `[entity, address]`, not yet looked at; `BadRequest` where the body has none."""
    kind = media_type(content_type)
    if kind == CSV:
        text = body.decode("utf-8-sig", "replace")
        try:
            rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
        except csv.Error as error:
            raise BadRequest(f"The CSV cannot be read: {error}. Is a quotation mark left open?") from error
    elif kind == JSON:
        rows = [_instance(one, row) for row, one in enumerate(_instances(body), 1)]
    elif kind in (JSONLINES, X_JSONLINES):
        lines = [line for line in body.splitlines() if line.strip()]
        rows = [_instance(_json(line, f"Line {row}"), row) for row, line in enumerate(lines, 1)]
    else:
        raise BadRequest(f"Content type '{content_type}' is not supported. Send {CSV}, {JSON} or {JSONLINES}.", 415)
    if not rows:
        raise BadRequest("The request holds no rows. Send at least one: an entity and its IPv4 address.")
    return rows


def _json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{where} is not JSON: {error}.") from error


def _instances(body: bytes) -> list[Any]:
    content: Any = _json(body, "The body")
    if not isinstance(content, dict) or not isinstance(content.get("instances"), list):  # pyright: ignore[reportUnknownMemberType]
        raise BadRequest(
            'The JSON body has no list "instances". Send {"instances": [{"features": ["user_1", "192.168.1.2"]}]}.'
        )
    return content["instances"]  # pyright: ignore[reportUnknownVariableType]


def _instance(one: Any, row: int) -> list[str]:
    """`{"features": [..]}`, or `{"data": {"features": {"values": [..]}}}`."""
    values: Any = one
    for name in ("data", "features", "values"):
        if isinstance(values, dict) and name in values:
            values = values[name]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(values, list) or not all(isinstance(value, str | int) for value in values):  # pyright: ignore[reportUnknownVariableType]
        raise BadRequest(f'Row {row} has no "features". Send {{"features": ["user_1", "192.168.1.2"]}}.')
    return [str(value) for value in values]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def load(model: Path) -> Predictor:
    """The predictor of a model folder; `BrokenModel` says what is wrong with one that cannot be used."""
    return Predictor(artifact.read(model))
