"""Requests into arrays and predictions into bytes: CSV, JSON and NPY as AWS's containers give them, and more.

CSV, JSON, JSON Lines, RecordIO and Parquet become float32. A CSV of one row or of one column becomes one-dimensional,
as it does on AWS; what a model makes of it is for `predict_fn` to say. No pickle is read or written: an NPY of objects
is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from potager.images import media, npy, parquet
from potager.images.algorithm import recordio
from potager.images.media import (
    ANY,
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
from potager.images.python.errors import Refused

TEXTS = (CSV, JSON)
"""Media types whose body a script gets as `str`; of any other it gets the bytes."""

Array = NDArray[Any]


def content(body: bytes, content_type: str) -> bytes | str:
    """A request's body as a script expects it: text as `str`, else bytes."""
    if media_type(content_type) not in TEXTS:
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"The body is said to be {content_type} and is not UTF-8: {error}.") from error


def decode(body: bytes | str, content_type: str) -> Array:
    """The array that a request holds. `Refused`: 415 for another format, 400 for a body that is not of its format."""
    reader = _READERS.get(media_type(content_type))
    if reader is None:
        known = ", ".join(_READERS)
        raise Refused(f"Content type '{content_type}' is not supported. Send {known}, or write an input_fn.", 415)
    try:
        return reader(body)
    except parquet.NoPyarrow as error:
        raise Refused(str(error), error.status) from error
    except (ValueError, TypeError, EOFError, OverflowError, MemoryError, RecursionError, csv.Error) as error:
        raise Refused(f"The body cannot be read as {media_type(content_type)}: {error}") from error


def _csv(body: bytes | str) -> Array:
    text = _text(body)
    if not text.strip():
        raise ValueError("it is empty")
    quick = _line(text.strip("\r\n"))
    if quick is not None:
        return quick
    try:
        return np.loadtxt(io.StringIO(text), np.float32, delimiter=",", comments=None, quotechar='"').squeeze()
    except ValueError as error:
        raise ValueError(_blame(text) or str(error)) from error


def _line(text: str) -> Array | None:
    """The same of one row of plain numbers, for which numpy takes 20 times as long to begin; None of any other."""
    if "\n" in text or "\r" in text or "_" in text or not text.isascii():  # what float takes and loadtxt does not
        return None
    try:
        return np.array([float(cell) for cell in text.split(",")]).astype(np.float32).squeeze()
    except ValueError:
        return None


def _blame(text: str) -> str:
    """The first row, and column, at which a CSV is no table of numbers."""
    first = 0
    for number, row in enumerate((row for row in csv.reader(io.StringIO(text), strict=True) if row), 1):
        first = first or len(row)
        if len(row) != first:
            return f"row {number} has {len(row)} values, row 1 has {first}"
        for column, value in enumerate(row, 1):
            try:
                float(value)
            except ValueError:
                return f"row {number}, column {column}: '{value[:80]}' is not a number"
    return ""


def _json(body: bytes | str) -> Array:
    return np.array(json.loads(body)).astype(np.float32)


def _npy(body: bytes | str) -> Array:
    return npy.read(body if isinstance(body, bytes) else body.encode())


def _lines(body: bytes | str) -> Array:
    return np.array([features(json.loads(line)) for line in _text(body).splitlines() if line.strip()], np.float32)


def features(line: Any) -> Any:
    """The numbers of a row as AWS's algorithms have it in JSON, what is null being NaN.

    `[..]`, `{"features": [..]}` or `{"data": {"features": {"values": [..]}}}`
    """
    for name in ("data", "features", "values"):
        if isinstance(line, dict):
            line = line.get(name, line)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(line, dict):
        raise ValueError('a line is a list of numbers, or has them as "features"')
    return [np.nan if cell is None else cell for cell in line] if isinstance(line, list) else line  # pyright: ignore[reportUnknownVariableType]


def _records(body: bytes | str) -> Array:
    if isinstance(body, str) or not body:
        raise ValueError("it is empty")
    tensors = recordio.tensors(body)
    width = max(one.width for one in tensors)
    return np.stack([one.dense(width) for one in tensors]).astype(np.float32)


