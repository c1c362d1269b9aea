"""A file of a channel as rows, in each of the formats: dense ones fill an array, sparse ones come in parts."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from potager.images import parquet
from potager.images.algorithm import formats
from potager.images.algorithm.arrays import Float32, Float64
from potager.images.algorithm.delimited import CommaFile
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.layout import Layout
from potager.images.algorithm.libsvm import LibsvmFile
from potager.images.algorithm.recordio import RecordRows
from potager.images.algorithm.sparse import Part
from potager.images.media import CSV, LIBSVM, PARQUET

_CELLS = 4_000_000  # of Parquet, read at once


class Source(Protocol):
    """A file of rows: how many at most, how wide, and the filling of arrays with them; `labels` None for no labels."""

    name: str
    rows: int
    width: int

    def fill(self, features: Float32, labels: Float64 | None) -> int: ...


class Sparse(Protocol):
    """A file of rows that name their features: its rows, and how many features there are at least."""

    name: str

    def parts(self) -> tuple[list[Part], int]: ...


def of(path: Path, name: str, declared: str | None, labels: int, layout: Layout) -> Source | Sparse:
    """The rows of a file, read as its format has them; `ClientError` says what is wrong with it."""
    kind = formats.of(path, name, declared, layout.formats)
    if kind == LIBSVM:
        return Named(path, name, layout)
    if kind == PARQUET:
        return Columns(path, name, labels, layout)
    if kind == CSV:
        return Rows(path, name, labels, layout)
    records = _records(path, name)
    return Keyed(records, name, labels, layout) if layout.sparse and records.keyed else Records(records, name, layout)


class Rows:
    """CSV."""

    def __init__(self, path: Path, name: str, labels: int, layout: Layout) -> None:
        self.name, self._layout = name, layout
        self._file = CommaFile(
            path, name, labels, layout.gaps, layout.complaint, layout.algorithm, sniffed=layout.delimiters
        )
        self.rows, self.width = self._file.rows, self._file.width
        if labels and self.width == 0:
            raise ClientError(
                f"{name}: the first row has one column. A row is a label and at least one feature, separated by commas."
            )

    def fill(self, features: Float32, labels: Float64 | None) -> int:
        if self.width > 0 and self.width != features.shape[1]:
            raise self._file.diagnosis(features.shape[1])
        return self._file.fill(features, labels, self._layout.fitting)


def _mapped(path: Path) -> tuple[NDArray[np.uint8], Callable[[], None]]:
    """The file's bytes, and what drops those read so far from memory, where the system can."""
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    drop = getattr(mmap, "MADV_DONTNEED", None)
    return np.frombuffer(mapping, np.uint8), lambda: None if drop is None else mapping.madvise(drop)


def _records(path: Path, name: str) -> RecordRows:
    try:
        return RecordRows(*_mapped(path))
    except ValueError as error:
        raise ClientError(f"{name}: {error}") from error


class Records:
    """RecordIO, dense or made so."""

    def __init__(self, records: RecordRows, name: str, layout: Layout) -> None:
        self.name, self._layout, self._records = name, layout, records
        self.rows, self.width = records.rows, records.width
        if records.sparse:  # the last features may be 0 in every record that says nothing of its shape
            self.width = max(self.width, layout.width or 0)

    def fill(self, features: Float32, labels: Float64 | None) -> int:
        fitting, complaint = self._layout.fitting, self._layout.complaint
        try:
            filled = self._records.fill(features, labels, complaint, gaps=self._layout.gaps)
        except ValueError as error:
            raise ClientError(f"{self.name}: {error}") from error
        if labels is not None and not fitting(labels[:filled]):
            row = next(i for i, label in enumerate(labels[:filled]) if complaint(float(label)))
            raise ClientError(f"{self.name}: record {row + 1}: {complaint(float(labels[row]))}")
        return filled


class Keyed:
    """RecordIO of records that name the features which they have."""

    def __init__(self, records: RecordRows, name: str, labels: int, layout: Layout) -> None:
        self.name, self._labels, self._layout, self._records = name, labels, layout, records

    def parts(self) -> tuple[list[Part], int]:
        try:
            part, width = self._records.part(bool(self._labels), self._layout.complaint, gaps=self._layout.gaps)
        except ValueError as error:
            raise ClientError(f"{self.name}: {error}") from error
        return [part], width


class Named:
    """LIBSVM."""

    def __init__(self, path: Path, name: str, layout: Layout) -> None:
        self.name = name
        self._file = LibsvmFile(path, name, layout.gaps, layout.fitting, layout.complaint)

    def parts(self) -> tuple[list[Part], int]:
        parts = self._file.parts()
        return parts, max((part.width for part in parts), default=0)


class Columns:
    """Parquet, the label in the first column."""

    def __init__(self, path: Path, name: str, labels: int, layout: Layout) -> None:
        self.name, self._labels, self._layout = name, labels, layout
        try:
            self._file = parquet.Rows(path)
        except ValueError as error:
            raise ClientError(f"{name}: {error}") from error
        self.rows, self.width = self._file.rows, self._file.width - labels
        if self.width < 1:
            raise ClientError(f"{name} has {self._file.width} columns. It needs a label's and at least one feature's.")

    def fill(self, features: Float32, labels: Float64 | None) -> int:
        width, filled = features.shape[1], 0
        if self.width != width:
            raise ClientError(
                f"{self.name} has {self.width} columns of features, but {width} are expected. Give every file the same."
            )
        try:
            for block in self._file.blocks(max(1, _CELLS // (width + self._labels))):
                end = filled + len(block)
                self._check(block, filled)
                features[filled:end] = block[:, self._labels :]
                if labels is not None:
                    labels[filled:end] = block[:, 0]
                filled = end
        except ValueError as error:
            raise ClientError(f"{self.name}: {error}") from error
        return filled

    def _check(self, block: Float64, before: int) -> None:
        """`ClientError` for the first label or feature of a block that cannot stand."""
        features = block[:, self._labels :]
        with np.errstate(invalid="ignore"):
            wrong = np.abs(features) > np.finfo(np.float32).max
        if not self._layout.gaps:
            wrong |= np.isnan(features)
        if wrong.any():
            row, column = (int(at[0]) for at in np.nonzero(wrong))
            place = f"row {before + row + 1}, column {column + 1 + self._labels}"
            raise ClientError(
                f"{self.name}: {place}: {features[row, column]:g} is not a finite number (of 32 bits). "
                "Replace it or drop the row."
            )
        if self._labels and not self._layout.fitting(block[:, 0]):
            for row, label in enumerate(block[:, 0], before + 1):
                if complaint := self._layout.complaint(float(label)):
                    raise ClientError(f"{self.name}: row {row}, column 1: {complaint}")
