"""Channels as tables: which files, in which format, checked as they are read.

    /opt/ml/input/data/<channel>/**  -> format (declared, else sniffed) -> one array for all files
    /opt/ml/input/data/<channel>_0, a named pipe -> one file in /tmp -> the same

Rows are counted before they are read, so that the array is made once and the data never held twice.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm.arrays import Float32, Float64
from potager.images.algorithm.delimited import CommaFile, first_width
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.recordio import MAGIC_BYTES, RecordRows

CSV, RECORDIO = "text/csv", "application/x-recordio-protobuf"


@dataclass(frozen=True)
class Layout:
    """What an algorithm takes a row for.

    algorithm : its name, for messages.
    labels : how many labels stand before the features, 0 or 1; None where the channel's `label_size` says. Where it
        does not, a first column that `width` leaves over is one; without a width, `unsaid` counts.
    unsaid : 1, as AWS has it, or 0 of an algorithm that has no use for labels and should not take a feature for one.
    gaps : whether a feature may be missing: an empty cell or NaN, NaN in the table.
    fitting, complaint : whether labels `(n_rows,)` may stand, and what is wrong with one of them and what to do.
    width : features that rows must have where the job says (`feature_dim`).
    """

    algorithm: str
    labels: int | None = 1
    unsaid: int = 1
    gaps: bool = False
    fitting: Callable[[Float64], bool] = lambda labels: bool(np.isfinite(labels).all())
    complaint: Callable[[float], str | None] = lambda label: (
        None if np.isfinite(label) else f"label {label:g} is not a finite number. Drop the row or give it a label."
    )
    width: int | None = None


@dataclass(frozen=True)
class Table:
    """`features`: `(n_rows, n_features)` float32; `labels`: `(n_rows,)` float64, of no rows where there are none."""

    features: Float32
    labels: Float64

    def __len__(self) -> int:
        return len(self.features)

    @property
    def width(self) -> int:
        return self.features.shape[1]

    @property
    def labelled(self) -> bool:
        return len(self.labels) == len(self.features)


class Source(Protocol):
    """A file of rows: how many at most, how wide, and the filling of arrays with them; `labels` None for no labels."""

    rows: int
    width: int

    def fill(self, features: Float32, labels: Float64 | None) -> int: ...


def channels(job: Job, names: Sequence[str], layout: Layout) -> dict[str, Table]:
    """Those of the channels that the job has, the first of which it must have; all have the first one's features."""
    if not job.has(names[0]):
        raise ClientError(f"Channel '{names[0]}' is missing. Add it to InputDataConfig.")
    data: dict[str, Table] = {}
    for name in filter(job.has, names):
        width = data[names[0]].width if data else None
        data[name] = load(job.folder(name), name, job.channels.get(name) or {}, layout, width)
        say(f"Channel '{name}': {len(data[name])} rows of {data[name].width} features")
    return data


def load(folder: Path, channel: str, config: Mapping[str, Any], layout: Layout, width: int | None) -> Table:
    """The rows of a channel.

    Parameters
    ----------
    folder : the channel's folder; nested folders are read too, empty files skipped.
    config : the channel's entry in `inputdataconfig.json`.
    width : features that its rows must have, None to take the first row's word.
    """
    if config.get("TrainingInputMode") != "Pipe":
        return _loaded(folder, channel, config, layout, width)
    with tempfile.TemporaryDirectory() as spool:  # rows are counted before they are read, which a pipe cannot bear
        pipe = folder.with_name(f"{folder.name}_0")
        with pipe.open("rb") as source, open(Path(spool, pipe.name), "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        return _loaded(Path(spool), channel, config, layout, width)


def _loaded(folder: Path, channel: str, config: Mapping[str, Any], layout: Layout, width: int | None) -> Table:
    kind, said = _declared(channel, config, layout)
    labels = said if said is not None else _unsaid(folder, layout)
    sources = [_source(path, f"{channel}/{path.relative_to(folder)}", kind, labels, layout) for path in _files(folder)]
    rows = sum(source.rows for source in sources)
    if not rows:
        raise ClientError(f"Channel '{channel}' holds no data: its files are empty or absent. Check its S3Uri.")
    width = width or next((source.width for source in sources if source.width > 0), 1)
    features, targets = np.empty((rows, width), np.float32), np.empty(rows if labels else 0, np.float64)
    filled = 0
    for source in sources:
        filled += source.fill(features[filled:], targets[filled:] if labels else None)
    if not filled:
        raise ClientError(f"Channel '{channel}' holds no data: its files have blank lines only.")
    return Table(features[:filled], targets[:filled])


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size)


