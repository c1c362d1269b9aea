"""Parquet as a table of numbers, through pyarrow, which is imported by the first request that needs it."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REMEDY = "pip install 'potager[parquet]'"
MOST_CELLS = 64 * 2**20
"""Of a file that is read: a few bytes can say that they are many rows."""


class NoPyarrow(ValueError):
    """pyarrow is not here: 415 for a request, 406 for an answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Parquet needs pyarrow, which is not installed where Potager runs. Install it: {REMEDY}")
        self.status = status


def read(body: bytes) -> NDArray[Any]:
    """`(n_rows, n_columns)`, float64, in the file's order of columns, what is null being NaN.

    A frame's index, which pandas writes as a column of its own, is none of them. `ValueError` says what cannot be.
    """
    arrow, parquet = _library(415)
    try:
        file = parquet.ParquetFile(io.BytesIO(body))
        names = _names(arrow, file)
        rows = file.metadata.num_rows
        if rows * len(names) > MOST_CELLS:
            raise ValueError(f"it holds {rows} rows of {len(names)} columns, more than {MOST_CELLS} numbers")
        table = file.read(columns=names, use_threads=False)
        columns = [_column(arrow, table.column(at)) for at in range(len(names))]
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(_first_line(error)) from error
    if not columns or not rows:
        raise ValueError("it holds no rows")
    return np.stack(columns, axis=1)


class Rows:
    """A file that is read block by block. `rows`: how many; `width`: its columns.

    `ValueError` says what cannot be read, `NoPyarrow` what is missing.
    """

    def __init__(self, path: Path) -> None:
        self._arrow, parquet = _library(415)
        try:
            self._file: Any = parquet.ParquetFile(path, memory_map=True)
        except (self._arrow.ArrowException, OSError) as error:
            raise ValueError(_first_line(error)) from error
        self._names = _names(self._arrow, self._file)
        self.rows, self.width = int(self._file.metadata.num_rows), len(self._names)

    def blocks(self, rows: int) -> Iterator[NDArray[np.float64]]:
        """At most so many rows at a time, `(n_rows, n_columns)`, what is null being NaN."""
        try:
            for batch in self._file.iter_batches(batch_size=rows, columns=self._names, use_threads=False):
                columns = [_column(self._arrow, batch.column(name)) for name in self._names]
                yield np.stack(columns, axis=1)
        except (self._arrow.ArrowException, OSError) as error:
            raise ValueError(_first_line(error)) from error


def _names(arrow: Any, file: Any) -> list[str]:
    """The columns, all of which must be numbers; a frame's index is none of them."""
    kinds = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
    names = [name for name in kinds if not name.startswith("__index_level_")]
    for name in names:
        if not _numeric(arrow, kinds[name]):
            raise ValueError(f"the column '{name[:80]}' is of {kinds[name]}, which is no number")
    return names


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


def _numeric(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_null(kind)


def _column(arrow: Any, column: Any) -> NDArray[np.float64]:
    return column.cast(arrow.float64()).to_numpy(zero_copy_only=False)


def write(columns: Mapping[str, Any]) -> bytes:
    """A file of named columns: arrays of one dimension, or of two, whose rows are lists."""
    arrow, parquet = _library(406)
    made = {name: arrow.array(values if values.ndim == 1 else values.tolist()) for name, values in columns.items()}
    stream = io.BytesIO()
    parquet.write_table(arrow.table(made), stream)
    return stream.getvalue()


def _library(status: int) -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise NoPyarrow(status) from error
