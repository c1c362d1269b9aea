"""A request as rows of cells: CSV as AWS documents it, and JSON, JSON Lines and NPY, which AWS has not.

A gap is an empty cell, NaN or null; a category is any text or whole number.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from potager.images import npy
from potager.images.algorithm.arrays import Float32
from potager.images.algorithm.errors import BadRequest
from potager.images.boosting.frames import GAPS
from potager.images.media import CSV, JSON, JSONLINES, NPY, X_JSONLINES, media_type

SUPPORTED = (CSV, JSON, JSONLINES, X_JSONLINES, NPY)

Cells = Sequence[Any]
"""The cells of a row: text, of CSV; numbers, text or None, of JSON."""


def rows_of(body: bytes, content_type: str, width: int) -> Sequence[Cells]:
    """The rows of a request, each of `width` cells; `BadRequest` names the row that is not."""
    rows = _READERS.get(media_type(content_type), _unknown(content_type))(body)
    if not rows:
        raise BadRequest(f"The request holds no rows. Send at least one row of {width} features.")
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            hint = " Leave the label out." if len(row) == width + 1 else ""
            raise BadRequest(
                f"Row {number} has {len(row)} features, but the model was trained on {width} features.{hint}"
            )
    return rows


def numbers(rows: Sequence[Cells], categories: dict[int, Callable[[str], float]]) -> Float32:
    """`(n_rows, n_features)` float32, NaN for gaps; `categories` says a category's number, by column from 0."""
    try:
        if not categories:
            found = np.array([list(map(float, row)) for row in rows], np.float32)
            if not np.isinf(found).any():
                return found
    except (ValueError, TypeError, OverflowError):
        pass  # a gap, or a fault, which is found cell by cell
    return np.array(
        [[_cell(row, column, number, categories) for column in range(len(row))] for number, row in enumerate(rows, 1)],
        np.float32,
    )


def _cell(row: Cells, column: int, number: int, categories: dict[int, Callable[[str], float]]) -> float:
    value = row[column]
    return categories[column](text(value)) if column in categories else number_of(value, number, column + 1)


def text(value: Any) -> str:
    """A category's cell as text; "" where there is none."""
    return "" if value is None or value != value else str(value)


def number_of(value: Any, row: int, column: int) -> float:
    """A feature's cell as a number of 32 bits, NaN where it is a gap."""
    if value is None or (isinstance(value, str) and value.strip() in GAPS):
        return math.nan
    try:
        found = float(value)
    except OverflowError:
        found = math.inf  # a whole number of JSON's may have any length
    except ValueError:
        shown = str(value)[:40]
        raise BadRequest(
            f"Row {row}, column {column}: '{shown}' is not a number. Send the features, no label."
        ) from None
    if abs(found) > 3.4028235e38:
        raise BadRequest(f"Row {row}, column {column}: {found} is not a finite number of 32 bits.")
    return found


def _csv(body: bytes) -> Sequence[Cells]:
    try:
        content = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not text in UTF-8: {error}.") from error
    lines = [line for line in content.splitlines() if line and not line.isspace()]
    return [row for row in csv.reader(lines) if row] if '"' in content else [line.split(",") for line in lines]


def _json(body: bytes) -> Sequence[Cells]:
    content = _loaded(body, "The body")
    rows: Any = content.get("instances") if isinstance(content, dict) else content  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(rows, list):
        raise BadRequest('The JSON body has no list "instances". Send {"instances": [{"features": [0.1, 0.2]}]}.')
    return [_features(one, number) for number, one in enumerate(rows, 1)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _lines(body: bytes) -> Sequence[Cells]:
    lines = [line for line in body.splitlines() if line.strip()]
    return [_features(_loaded(line, f"Line {number}"), number) for number, line in enumerate(lines, 1)]


def _features(one: Any, number: int) -> Cells:
    features: Any = one.get("features") if isinstance(one, dict) else one  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(features, list):
        raise BadRequest(f'Row {number} has no list "features". Send {{"features": [0.1, 0.2]}}.')
    for column, value in enumerate(features, 1):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(value, bool | list | dict):
            raise BadRequest(f"Row {number}, column {column}: {json.dumps(value)[:40]} is no number and no text.")
    return features  # pyright: ignore[reportUnknownVariableType]


def _loaded(content: bytes, what: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{what} is not JSON: {error}.") from error


def _npy(body: bytes) -> Sequence[Cells]:
    try:
        return npy.table(body).astype(np.float64).tolist()
    except ValueError as error:
        raise BadRequest(f"The NPY body cannot be read: {error}") from error


def _unknown(content_type: str) -> Callable[[bytes], Sequence[Cells]]:
    def refuse(body: bytes) -> Sequence[Cells]:
        known = f"{', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
        raise BadRequest(f"Content type '{content_type}' is not supported. Send {known}.", 415)

    return refuse


_READERS: dict[str, Callable[[bytes], Sequence[Cells]]] = {
    CSV: _csv,
    JSON: _json,
    JSONLINES: _lines,
    X_JSONLINES: _lines,
    NPY: _npy,
}
