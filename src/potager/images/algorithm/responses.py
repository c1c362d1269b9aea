"""Answers as the client accepts them: JSON, JSON Lines, CSV, RecordIO; and Parquet and NPY, which AWS has not.

Source: the pages of response formats, such as https://docs.aws.amazon.com/sagemaker/latest/dg/km-in-formats.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from potager.images import media, npy, parquet
from potager.images.algorithm import recordio
from potager.images.algorithm.arrays import Float64
from potager.images.algorithm.errors import BadRequest
from potager.images.algorithm.requests import SUPPORTED
from potager.images.media import CSV, JSON, RECORDIO

_ANY = ("", "*/*", "application/*")


def accepted(accept: str) -> str:
    """The response's content type: the first that the client names and we can give; JSON where it does not care."""
    for kind in media.accepted(accept):
        if kind in _ANY:
            return JSON
        if kind in SUPPORTED:
            return kind
        if kind == "text/*":
            return CSV
    known = f"{', '.join(SUPPORTED[:-1])} or {SUPPORTED[-1]}"
    raise BadRequest(f"Accept '{accept}' is not supported. Ask for {known}.", 406)


def body_of(columns: Mapping[str, Float64], kind: str, wrapper: str) -> bytes:
    """Answers of rows as bytes of the given kind.

    Parameters
    ----------
    columns : what each row is told by name, in order: `(n_rows,)`, or `(n_rows, n_values)` for a list.
    wrapper : the name of the list in the JSON document, such as `predictions`.
    """
    if kind == RECORDIO:
        return recordio.encode({}, {name: _flat(values).astype(np.float32) for name, values in columns.items()})
    if kind in (media.PARQUET, media.APACHE_PARQUET):
        return _parquet(columns)
    if kind in (CSV, media.NPY):
        table = np.hstack([_flat(values) for values in columns.values()])
        return npy.write(table) if kind == media.NPY else "".join(map(_line, table.tolist())).encode()
    rows = [
        json.dumps(dict(zip(columns, row, strict=True)))
        for row in zip(*(values.tolist() for values in columns.values()), strict=True)
    ]
    if kind == JSON:
        return f'{{"{wrapper}": [{", ".join(rows)}]}}'.encode()
    return "".join(row + "\n" for row in rows).encode()


def _flat(values: Float64) -> Float64:
    return values.reshape(len(values), -1)


def _line(row: list[float]) -> str:
    return ",".join(map(repr, row)) + "\n"


def _parquet(columns: Mapping[str, Float64]) -> bytes:
    try:
        return parquet.write(dict(columns))
    except parquet.NoPyarrow as error:
        raise BadRequest(str(error), error.status) from error