def _source(path: Path, name: str, declared: str | None, labels: int, layout: Layout) -> Source:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        raise ClientError(
            f"{name} is compressed with gzip. Unpack it, or set the channel's InputMode to Pipe and its "
            "CompressionType to Gzip."
        )
    binary = start == MAGIC_BYTES
    if declared and binary != (declared == RECORDIO):
        raise ClientError(
            f"{name} is declared {declared}, but holds {RECORDIO if binary else 'something else'}. "
            "Correct the channel's ContentType."
        )
    return _Records(path, name, layout) if binary else _Rows(path, name, labels, layout)


def _declared(channel: str, config: Mapping[str, Any], layout: Layout) -> tuple[str | None, int | None]:
    """The channel's format, None where none is declared, and the labels of a row, None where nobody says."""
    kind, *parameters = [part.strip().lower() for part in (config.get("ContentType") or "").split(";")]
    sizes = [part.split("=", 1)[1] for part in parameters if part.startswith("label_size=")]
    if sizes and (sizes[0] not in ("0", "1") or layout.labels not in (None, int(sizes[0]))):
        wanted = "0 or 1 label" if layout.labels is None else "one label" if layout.labels else "no label"
        remedy = "label_size=0" if layout.labels == 0 else "label_size=1"
        raise ClientError(f"{channel}: label_size is {sizes[0]}, but {layout.algorithm} needs {wanted}. Use {remedy}.")
    labels = layout.labels if layout.labels is not None else int(sizes[0]) if sizes else None
    if kind in ("", "application/octet-stream", "binary/octet-stream", "application/x-recordio"):
        return (RECORDIO if kind == "application/x-recordio" else None), labels
    if kind not in (CSV, RECORDIO):
        raise ClientError(f"{channel}: ContentType '{kind}' cannot be trained on. Use {CSV} or {RECORDIO}.")
    return kind, labels


def _unsaid(folder: Path, layout: Layout) -> int:
    """The labels of a row where neither the algorithm nor the channel says how many there are."""
    first = next(_files(folder), None)
    if layout.width is None or first is None:
        return layout.unsaid
    return {layout.width: 0, layout.width + 1: 1}.get(first_width(first), layout.unsaid)


class _Rows:
    """CSV."""

    def __init__(self, path: Path, name: str, labels: int, layout: Layout) -> None:
        self._layout = layout
        self._file = CommaFile(path, name, labels, layout.gaps, layout.complaint, layout.algorithm)
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


class _Records:
    """RecordIO."""

    def __init__(self, path: Path, name: str, layout: Layout) -> None:
        self._name, self._layout = name, layout
        try:
            self._records = RecordRows(*_mapped(path))
        except ValueError as error:
            raise ClientError(f"{name}: {error}") from error
        self.rows, self.width = self._records.rows, self._records.width
        if self._records.sparse:  # the last features may be 0 in every record that says nothing of its shape
            self.width = max(self.width, layout.width or 0)

    def fill(self, features: Float32, labels: Float64 | None) -> int:
        fitting, complaint = self._layout.fitting, self._layout.complaint
        try:
            filled = self._records.fill(features, labels, complaint, gaps=self._layout.gaps)
        except ValueError as error:
            raise ClientError(f"{self._name}: {error}") from error
        if labels is not None and not fitting(labels[:filled]):
            row = next(i for i, label in enumerate(labels[:filled]) if complaint(float(label)))
            raise ClientError(f"{self._name}: record {row + 1}: {complaint(float(labels[row]))}")
        return filled
