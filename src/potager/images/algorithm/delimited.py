"""Comma-separated rows: fast readers, and a slow one that finds the cell which they stumbled over.

A row is a label, where there are labels, and its features; there is no header line.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from __future__ import annotations

import codecs
import csv
import itertools
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from potager.images.algorithm import blocks
from potager.images.algorithm.arrays import Float32, Float64, Floats
from potager.images.algorithm.errors import ClientError

_CELLS = 4_000_000  # parsed at once, as float64
_BLOCK = 1 << 20
_DELIMITERS = (",", ";", "\t", "|", " ")


class CommaFile:
    """A file of rows. `rows` is an upper bound (blank lines are counted), `width` counts features without label.

    `name` is what messages call the file, `algorithm` who reads it; `labels` (0 or 1) stand before the features;
    `gaps` says whether an empty cell or NaN is a missing feature; `complaint(label)` says what is wrong with a label,
    or None; `sniffed` has the first line say what stands between cells, which is a comma else.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        labels: int,
        gaps: bool,
        complaint: Callable[[float], str | None],
        algorithm: str,
        sniffed: bool = False,
    ) -> None:
        self._path, self._name, self._complaint, self._algorithm = path, name, complaint, algorithm
        self._labels, self._gaps = labels, gaps
        first = _first(path)
        self._delimiter = delimiter(first) if sniffed else ","
        self.rows = _lines(path)
        self.width = (first.count(self._delimiter) + 1 if first else 0) - labels

    def fill(self, features: Float32, labels: Float64 | None, fitting: Callable[[Float64], bool]) -> int:
        """Fills both arrays from their first row on, features alone without labels; the number of rows filled."""
        try:
            return self._filled(self._blocks(features.shape[1]), features, labels, fitting)
        except blocks.Odd:
            return self._filled(self._slow_blocks(features.shape[1]), features, labels, fitting)

    def _filled(
        self,
        parts: Iterator[tuple[Float64, Floats]],
        features: Float32,
        labels: Float64 | None,
        fitting: Callable[[Float64], bool],
    ) -> int:
        filled = 0
        try:
            for targets, values in parts:
                end = filled + len(values)
                with np.errstate(over="ignore"):  # what overflows 32 bits is infinite, and said so below
                    features[filled:end] = values
                if labels is not None:
                    labels[filled:end] = targets
                if not self._stand(features[filled:end]) or (labels is not None and not fitting(labels[filled:end])):
                    raise ValueError("a value that cannot stand")
                filled = end
        except blocks.Odd:
            raise
        except ValueError as error:
            raise self.diagnosis(features.shape[1]) from error
        return filled

    def _blocks(self, width: int) -> Iterator[tuple[Float64, Floats]]:
        if not blocks.readable(self._path.stat().st_size, width):
            yield from self._slow_blocks(width)
            return
        with _opened(self._path) as file:
            yield from blocks.read(file, self._labels, width, gaps=self._gaps, separator=self._delimiter)

    def _slow_blocks(self, width: int) -> Iterator[tuple[Float64, Floats]]:
        columns = width + self._labels
        for block in _parsed(self._path, max(1, _CELLS // columns), self._gaps, self._delimiter):
            if block.shape[1] != columns:  # one column would fill any number of features
                raise ValueError("rows of another width")
            yield block[:, 0], block[:, self._labels :]

    def _stand(self, features: Float32) -> bool:
        return not np.isinf(features).any() if self._gaps else bool(np.isfinite(features).all())

    def diagnosis(self, width: int) -> ClientError:
        """The first fault of the file, read row by row; `width` is the number of features that a row should have."""
        with self._path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            for number, row in enumerate(csv.reader(file, delimiter=self._delimiter), 1):
                if row and (fault := self._fault(number, row, width)):
                    return ClientError(f"{self._name}: {fault}")
        return ClientError(f"{self._name}: the file could not be read as comma-separated numbers.")

    def _fault(self, number: int, row: list[str], width: int) -> str | None:
        numbers = [_number(cell) for cell in row]
        if number == 1 and len(row) == 1 and (other := delimiter(row[0].strip())) != self._delimiter:
            return f"row 1 has no '{self._delimiter}' between its cells, but '{other}'. Separate cells by commas."
        if number == 1 and all(value is None for value in numbers) and any(row):
            shown, first = ",".join(row)[:60], ", the label first" if self._labels else ""
            return f"row 1 is a header line ('{shown}'). Remove it: {self._algorithm}'s CSV has none{first}."
        for column, (cell, value) in enumerate(zip(row, numbers, strict=True), 1):
            if self._gaps and column > self._labels and (not cell.strip() or (value is not None and math.isnan(value))):
                continue
            if value is None or not math.isfinite(value):
                return f"row {number}, column {column}: {_cell_fault(cell, value)}{_header_hint(number)}"
        if len(row) != width + self._labels:
            what = f"a label and {width} features" if self._labels else f"{width} features and no label"
            return (
                f"row {number} has {len(row)} columns, but {width + self._labels} are expected ({what}, "
                "as in the first row of the train channel). Give every row the same columns."
            )
        wrong = self._complaint(numbers[0]) if self._labels and numbers[0] is not None else None
        return f"row {number}, column 1: {wrong}" if wrong else None


def _cell_fault(cell: str, value: float | None) -> str:
    if not cell.strip():
        return "the cell is empty. Fill the gap or drop the row."
    if value is None:
        return f"'{cell[:40]}' is not a number. Encode it as one or drop the column."
    return f"'{cell[:40]}' is not a finite number (of 32 bits). Replace it or drop the row."


def _header_hint(number: int) -> str:
    return " If row 1 is a header line, remove it." if number == 1 else ""


def _number(cell: str) -> float | None:
    if "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= 3.4028235e38 else math.copysign(math.inf, value)


def _parsed(path: Path, step: int, gaps: bool, delimiter: str) -> Iterator[Float64]:
    """Blocks of at most `step` rows, float64; `ValueError` where a row is not numbers of the first row's width."""
    gap = _gap(delimiter)
    with _opened(path) as file:
        while head := _first_line(file):
            lines = itertools.chain([head], itertools.islice(file, step - 1))
            filled = (gap.sub(b"nan", line) for line in lines) if gaps else lines
            yield np.loadtxt(filled, delimiter=delimiter, comments=None, quotechar='"', ndmin=2, dtype=np.float64)


def _gap(delimiter: str) -> re.Pattern[bytes]:
    """An empty cell of a line."""
    mark, blank = re.escape(delimiter), {"\t": " *", " ": ""}.get(delimiter, r"[ \t]*")
    return re.compile(rf'(?:(?<=^)|(?<={mark})){blank}(?:"{blank}")?{blank}(?={mark}|\r?\n?\Z)'.encode())


def _opened(path: Path) -> BinaryIO:
    """The file from its first row on: spreadsheets put a byte-order mark before it."""
    file = path.open("rb")
    file.seek(len(codecs.BOM_UTF8) if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0)
    return file


def _first_line(file: Iterator[bytes]) -> bytes | None:
    """The next line that is not blank: loadtxt warns where it is given none."""
    return next((line for line in file if line.strip()), None)


def _lines(path: Path) -> int:
    block = np.empty(_BLOCK, np.uint8)
    lines = 1
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block.data):
            lines += blocks.count(block[:size], "\n")
    return lines


def first_width(path: Path, delimiter: str = ",") -> int:
    """The columns of the first row, 0 where every line is blank."""
    first = _first(path)
    return first.count(delimiter) + 1 if first else 0


def _first(path: Path) -> str:
    """The first line that is not blank, "" where there is none."""
    with _opened(path) as file:
        return (_first_line(file) or b"").decode("utf-8", "replace").strip("\r\n")


def delimiter(line: str) -> str:
    """What stands between the cells of a line: the first of comma, semicolon, tab, bar and space that is there."""
    return next((one for one in _DELIMITERS if one in line), ",")
