"""A channel's folder as a dataset: which files, in which format, checked as they are read.

    /opt/ml/input/data/<channel>/**  -> format (declared, else sniffed) -> one array for all files
    /opt/ml/input/data/<channel>_0, a named pipe -> one file in /tmp -> the same

Rows are counted before they are read, so that the array is made once and the data never held twice.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from potager.images.linear_learner.arrays import Float32, Float64
from potager.images.linear_learner.dataset import Dataset
from potager.images.linear_learner.delimited import CommaFile
from potager.images.linear_learner.errors import ClientError
from potager.images.linear_learner.labels import complaint, fitting
from potager.images.linear_learner.recordio import MAGIC_BYTES, RecordRows
from potager.images.linear_learner.settings import Settings

CSV, RECORDIO = "text/csv", "application/x-recordio-protobuf"


class Source(Protocol):
    """A file of rows: how many at most, how wide, and the filling of arrays with them."""

    rows: int
    width: int

    def fill(self, features: Float32, labels: Float64) -> int: ...


def load(folder: Path, channel: str, config: Mapping[str, str], settings: Settings, width: int | None) -> Dataset:
    """The rows of a channel.

    Parameters
    ----------
    folder : the channel's folder; nested folders are read too, empty files skipped.
    config : the channel's entry in `inputdataconfig.json`.
    width : features that its rows must have, None to take the first row's word.
    """
    if config.get("TrainingInputMode") != "Pipe":
        return _loaded(folder, channel, config, settings, width)
    with tempfile.TemporaryDirectory() as spool:  # rows are counted before they are read, which a pipe cannot bear
        pipe = folder.with_name(f"{folder.name}_0")
        with pipe.open("rb") as source, open(Path(spool, pipe.name), "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        return _loaded(Path(spool), channel, config, settings, width)


def _loaded(folder: Path, channel: str, config: Mapping[str, str], settings: Settings, width: int | None) -> Dataset:
    sources = [_source(path, f"{channel}/{path.relative_to(folder)}", config, settings) for path in _files(folder)]
    rows = sum(source.rows for source in sources)
    if not rows:
        raise ClientError(f"Channel '{channel}' holds no data: its files are empty or absent. Check its S3Uri.")
    width = width or next((source.width for source in sources if source.width > 0), 1)
    features, labels = np.empty((rows, width), np.float32), np.empty(rows, np.float64)
    filled = 0
    for source in sources:
        filled += source.fill(features[filled:], labels[filled:])
    if not filled:
        raise ClientError(f"Channel '{channel}' holds no data: its files have blank lines only.")
    return Dataset(features[:filled], labels[:filled])


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size)


def _source(path: Path, name: str, config: Mapping[str, str], settings: Settings) -> Source:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        raise ClientError(
            f"{name} is compressed with gzip. Unpack it, or set the channel's InputMode to Pipe and its "
            "CompressionType to Gzip."
        )
    binary = start == MAGIC_BYTES
    declared = _declared(config, name)
    if declared and binary != (declared == RECORDIO):
        raise ClientError(
            f"{name} is declared {declared}, but holds {RECORDIO if binary else 'something else'}. "
            "Correct the channel's ContentType."
        )
    return _Records(path, name, settings) if binary else _Rows(path, name, settings)


def _declared(config: Mapping[str, str], name: str) -> str | None:
    """The channel's format, None where none is declared."""
    kind, *parameters = [part.strip().lower() for part in (config.get("ContentType") or "").split(";")]
    sizes = [part.split("=", 1)[1] for part in parameters if part.startswith("label_size=")]
    if sizes and sizes[0] != "1":
        raise ClientError(f"{name}: label_size is {sizes[0]}, but linear-learner needs one label. Use label_size=1.")
    if kind in ("", "application/octet-stream", "binary/octet-stream", "application/x-recordio"):
        return RECORDIO if kind == "application/x-recordio" else None
    if kind not in (CSV, RECORDIO):
        raise ClientError(f"{name}: ContentType '{kind}' cannot be trained on. Use {CSV} or {RECORDIO}.")
    return kind


class _Rows:
    """CSV."""

    def __init__(self, path: Path, name: str, settings: Settings) -> None:
        self._settings = settings
        self._file = CommaFile(path, name, lambda label: complaint(label, settings))
        self.rows, self.width = self._file.rows, self._file.width
        if self.width == 0:
            raise ClientError(
                f"{name}: the first row has one column. A row is a label and at least one feature, separated by commas."
            )

    def fill(self, features: Float32, labels: Float64) -> int:
        if self.width > 0 and self.width != features.shape[1]:
            raise self._file.diagnosis(features.shape[1])
        return self._file.fill(features, labels, lambda column: fitting(column, self._settings))


def _mapped(path: Path) -> tuple[NDArray[np.uint8], Callable[[], None]]:
    """The file's bytes, and what drops those read so far from memory, where the system can."""
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    drop = getattr(mmap, "MADV_DONTNEED", None)
    return np.frombuffer(mapping, np.uint8), lambda: None if drop is None else mapping.madvise(drop)


class _Records:
    """RecordIO."""

    def __init__(self, path: Path, name: str, settings: Settings) -> None:
        self._name, self._settings = name, settings
        try:
            self._records = RecordRows(*_mapped(path))
        except ValueError as error:
            raise ClientError(f"{name}: {error}") from error
        self.rows, self.width = self._records.rows, self._records.width
        if self._records.sparse:  # the last features may be 0 in every record that says nothing of its shape
            self.width = max(self.width, settings.feature_dim or 0)

    def fill(self, features: Float32, labels: Float64) -> int:
        try:
            filled = self._records.fill(features, labels, lambda label: complaint(label, self._settings))
        except ValueError as error:
            raise ClientError(f"{self._name}: {error}") from error
        if not fitting(labels[:filled], self._settings):
            row = next(i for i, label in enumerate(labels[:filled]) if complaint(float(label), self._settings))
            raise ClientError(f"{self._name}: record {row + 1}: {complaint(float(labels[row]), self._settings)}")
        return filled
