"""LIBSVM rows: `label[:weight] [qid:group] index:value index:value ... [# a remark]`.

Blocks of lines are parsed as a whole; where one is not as it should be, the file is gone through line by line for the
fault. Indices are taken as they are: a file that counts from 1 has a feature 0 that no row names.
Sources: https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/,
https://xgboost.readthedocs.io/en/stable/tutorials/input_format.html (weights, qid).
"""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Flags, Float64, Ints
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.sparse import MOST, Part

_BLOCK = 1 << 22
_REMARK = re.compile(rb"#[^\n]*")
_COLONS = bytes.maketrans(b":", b" ")


class LibsvmFile:
    """A file of rows. `name` is what messages call it; `complaint(label)` says what is wrong with a label, or None."""

    def __init__(
        self,
        path: Path,
        name: str,
        gaps: bool,
        fitting: Callable[[Float64], bool],
        complaint: Callable[[float], str | None],
    ) -> None:
        self._path, self._name, self._gaps = path, name, gaps
        self._fitting, self._complaint = fitting, complaint

    def parts(self) -> list[Part]:
        """The rows; `ClientError` names the line and the item that cannot be."""
        try:
            return [self._stands(_parsed(block)) for block in _blocks(self._path) if not block.isspace()]
        except ValueError as error:
            raise self._diagnosis() from error

    def _stands(self, part: Part) -> Part:
        wrong = np.isinf(part.values) if self._gaps else ~np.isfinite(part.values)
        if wrong.any() or not self._fitting(part.labels):
            raise ValueError("a value that cannot stand")
        if part.weights is not None and not (np.isfinite(part.weights) & (part.weights >= 0)).all():
            raise ValueError("a weight that cannot stand")
        return part

    def _diagnosis(self) -> ClientError:
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if fault := self._fault(_REMARK.sub(b"", line).split()):
                    return ClientError(f"{self._name}: row {number}: {fault}")
        return ClientError(f"{self._name}: the file could not be read as LIBSVM rows.")

    def _fault(self, items: list[bytes]) -> str | None:
        if not items:
            return None
        label, _, weight = _shown(items[0]).partition(":")
        if (value := _number(label)) is None:
            return f"'{label}' is no label. A row is 'label index:value index:value ...'; LIBSVM has no header line."
        if wrong := self._complaint(value):
            return wrong
        if weight and not ((heavy := _number(weight)) is not None and 0 <= heavy < math.inf):
            return f"the weight '{weight}' is not a number of at least 0. Correct it or drop the row."
        return next((fault for item in items[1:] if (fault := self._item(_shown(item)))), None)

    def _item(self, item: str) -> str | None:
        index, colon, value = item.partition(":")
        allowed = "qid:number" if index == "qid" else f"index:value with an index from 0 to {MOST}"
        if not colon or (number := _number(value)) is None or not (index == "qid" or _index(index)):
            return f"'{item}' is not {allowed}. Correct it or drop the row."
        if math.isinf(number) or (math.isnan(number) and not self._gaps):
            return f"feature {index}: '{value}' is not a finite number (of 32 bits). Replace it or leave it out."
        return None


def looks_so(line: str) -> bool:
    """Whether a line of text is a row of LIBSVM rather than one of CSV: its first feature has an index."""
    items = line.split(None, 2)[:2]
    return bool(items) and ":" in items[-1] and "," not in items[0]


def _shown(item: bytes) -> str:
    return item.decode("utf-8", "replace")[:80]


def _index(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= MOST


def _number(text: str) -> float | None:
    if "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= 3.4028235e38 or math.isnan(value) else math.copysign(math.inf, value)


def _blocks(path: Path) -> Iterator[bytes]:
    """The file's lines, many at a time."""
    with path.open("rb") as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        rest = b""
        for block in itertools.takewhile(bool, iter(lambda: file.read(_BLOCK), None)):
            whole, newline, after = block.rpartition(b"\n")
            if not newline:
                rest += block
                continue
            yield rest + whole + newline
            rest = after
        if rest:
            yield rest


def _parsed(block: bytes) -> Part:
    """The rows of a block; `ValueError` where they are none."""
    if b"#" in block:
        block = _REMARK.sub(b"", block)
    text = np.frombuffer(block, np.uint8)
    space = text <= 32
    begins = np.flatnonzero(~space & np.concatenate([[True], space[:-1]]))
    if not len(begins):
        return Part(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0))
    lines = np.searchsorted(np.flatnonzero(text == ord("\n")), begins)
    colons = np.bincount(np.searchsorted(begins, np.flatnonzero(text == ord(":")), "right") - 1, minlength=len(begins))
    heads = np.concatenate([[True], lines[1:] != lines[:-1]])
    if (colons[heads] > 1).any() or (colons[~heads] != 1).any():
        raise ValueError("an item that is not index:value")
    numbers = _numbers(block, int(len(begins) + colons.sum()))
    first = np.cumsum(1 + colons) - 1 - colons
    rows = np.cumsum(heads) - 1
    weighted = colons[heads] == 1
    at = first[heads]
    weights = np.where(weighted, numbers[np.minimum(at + 1, len(numbers) - 1)], 1).astype(np.float32)
    indices, values, rows = numbers[first[~heads]], numbers[first[~heads] + 1], rows[~heads]
    count = int(heads.sum())
    groups, named = _groups(block, indices, values, rows, count)
    indices, values, rows = indices[named], values[named], rows[named]
    if ((indices != np.floor(indices)) | (indices < 0) | (indices > MOST)).any():
        raise ValueError("an index that is none")
    with np.errstate(over="ignore"):  # what overflows 32 bits is infinite, and said so
        narrow = values.astype(np.float32)
    sizes = np.bincount(rows, minlength=count)
    return Part(sizes, indices.astype(np.int32), narrow, numbers[at], weights if weighted.any() else None, groups)


def _numbers(block: bytes, count: int) -> Float64:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            numbers = np.fromstring(block.replace(b"qid:", b"-1:").translate(_COLONS), np.float64, sep=" ")
        except (DeprecationWarning, ValueError) as error:
            raise ValueError("an item that is no number") from error
    if len(numbers) != count:
        raise ValueError("an item that is no number")
    return numbers


def _groups(block: bytes, indices: Float64, values: Float64, rows: Ints, count: int) -> tuple[Ints | None, Flags]:
    """The group of each row, None where there are none, and which entries are features."""
    if b"qid:" not in block:
        return None, np.ones(len(indices), bool)
    named = indices != -1
    if np.count_nonzero(~named) != block.count(b"qid:"):
        raise ValueError("an index of -1")
    groups = np.zeros(count, np.int64)
    groups[rows[~named]] = values[~named].astype(np.int64)
    return groups, named
