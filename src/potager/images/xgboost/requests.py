"""A request's body as rows of features: CSV, LIBSVM, JSON, RecordIO and more. What is missing stays so.

CSV has no header and no label; an empty cell is missing. A row of LIBSVM may begin with a label, which is passed over,
and names features from 0 on. JSON is a list of rows, or `{"instances": [{"features": [..]}]}`. JSON Lines, Parquet and
NPY are ours, and not AWS's.
Source: `serve_utils.py` and `encoder.py` of https://github.com/aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images import media, npy, parquet
from potager.images.algorithm import recordio
from potager.images.media import RECORDIO
from potager.images.python import formats
from potager.images.python.errors import Refused

LIBSVM, X_LIBSVM = "text/libsvm", "text/x-libsvm"
_DELIMITERS = (",", ";", "\t", "|", " ")

Dense = NDArray[np.float32]


def rows(body: bytes | str, content_type: str, width: int | None = None) -> Any:
    """Rows as an array, or as a sparse matrix (LIBSVM, sparse RecordIO) whose absent entries are missing.

    width : the features of the model. A dense row may have one less, as AWS has it: a model that was trained on
        LIBSVM counted from 1 has a first feature that no row names.

    `Refused`: 415 for another format, 400 for a body that is not of its format.
    """
    kind = formats.media_type(content_type)
    reader = _READERS.get(kind)
    if reader is None:
        known = ", ".join(_READERS)
        raise Refused(f"Content type '{content_type}' is not supported. Send {known}, or write an input_fn.", 415)
    try:
        found = reader(body)
    except parquet.NoPyarrow as error:
        raise Refused(str(error), error.status) from error
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, UnicodeDecodeError) as error:
        raise Refused(f"The body cannot be read as {kind}: {error}") from error
    return found if width is None else _wide(found, width)


def matrix(body: bytes | str, content_type: str) -> Any:
    """The same as a DMatrix, which is what scripts expect of the default `input_fn`."""
    return importlib.import_module("xgboost").DMatrix(rows(body, content_type))


def _wide(found: Any, width: int) -> Any:
    """The rows with all the columns that the model has: those that no row names are missing."""
    columns = int(found.shape[1])
    if hasattr(found, "indptr"):
        if columns < width:
            found.resize(found.shape[0], width)
        return found
    if columns not in (width, width - 1):
        hint = " Leave the label out." if columns == width + 1 else ""
        raise Refused(f"The rows have {columns} columns, but the model has {width} features.{hint}")
    return found if columns == width else np.pad(found, ((0, 0), (0, 1)), constant_values=np.nan)


def _text(body: bytes | str) -> str:
    text = body if isinstance(body, str) else body.decode()
    if not text.strip():
        raise ValueError("it is empty")
    return text


def _csv(body: bytes | str) -> Dense:
    text = _text(body).strip("\r\n")
    first = text.split("\n", 1)[0]
    delimiter = next((one for one in _DELIMITERS if one in first), ",")
    if len(first) == len(text):  # most requests are of one row, for which numpy takes 20 times as long to begin
        with contextlib.suppress(ValueError):
            return np.array([[float(cell) for cell in text.split(delimiter)]], np.float32)
    try:
        return np.loadtxt(io.StringIO(text), np.float32, delimiter=delimiter, comments=None, quotechar='"', ndmin=2)
    except ValueError:
        return _with_gaps(text, delimiter)


def _with_gaps(text: str, delimiter: str) -> Dense:
    """A table in which cells may be empty; `ValueError` names the first row, and column, that is no row of numbers."""
    table: list[list[float]] = []
    for number, line in enumerate((line for line in text.splitlines() if line.strip()), 1):
        cells = [cell.strip().strip('"') for cell in line.split(delimiter)]
        table.append([_number(cell, number, column) for column, cell in enumerate(cells, 1)])
        if len(cells) != len(table[0]):
            raise ValueError(f"row {number} has {len(cells)} values, row 1 has {len(table[0])}")
    return np.array(table, np.float32)


def _number(cell: str, row: int, column: int) -> float:
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        raise ValueError(f"row {row}, column {column}: '{cell[:80]}' is not a number") from None


def _libsvm(body: bytes | str) -> Any:
    indices: list[int] = []
    values: list[float] = []
    ends = [0]
    for number, line in enumerate((line for line in _text(body).splitlines() if line.strip()), 1):
        for place, item in enumerate(line.split("#", 1)[0].split()):
            index, colon, value = item.partition(":")
            if (not colon and place == 0) or index == "qid":
                continue
            try:
                indices.append(int(index))
                values.append(float(value))
            except ValueError:
                raise ValueError(f"row {number}: '{item[:80]}' is not index:value") from None
        ends.append(len(indices))
    if min(indices, default=0) < 0:
        raise ValueError("an index is below 0")
    return _sparse(values, indices, ends)


def _sparse(values: Any, indices: Any, ends: list[int]) -> Any:
    sparse: Any = importlib.import_module("scipy.sparse")
    shape = (len(ends) - 1, max(indices, default=-1) + 1)
    return sparse.csr_matrix((np.array(values, np.float32), np.array(indices, np.int64), ends), shape=shape)


def _json(body: bytes | str) -> Dense:
    content: Any = json.loads(_text(body))
    if isinstance(content, dict):
        content = [one["features"] if isinstance(one, dict) else one for one in content["instances"]]  # pyright: ignore[reportUnknownVariableType]
    if content and not isinstance(content[0], list):
        content = [content]
    table = np.array([[np.nan if cell is None else cell for cell in row] for row in content], np.float32)  # pyright: ignore[reportUnknownVariableType]
    if table.ndim != 2 or not table.size:
        raise ValueError('it holds no rows: send [[0.1, 0.2]], or {"instances": [{"features": [0.1, 0.2]}]}')
    return table


def _lines(body: bytes | str) -> Dense:
    rows = [formats.features(json.loads(line)) for line in _text(body).splitlines() if line.strip()]
    table = np.array(rows, np.float32)
    if table.ndim != 2 or not table.size:
        raise ValueError('a line is [0.1, 0.2], or {"features": [0.1, 0.2]}')
    return table


def _parquet(body: bytes | str) -> Dense:
    return parquet.read(body if isinstance(body, bytes) else body.encode()).astype(np.float32)


def _npy(body: bytes | str) -> Dense:
    return np.ascontiguousarray(npy.table(body if isinstance(body, bytes) else body.encode()), np.float32)


def _recordio(body: bytes | str) -> Any:
    if isinstance(body, str) or not body:
        raise ValueError("it is empty")
    tensors = recordio.tensors(body)
    if any(one.keys is not None for one in tensors):
        keys = [np.arange(len(one.values)) if one.keys is None else one.keys for one in tensors]
        ends = [0, *np.cumsum([len(one) for one in keys]).tolist()]
        return _sparse(np.concatenate([one.values for one in tensors]), np.concatenate(keys).tolist(), ends)
    return np.stack([np.asarray(one.values, np.float32) for one in tensors])


_READERS: Mapping[str, Callable[[bytes | str], Any]] = {
    formats.CSV: _csv,
    LIBSVM: _libsvm,
    X_LIBSVM: _libsvm,
    formats.JSON: _json,
    RECORDIO: _recordio,
    **dict.fromkeys((media.JSONLINES, media.X_JSONLINES), _lines),
    **dict.fromkeys((media.PARQUET, media.APACHE_PARQUET), _parquet),
    media.NPY: _npy,
}