def _parquet(body: bytes | str) -> Array:
    return parquet.read(body if isinstance(body, bytes) else body.encode()).astype(np.float32)


def _text(body: bytes | str) -> str:
    return body if isinstance(body, str) else body.decode()


def encode(prediction: Any, accept: str) -> tuple[bytes, str]:
    """A prediction in the first format of `accept` that can be given, and that format. `Refused`, 406, without one."""
    for kind in media.accepted(accept):
        if writer := _WRITERS.get(JSON if kind == ANY else kind):
            try:
                return writer(prediction), JSON if kind == ANY else kind
            except parquet.NoPyarrow as error:
                raise Refused(str(error), error.status) from error
    known = ", ".join(_WRITERS)
    raise Refused(f"Accept '{accept}' is not supported. Ask for {known}, or write an output_fn.", 406)


def to_json(prediction: Any) -> bytes:
    """JSON of anything that JSON knows, and of arrays and what has a `tolist`."""
    return json.dumps(prediction, default=_plain).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"An object of type {type(value).__name__} cannot be written as JSON. Write an output_fn.")


def _to_csv(prediction: Any) -> bytes:
    array = np.asarray(prediction)
    if array.ndim > 2:
        raise Refused(f"A prediction of {array.ndim} dimensions cannot be written as {CSV}. Ask for {JSON}.", 406)
    rows = array.reshape(-1, 1) if array.ndim < 2 else array
    # Plain floats print what their array's own type holds: 0.1 in float32 is 0.1, not 0.10000000149011612.
    short = rows.dtype.kind == "f" and rows.dtype != np.float64
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows((rows.astype(str) if short else rows).tolist())
    return stream.getvalue().encode()


def _to_npy(prediction: Any) -> bytes:
    array = np.asarray(prediction)
    if array.dtype.hasobject:  # labels that scikit-learn learned from pandas are objects, and strings all the same
        array = np.asarray(array.tolist())
    if array.dtype.hasobject:
        raise Refused(f"The prediction holds Python objects, which {NPY} could only pickle. Ask for {JSON}.", 406)
    return npy.write(array)


def _to_lines(prediction: Any) -> bytes:
    rows: Any = cast("Any", prediction if isinstance(prediction, list) else np.atleast_1d(prediction).tolist())
    return b"".join(to_json(row) + b"\n" for row in rows)


def _to_records(prediction: Any) -> bytes:
    return recordio.encode({}, {"score": _table(prediction, RECORDIO).astype(np.float32)})


def _to_parquet(prediction: Any) -> bytes:
    table = np.asarray(prediction)
    if table.dtype.hasobject:
        table = np.asarray(table.tolist())
    if table.ndim < 2:
        return parquet.write({"prediction": np.atleast_1d(table)})
    return parquet.write({f"prediction_{at}": column for at, column in enumerate(_table(table, PARQUET).T)})


def _table(prediction: Any, kind: str) -> Array:
    """A prediction as rows of numbers; `Refused`, 406, where it is none."""
    table = np.asarray(prediction)
    if table.ndim > 2 or table.dtype.kind not in "biuf" or not table.size:
        raise Refused(f"The prediction is no table of numbers, and cannot be written as {kind}. Ask for {JSON}.", 406)
    return np.atleast_1d(table).reshape(-1, 1) if table.ndim < 2 else table


_READERS: Mapping[str, Callable[[bytes | str], Array]] = {
    CSV: _csv,
    JSON: _json,
    NPY: _npy,
    **dict.fromkeys((JSONLINES, X_JSONLINES), _lines),
    RECORDIO: _records,
    **dict.fromkeys((PARQUET, APACHE_PARQUET), _parquet),
}
_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    JSON: to_json,
    CSV: _to_csv,
    NPY: _to_npy,
    **dict.fromkeys((JSONLINES, X_JSONLINES), _to_lines),
    RECORDIO: _to_records,
    **dict.fromkeys((PARQUET, APACHE_PARQUET), _to_parquet),
}
