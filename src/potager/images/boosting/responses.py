"""Predictions as the client accepts them. JSON has JumpStart's members, the others are ours.

application/json            {"probabilities": [[0.9, 0.1]]}           {"prediction": [1.5]}
application/json;verbose    ... "labels": [..], "predicted_label": [..]
application/jsonlines       {"probabilities": [0.9, 0.1], "predicted_label": 0}
text/csv                    predicted_label,0.9,0.1                   1.5
application/x-npy           probabilities (n_rows, n_classes)         values (n_rows,)
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from potager.images import media, npy
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BadRequest
from potager.images.boosting.target import Class
from potager.images.media import CSV, JSON, JSONLINES, NPY, X_JSONLINES

_SUPPORTED = (JSON, JSONLINES, X_JSONLINES, CSV, NPY)
_ANY = ("", "*/*", "application/*")


def accepted(accept: str) -> tuple[str, bool]:
    """The response's content type, JSON where the client does not care, and whether it is to be verbose."""
    for kind in media.accepted(accept):
        plain = media.media_type(kind)
        if plain in _ANY or plain == JSON:
            return JSON, "verbose" in accept.replace(" ", "").lower().split(";")
        if plain in _SUPPORTED:
            return plain, False
        if plain == "text/*":
            return CSV, False
    raise BadRequest(f"Accept '{accept}' is not supported. Ask for {', '.join(_SUPPORTED)}.", 406)


def body_of(values: Float64, classes: Sequence[Class], kind: str, verbose: bool) -> bytes:
    """A body of the given kind.

    Parameters
    ----------
    values : probabilities `(n_rows, n_classes)`; without `classes` the predicted numbers `(n_rows,)`.
    """
    if kind == NPY:
        return npy.write(values)
    if not classes:
        return _regression(values.tolist(), kind)
    best: list[int] = values.argmax(axis=1).tolist()
    labels = [classes[one] for one in best]
    if kind == CSV:
        return _csv(labels, values)
    if kind in (JSONLINES, X_JSONLINES):
        pairs = zip(values.tolist(), labels, strict=True)
        rows = (json.dumps({"probabilities": row, "predicted_label": label}) for row, label in pairs)
        return "".join(row + "\n" for row in rows).encode()
    answer: dict[str, object] = {"probabilities": values.tolist()}
    return json.dumps(answer | ({"labels": list(classes), "predicted_label": labels} if verbose else {})).encode()


def _regression(values: list[float], kind: str) -> bytes:
    if kind == CSV:
        return "".join(f"{value!r}\n" for value in values).encode()
    if kind == JSON:
        return json.dumps({"prediction": values}).encode()
    return "".join(f'{{"prediction": {value!r}}}\n' for value in values).encode()


def _csv(labels: Sequence[Class], values: Float64) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [label, *row] for label, row in zip(labels, np.asarray(values).tolist(), strict=True)
    )
    return out.getvalue().encode()
