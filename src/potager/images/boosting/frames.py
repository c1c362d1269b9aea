"""A table of numbers and categories: CSV without a header line, the target first.

    file ─► Arrow's reader, typed by column ─► float32, a category as its number
        └► what it stumbles over ─► row by row, which understands more or names the cell

Rows are counted first, so that the array is made once and filled block by block: the text is never held.
"""

from __future__ import annotations

import csv
import importlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm import formats
from potager.images.algorithm.arrays import Float32
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import say
from potager.images.boosting.categories import Vocabulary
from potager.images.boosting.places import Place

GAPS = ("", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "None")
"""What stands for a missing number."""

_BLOCK = 1 << 22  # bytes parsed at once
_ROWS = 1 << 14  # rows held at once when reading one by one

Labels = NDArray[Any]
"""`(n_rows,)`: float64 where every label is a number, else text."""


@dataclass(frozen=True)
class Frame:
    """`features`: `(n_rows, n_features)` float32, NaN where one is missing; `labels`: see `Labels`."""

    features: Float32
    labels: Labels

    def __len__(self) -> int:
        return len(self.features)

    @property
    def width(self) -> int:
        return self.features.shape[1]


def read(place: Place, vocabularies: Mapping[int, Vocabulary], width: int | None = None) -> Frame:
    """The rows of all files of a place.

    Parameters
    ----------
    vocabularies : of each categorical column, counted from 0, which is the target.
    width : features that rows must have, None to take the first row's word.
    """
    files = list(place.files())
    rows = sum(map(_lines, (path for path, _ in files)))
    if not rows:
        raise ClientError(f"Channel '{place.channel}' holds no data: its files are empty or absent. Check its S3Uri.")
    for path, name in files:
        formats.check_csv(path, name)
    width = width or next((found for file in files if (found := _width(*file)) > 0), 1)
    if beyond := [column for column in vocabularies if column > width]:
        raise ClientError(
            f"categorical_index.json: column {beyond[0]} does not exist. "
            f"The table has {width + 1} columns, 0 to {width}."
        )
    features, labels, filled = np.empty((rows, width), np.float32), list[Labels](), 0
    for path, name in files:
        for target, block in _blocks(path, name, width, vocabularies):
            features[filled : filled + len(block)] = block
            labels.append(target)
            filled += len(block)
    if not filled:
        raise ClientError(f"Channel '{place.channel}' holds no data: its files have blank lines only.")
    say(f"Channel '{place.channel}': {filled} rows of {width} features")
    return Frame(features[:filled], _joined(labels))


def _joined(parts: list[Labels]) -> Labels:
    """One array: numbers where every part is numbers, else text."""
    if all(part.dtype == np.float64 for part in parts):
        return np.concatenate(parts)
    return np.concatenate([part if part.dtype == object else _worded(part) for part in parts])


def _worded(numbers: Labels) -> Labels:
    return np.array([str(int(one)) if one.is_integer() else repr(one) for one in numbers.tolist()], object)


def _blocks(
    path: Path, name: str, width: int, vocabularies: Mapping[int, Vocabulary]
) -> Iterator[tuple[Labels, Float32]]:
    """Labels and features of some rows at a time."""
    done = 0
    try:
        for labels, block in _fast(path, width, vocabularies):
            yield labels, block
            done += len(block)
    except ValueError:  # Arrow's own are, too
        yield from _slow(path, name, width, vocabularies, done)


def _fast(path: Path, width: int, vocabularies: Mapping[int, Vocabulary]) -> Iterator[tuple[Labels, Float32]]:
    pa: Any = importlib.import_module("pyarrow")
    arrow: Any = importlib.import_module("pyarrow.csv")
    first = _first_row(path)
    if len(first) != width + 1:
        raise ValueError("rows of another width")
    label = pa.string() if _number(first[0]) is None else pa.float64()
    words = pa.dictionary(pa.int32(), pa.string())
    kinds = [label, *(words if column in vocabularies else pa.float32() for column in range(1, width + 1))]
    names = list(map(str, range(width + 1)))
    reader = arrow.open_csv(
        path,
        read_options=arrow.ReadOptions(column_names=names, block_size=_BLOCK),
        convert_options=arrow.ConvertOptions(
            column_types=dict(zip(names, kinds, strict=True)), null_values=GAPS, strings_can_be_null=False
        ),
    )
    with reader:
        for batch in reader:
            block = np.empty((batch.num_rows, width), np.float32)
            for column in range(1, width + 1):
                block[:, column - 1] = _column(batch.column(column), vocabularies.get(column))
            labels: Labels = batch.column(0).to_numpy(zero_copy_only=False)
            if np.isinf(block).any() or not _labelled(labels):
                raise ValueError("a value that cannot stand")
            yield labels, block


