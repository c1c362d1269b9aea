"""Requests into arrays and predictions into bytes: CSV, JSON and NPY, as AWS's containers give them.

CSV and JSON become float32. A CSV of one row or of one column becomes one-dimensional, as it does on AWS; what a
model makes of it is for `predict_fn` to say. No pickle is read or written: an NPY of objects is refused.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.python.errors import Refused

CSV, JSON, NPY, ANY = "text/csv", "application/json", "application/x-npy", "*/*"
TEXTS = (CSV, JSON)
"""Media types whose body a script gets as `str`; of any other it gets the bytes."""

Array = NDArray[Any]


def media_type(header: str) -> str:
    """A content type without its parameters."""
    return header.partition(";")[0].strip().lower()


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
    except (ValueError, TypeError, EOFError, OverflowError, MemoryError, RecursionError, csv.Error) as error:
        raise Refused(f"The body cannot be read as {media_type(content_type)}: {error}") from error


def _csv(body: bytes | str) -> Array:
    text = _text(body)
    if not text.strip():
        raise ValueError("it is empty")
    try:
        return np.loadtxt(io.StringIO(text), np.float32, delimiter=",", comments=None, quotechar='"').squeeze()
    except ValueError as error:
        raise ValueError(_blame(text) or str(error)) from error


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
    raw = body if isinstance(body, bytes) else body.encode()
    return np.load(io.BytesIO(raw), allow_pickle=False)


def _text(body: bytes | str) -> str:
    return body if isinstance(body, str) else body.decode()


def encode(prediction: Any, accept: str) -> tuple[bytes, str]:
    """A prediction in the first format of `accept` that can be given, and that format. `Refused`, 406, without one."""
    for part in accept.split(","):
        kind = media_type(part)
        if kind == ANY:
            kind = JSON
        if writer := _WRITERS.get(kind):
            return writer(prediction), kind
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
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


_READERS: Mapping[str, Callable[[bytes | str], Array]] = {CSV: _csv, JSON: _json, NPY: _npy}
_WRITERS: Mapping[str, Callable[[Any], bytes]] = {JSON: to_json, CSV: _to_csv, NPY: _to_npy}
