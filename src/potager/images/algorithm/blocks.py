"""Plain CSV in blocks, read by Polars where it is installed: some ten times as fast as numpy, by all cores.

Three blocks are parsed while the one before them is copied, so that memory holds four of them beside the table. What is
not plain (quotes, blank lines, rows of other widths, words) is `Odd`: numpy's reader, which takes more, has to look at
it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float32, Float64

SMALL = 1 << 22
"""Bytes of a file that numpy has read by the time that Polars is imported."""
_BLOCK = 1 << 22
_AHEAD = 3
"""Blocks that are parsed at a time: what one of them does by a single thread is hidden behind the others."""
_COUNTED = 1 << 18
"""Bytes that are compared at a time: few enough to stay in a core's own cache."""
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
    with ThreadPoolExecutor(_AHEAD) as pool:
        ahead: deque[Future[Any]] = deque()
        for block in _blocks(file):
            ahead.append(pool.submit(_parsed, polars, block, schema, separator))
            if len(ahead) > _AHEAD:
                yield _arrays(ahead.popleft().result(), labels, gaps)
        while ahead:
            yield _arrays(ahead.popleft().result(), labels, gaps)


def count(data: NDArray[np.uint8], character: str) -> int:
    """How often a character stands in bytes: several times as fast as `bytes.count` where it is frequent."""
    code, size = ord(character), len(data)
    return sum(int(np.count_nonzero(data[at : at + _COUNTED] == code)) for at in range(0, size, _COUNTED))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file's bytes from where it stands, cut at line ends."""
    start = file.tell()
    while True:
        file.seek(start + _BLOCK)
        file.readline()
        size = file.tell() - start
        file.seek(start)
        block = file.read(size)
        if not block:
            return
        yield block
        start += len(block)


def _parsed(polars: Any, block: bytes, schema: dict[str, Any], separator: str) -> Any:
    if b'"' in block:
        raise Odd("quotes")
    try:
        frame = polars.read_csv(block, has_header=False, schema=schema, separator=separator, quote_char=None)
    except polars.exceptions.PolarsError as error:
        raise Odd("no plain numbers") from error
    # A short row is filled up, and a blank line is a row: both have too few separators.
    if count(np.frombuffer(block, np.uint8), separator) != frame.height * (len(schema) - 1):
        raise Odd("rows of several widths")
    return frame


def _arrays(frame: Any, labels: int, gaps: bool) -> tuple[Float64, Float32]:
    if not gaps and any(frame.null_count().row(0)):
        raise Odd("an empty cell")
    targets: Float64 = frame.to_series(0).to_numpy() if labels else np.empty(0)
    return targets, frame[:, labels:].to_numpy()