def _labelled(labels: Labels) -> bool:
    return bool(np.isfinite(labels).all()) if labels.dtype == np.float64 else all(map(str.strip, labels))


def _column(column: Any, vocabulary: Vocabulary | None) -> NDArray[Any]:
    if vocabulary is None:
        return column.to_numpy(zero_copy_only=False)
    return vocabulary.codes(column.dictionary.to_pylist())[column.indices.to_numpy(zero_copy_only=False)]


def _slow(
    path: Path, name: str, width: int, vocabularies: Mapping[int, Vocabulary], done: int
) -> Iterator[tuple[Labels, Float32]]:
    """Row by row from row `done` on; `ClientError` names the first cell that cannot be."""
    labels: list[str] = []
    rows: list[list[float]] = []
    for number, row in _rows(path):
        if number[0] <= done:
            continue
        _check_width(row, number[1], name, width)
        if not row[0].strip():
            raise ClientError(f"{name}: row {number[1]}, column 1: the label is empty. Drop the row or give it one.")
        labels.append(row[0].strip())
        rows.append([_cell(row, column, number[1], name, vocabularies) for column in range(1, width + 1)])
        if len(rows) == _ROWS:
            yield _typed(labels, name), np.array(rows, np.float32)
            labels, rows = [], []
    if rows:
        yield _typed(labels, name), np.array(rows, np.float32)


def _rows(path: Path) -> Iterator[tuple[tuple[int, int], list[str]]]:
    """Every row that is not blank, with how many came before it, itself counted, and its line's number."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader, count = csv.reader(file), 0
        for row in reader:
            if len(row) > 1 or any(map(str.strip, row)):
                count += 1
                yield (count, reader.line_num), row


def _cell(row: list[str], column: int, number: int, name: str, vocabularies: Mapping[int, Vocabulary]) -> float:
    cell = row[column]
    if column in vocabularies:
        return float(vocabularies[column].codes([cell])[0])
    value = _number(cell)
    if value is None or math.isinf(value):
        what = "is not a number. Encode it as one, or name the column in categorical_index.json"
        fault = what if value is None else "is not a finite number (of 32 bits). Replace it or leave it empty"
        hint = " If row 1 is a header line, remove it." if number == 1 else ""
        raise ClientError(f"{name}: row {number}, column {column + 1}: '{cell[:40]}' {fault}.{hint}")
    return value


def _check_width(row: list[str], number: int, name: str, width: int) -> None:
    if len(row) != width + 1:
        raise ClientError(
            f"{name}: row {number} has {len(row)} columns, but {width + 1} are expected (the target and {width} "
            "features, as in the first row of the train channel). Give every row the same columns."
        )


def _typed(labels: list[str], name: str) -> Labels:
    numbers = [_number(label) for label in labels]
    if any(number is None for number in numbers):
        return np.array(labels, object)
    found = np.array(numbers, np.float64)
    if not np.isfinite(found).all():
        bad = labels[int(np.flatnonzero(~np.isfinite(found))[0])]
        raise ClientError(f"{name}: label '{bad}' is not a finite number. Drop the row or give it a label.")
    return found


def _number(cell: str) -> float | None:
    """A cell's value: NaN for a gap, infinity beyond 32 bits, None where it is no number."""
    word = cell.strip()
    if word in GAPS:
        return math.nan
    try:
        value = float(word) if "_" not in word else None
    except ValueError:
        return None
    return value if value is None or abs(value) <= 3.4028235e38 or math.isnan(value) else math.copysign(math.inf, value)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return 1 + sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))


def _first_row(path: Path) -> list[str]:
    return next((row for _, row in _rows(path)), list[str]())


def _width(path: Path, name: str) -> int:
    """The features of the first row, -1 where every line is blank."""
    found = len(_first_row(path)) - 1
    if found == 0:
        raise ClientError(f"{name}: the first row has one column. A row is the target and at least one feature.")
    return found
