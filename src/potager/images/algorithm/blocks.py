"""Plain CSV in blocks, read by Polars where it is installed: some six times as fast as numpy, by all cores.

A block is parsed while the one before it is copied, so that memory holds two of them beside the table. What is not
plain (quotes, blank lines, rows of other widths, words) is `Odd`: numpy's reader, which takes more, has to look at it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np

from potager.images.algorithm.arrays import Float32, Float64

SMALL = 1 << 22
"""Bytes of a file that numpy has read by the time that Polars is imported."""
_BLOCK = 1 << 23
_WIDEST = 4096
"""Columns past which a column costs more than its cells."""


class Odd(ValueError):
    """The file is not plain, and may yet be right."""


def readable(size: int, width: int) -> bool:
    """Whether a file of so many bytes and columns is better read here."""
    return size > SMALL and width <= _WIDEST and importlib.util.find_spec("polars") is not None


def read(
    file: BinaryIO, labels: int, features: int, *, gaps: bool, separator: str = ","
) -> Iterator[tuple[Float64, Float32]]:
    """The labels `(n_rows,)`, none where `labels` is 0, and the features `(n_rows, features)` of each block.

    What is too large for 32 bits is infinite. gaps : whether an empty cell is NaN; else it is `Odd`.
    """
    polars: Any = importlib.import_module("polars")
    schema = {str(at): polars.Float64 if at < labels else polars.Float32 for at in range(labels + features)}
    with ThreadPoolExecutor(1) as pool:
        ahead: Future[Any] | None = None
        for block in _blocks(file):
            parsing = pool.submit(_parsed, polars, block, schema, separator)
            if ahead is not None:
                yield _arrays(ahead.result(), labels, gaps)
            ahead = parsing
        if ahead is not None:
            yield _arrays(ahead.result(), labels, gaps)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file's bytes, cut at line ends."""
    rest = b""
    while part := file.read(_BLOCK):
        end = part.rfind(b"\n") + 1
        if end:
            yield rest + part[:end]
            rest = part[end:]
        else:
            rest += part
    if rest:
        yield rest


def _parsed(polars: Any, block: bytes, schema: dict[str, Any], separator: str) -> Any:
    if b'"' in block:
        raise Odd("quotes")
    try:
        frame = polars.read_csv(block, has_header=False, schema=schema, separator=separator)
    except polars.exceptions.PolarsError as error:
        raise Odd("no plain numbers") from error
    # A short row is filled up, and a blank line is a row: both have too few separators.
    if block.count(separator.encode()) != frame.height * (len(schema) - 1):
        raise Odd("rows of several widths")
    return frame


def _arrays(frame: Any, labels: int, gaps: bool) -> tuple[Float64, Float32]:
    if not gaps and any(frame.null_count().row(0)):
        raise Odd("an empty cell")
    targets: Float64 = frame.to_series(0).to_numpy() if labels else np.empty(0)
    return targets, frame[:, labels:].to_numpy()
