"""An inference request as rows of features: CSV, JSON, JSON Lines, RecordIO; and Parquet and NPY, which AWS has not.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from potager.images import npy, parquet
from potager.images.algorithm import sparse
from potager.images.algorithm.arrays import Float32, Float64, Floats, Ints
from potager.images.algorithm.errors import BadRequest
from potager.images.algorithm.record import Tensor
from potager.images.algorithm.recordio import RecordRows
from potager.images.algorithm.sparse import Part
from potager.images.media import (
    APACHE_PARQUET,
    CSV,
    JSON,
    JSONLINES,
    NPY,
    PARQUET,
    RECORDIO,
    X_JSONLINES,
    media_type,
)

SUPPORTED = (CSV, JSON, JSONLINES, X_JSONLINES, RECORDIO, PARQUET, APACHE_PARQUET, NPY)


def rows_of(body: bytes, content_type: str, width: int) -> Floats:
    """Features `(n_rows, width)`; `BadRequest` names the row, the column and the value that cannot be."""
    kind = media_type(content_type)
    if kind == CSV:
        return _csv(body, width)
    if kind == JSON:
        return _stack([_instance(one, row, width) for row, one in enumerate(_instances(body), 1)], width)
    if kind in (JSONLINES, X_JSONLINES):
        lines = [line for line in body.splitlines() if line.strip()]
        return _stack([_instance(_json(line, row), row, width) for row, line in enumerate(lines, 1)], width)
    if kind == RECORDIO:
        return _records(body, width)
    if kind in (PARQUET, APACHE_PARQUET):
        return _table(parquet.read, "Parquet", body, width)
    if kind == NPY:
        return _table(npy.table, "NPY", body, width)
    known = f"{', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
    raise BadRequest(f"Content type '{content_type}' is not supported. Send {known}.", 415)


def sparse_rows_of(body: bytes, content_type: str, width: int) -> Any:
    """The same as a scipy CSR matrix of float32, for models of many features: what is sparse is never made dense."""
    kind = media_type(content_type)
    if kind == JSON:
        return _matrix([_entries(one, row, width) for row, one in enumerate(_instances(body), 1)], width)
    if kind in (JSONLINES, X_JSONLINES):
        lines = [line for line in body.splitlines() if line.strip()]
        return _matrix([_entries(_json(line, row), row, width) for row, line in enumerate(lines, 1)], width)
    if kind == RECORDIO and (records := _read_records(body)).keyed:
        return _keyed(records, width)
    dense = rows_of(body, content_type, width).astype(np.float32)
    return _matrix([(np.arange(width), row) for row in dense], width)


def _matrix(rows: list[tuple[Ints, Floats]], width: int) -> Any:
    if not rows:
        raise BadRequest("The request holds no rows. Send at least one.")
    sizes = np.array([len(keys) for keys, _ in rows], np.int64)
    keys = np.concatenate([keys for keys, _ in rows]).astype(np.int32)
    values = np.concatenate([values for _, values in rows]).astype(np.float32)
    return sparse.matrix([Part(sizes, keys, values, np.zeros(0))], width)


def _keyed(records: RecordRows, width: int) -> Any:
    try:
        part, _ = records.part(False, lambda _: None)
    except ValueError as error:
        raise BadRequest(f"The RecordIO body cannot be read: {error}") from error
    if part.width > width:
        raise BadRequest(f"The RecordIO body names feature {part.width - 1}, but the model knows 0 to {width - 1}.")
    return sparse.matrix([part], width)


def _table(read: Callable[[bytes], Any], name: str, body: bytes, width: int) -> Float64:
    try:
        rows = read(body).astype(np.float64)
    except parquet.NoPyarrow as error:
        raise BadRequest(str(error), error.status) from error
    except ValueError as error:
        raise BadRequest(f"The {name} body cannot be read: {error}") from error
    return _stack([_checked(row, number, width, "columns") for number, row in enumerate(rows, 1)], width)


def _stack(rows: list[Float64], width: int) -> Float64:
    if not rows:
        raise BadRequest(f"The request holds no rows. Send at least one row of {width} features.")
    return np.stack(rows)


def _csv(body: bytes, width: int) -> Float64:
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    if len(lines) < 64:
        return _stack([_line(line, row, width) for row, line in enumerate(lines, 1)], width)
    try:
        table = np.loadtxt(lines, delimiter=",", comments=None, quotechar='"', ndmin=2, dtype=np.float64)
        if table.shape[1] == width and np.isfinite(table).all():
            return table
    except ValueError:
        pass  # which cell it was, the slow way says
    return _stack([_line(line, row, width) for row, line in enumerate(lines, 1)], width)


def _line(line: bytes, row: int, width: int) -> Float64:
    cells = line.split(b",")
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        values = np.array([_cell(cell, row, column) for column, cell in enumerate(cells, 1)])
    return _checked(values, row, width, "columns")


def _cell(cell: bytes, row: int, column: int) -> float:
    text = cell.decode("utf-8", "replace").strip().strip('"')
    try:
        return float(text)
    except ValueError:
        what = f"'{text[:40]}' is not a number" if text else "the cell is empty"
        raise BadRequest(f"Row {row}, column {column}: {what}. Send the features as numbers, no label.") from None


def _checked(values: Float64, row: int, width: int, noun: str = "features") -> Float64:
    if values.shape != (width,):
        hint = " Leave the label out." if values.shape == (width + 1,) else ""
        raise BadRequest(f"Row {row} has {values.size} {noun}, but the model was trained on {width} features.{hint}")
    # The sum is finite whenever every value is; only a suspicious row is looked at cell by cell.
    if not np.isfinite(values.sum()) and not np.isfinite(values).all():
        column = int(np.flatnonzero(~np.isfinite(values))[0])
        raise BadRequest(f"Row {row}, column {column + 1}: {values[column]} is not a finite number.")
    return values


def _json(text: bytes, row: int | None = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = "The body" if row is None else f"Line {row}"
        raise BadRequest(f"{where} is not JSON: {error}.") from error


def _instances(body: bytes) -> list[Any]:
    content: Any = _json(body)
    if not isinstance(content, dict) or not isinstance(content.get("instances"), list):  # pyright: ignore[reportUnknownMemberType]
        raise BadRequest('The JSON body has no list "instances". Send {"instances": [{"features": [0.1, 0.2]}]}.')
    return content["instances"]  # pyright: ignore[reportUnknownVariableType]


def _instance(one: Any, row: int, width: int) -> Float64:
    """The features of an instance, `(width,)`."""
    features = _features(one, row, width)
    if isinstance(features, list):
        return _checked(_numbers(features, row), row, width)
    return _tensor(features, row, width)


def _entries(one: Any, row: int, width: int) -> tuple[Ints, Float64]:
    """The features that an instance names, and their values."""
    features = _features(one, row, width)
    if isinstance(features, list) or features.get("keys") is None:
        return np.arange(width), _instance(one, row, width)
    keys, values = _keys(features["keys"], row, width), _numbers(features["values"], row)
    if len(keys) != len(values):
        raise BadRequest(f"Row {row} has {len(keys)} keys for {len(values)} values.")
    return keys, _checked(values, row, len(values))


def _keys(given: Any, row: int, width: int) -> Ints:
    keys = _numbers(given, row)
    if np.any((keys != np.floor(keys)) | (keys < 0)):
        raise BadRequest(f"Row {row}: keys must be integers from 0 to {width - 1}.")
    if len(keys) and keys.max() >= width:
        raise BadRequest(f"Row {row} has a feature with key {keys.max():.0f}, but only {width} features are expected.")
    return keys.astype(np.int64)


def _features(one: Any, row: int, width: int) -> list[Any] | dict[str, Any]:
    """`{"features": [..]}`, or `{"data": {"features": {"values": [..]}}}`, sparse with `keys` and `shape`."""
    features: Any = one
    for name in ("data", "features"):
        if isinstance(features, dict) and name in features:
            features = features[name]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(features, list) or (isinstance(features, dict) and "values" in features):
        return features  # pyright: ignore[reportUnknownVariableType]
    raise BadRequest(f'Row {row} has no "features". Send {{"features": [..]}} with {width} numbers.')


def _tensor(features: dict[str, Any], row: int, width: int) -> Float64:
    values = _numbers(features["values"], row)
    if features.get("keys") is None:
        return _checked(values, row, width)
    keys = _keys(features["keys"], row, width)
    if len(keys) != len(values):
        raise BadRequest(f"Row {row} has {len(keys)} keys for {len(values)} values.")
    return _checked(np.asarray(Tensor(values, keys).dense(width), np.float64), row, width)


def _numbers(values: Any, row: int) -> Float64:
    if not isinstance(values, list):
        raise BadRequest(f"Row {row}: features must be a list of numbers.")
    for column, value in enumerate(values, 1):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(value, bool) or not isinstance(value, int | float):
            shown = json.dumps(value)[:40]
            raise BadRequest(f"Row {row}, column {column}: {shown} is not a number. Send the features as numbers.")
    try:
        return np.array(values, np.float64)  # pyright: ignore[reportUnknownArgumentType]
    except OverflowError:
        raise BadRequest(f"Row {row}: a number is too large. Send numbers of 64 bits.") from None


def _records(body: bytes, width: int) -> Float32:
    records = _read_records(body)
    try:
        rows = np.empty((records.rows, width), np.float32)
        records.fill(rows, None, lambda _: None)
    except ValueError as error:
        raise BadRequest(f"The RecordIO body cannot be read: {error}") from error
    return rows


def _read_records(body: bytes) -> RecordRows:
    try:
        return RecordRows(body)
    except ValueError as error:
        raise BadRequest(f"The RecordIO body cannot be read: {error}") from error
