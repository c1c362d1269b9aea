"""Channels as tables: which files, in which format, checked as they are read.

    /opt/ml/input/data/<channel>/**  -> format (`formats`) -> one array, or one sparse matrix, for all files
    /opt/ml/input/data/<channel>_0, a named pipe -> one file in /tmp -> the same

Dense rows are counted before they are read, so that the array is made once and the data never held twice. Rows of
LIBSVM, and records that name their features, stay sparse where the layout takes them so.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import formats, sources, sparse
from potager.images.algorithm.arrays import Float32, Float64, Ints
from potager.images.algorithm.delimited import first_width
from potager.images.algorithm.errors import ClientError
from potager.images.algorithm.job import Job, say
from potager.images.algorithm.layout import Layout
from potager.images.algorithm.sources import Rows, Source, Sparse
from potager.images.algorithm.sparse import Part
from potager.images.media import CSV, LIBSVM, PARQUET, RECORDIO

__all__ = ["CSV", "LIBSVM", "PARQUET", "RECORDIO", "Layout", "Table", "channels", "load"]


@dataclass(frozen=True)
class Table:
    """Rows and what is known of each.

    features : `(n_rows, n_features)` float32, an array; or a scipy CSR matrix, where the layout takes sparse rows.
    labels : `(n_rows,)` float64, of no rows where there are none.
    weights : `(n_rows,)` float32, None where the data has none.
    groups : the query (`qid`) of each row, `(n_rows,)`, None where the data has none.
    """

    features: Any
    labels: Float64
    weights: Float32 | None = None
    groups: Ints | None = None

    def __len__(self) -> int:
        return int(self.features.shape[0])

    @property
    def width(self) -> int:
        return int(self.features.shape[1])

    @property
    def sparse(self) -> bool:
        return not isinstance(self.features, np.ndarray)

    @property
    def labelled(self) -> bool:
        return len(self.labels) == len(self)


def channels(job: Job, names: Sequence[str], layout: Layout) -> dict[str, Table]:
    """Those of the channels that the job has, the first of which it must have; all have the first one's features."""
    if not job.has(names[0]):
        raise ClientError(f"Channel '{names[0]}' is missing. Add it to InputDataConfig.")
    data: dict[str, Table] = {}
    for name in filter(job.has, names):
        width = data[names[0]].width if data else None
        data[name] = load(job.folder(name), name, job.channels.get(name) or {}, layout, width)
        say(f"Channel '{name}': {len(data[name])} rows of {data[name].width} features")
    return _alike(data, names[0])


def _alike(data: dict[str, Table], first: str) -> dict[str, Table]:
    """The same, where some are sparse: a feature that only some channels name is one of all."""
    if not any(table.sparse for table in data.values()):
        return data
    width = max(table.width for table in data.values())
    for name, table in data.items():
        if table.sparse:
            sparse.widened(table.features, width)
        elif table.width != width:
            raise ClientError(
                f"Channel '{name}' has {table.width} features, but {width} are expected, as in the other channels. "
                f"Give all channels the format of '{first}'."
            )
    return data


def check_width(train: Table, feature_dim: int | None) -> None:
    """`ClientError` where the job says another number of features than its rows have."""
    if feature_dim not in (None, train.width):
        raise ClientError(
            f"Hyperparameter 'feature_dim' is {feature_dim}, but channel 'train' has {train.width} features "
            "(without the label). Correct it."
        )


def refuse_one_class(train: Table) -> None:
    """`ClientError` where a classifier would learn but one answer."""
    first = train.labels[0]
    if bool(np.all(train.labels == first)):
        raise ClientError(
            f"Channel 'train': every label is {first:g}. A classifier needs rows of at least two classes; check the "
            "labels (in CSV the first column), and the split."
        )


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
    content_type = str(config.get("ContentType") or "")
    declared = formats.declared(channel, content_type, layout.formats)
    labels = _labels(folder, channel, content_type, layout)
    dense: list[Source] = []
    named: list[Sparse] = []
    for path in _files(folder):
        source = sources.of(path, f"{channel}/{path.relative_to(folder)}", declared, labels, layout)
        (named if hasattr(source, "parts") else dense).append(source)  # pyright: ignore[reportArgumentType]
    if dense and named:
        raise ClientError(
            f"Channel '{channel}' mixes formats: {named[0].name} is sparse, {dense[0].name} is not. Use one of them."
        )
    if named:
        return _joined(channel, named, layout)
    return _filled(channel, dense, labels, layout, width)


def _filled(channel: str, files: Sequence[Source], labels: int, layout: Layout, width: int | None) -> Table:
    rows = sum(source.rows for source in files)
    if not rows:
        raise ClientError(f"Channel '{channel}' holds no data: its files are empty or absent. Check its S3Uri.")
    found = next((source.width for source in files if source.width > 0), 1)
    weighted = layout.weights and isinstance(files[0], Rows) and (width is None or found == width + 1)
    width = width + weighted if width else found
    features, targets = np.empty((rows, width), np.float32), np.empty(rows if labels else 0, np.float64)
    filled = 0
    for source in files:
        count = source.fill(features[filled:], targets[filled:] if labels else None)
        if weighted:
            _check_weights(source.name, features[filled : filled + count, 0])
        filled += count
    if not filled:
        raise ClientError(f"Channel '{channel}' holds no data: its files have blank lines only.")
    if not weighted:
        return Table(features[:filled], targets[:filled])
    if width == 1:
        raise ClientError(f"Channel '{channel}' has a label and a weight in each row, but no feature.")
    return Table(features[:filled, 1:], targets[:filled], np.ascontiguousarray(features[:filled, 0]))


def _check_weights(name: str, weights: Float32) -> None:
    wrong = ~(weights >= 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ClientError(
            f"{name}: row {row + 1}, column 2: the weight {weights[row]:g} is not a number of at least 0. Correct it, "
            "drop the row, or set csv_weights to 0."
        )


def _joined(channel: str, files: Sequence[Sparse], layout: Layout) -> Table:
    parts: list[Part] = []
    width = layout.width or 0
    for source in files:
        found, needed = source.parts()
        if layout.width and needed > layout.width:
            raise ClientError(
                f"{source.name} has a feature of the index {needed - 1}, but {layout.width} features are expected."
            )
        parts, width = parts + found, max(width, needed)
    if not sum(len(part.sizes) for part in parts):
        raise ClientError(f"Channel '{channel}' holds no data: its files have blank lines only.")
    if not width:
        raise ClientError(f"Channel '{channel}' names no feature in any of its rows. Check its files.")
    features = sparse.matrix(parts, width)
    return Table(features, sparse.labels(parts), sparse.weights(parts), sparse.groups(parts))


def _files(folder: Path) -> Iterator[Path]:
    """The files that hold data: what begins with a dot or a low line is Hadoop's and Spark's own."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size)
    return (path for path in files if not path.name.startswith((".", "_")))


def _labels(folder: Path, channel: str, content_type: str, layout: Layout) -> int:
    """The labels of a row."""
    parameters = [part.strip().lower() for part in content_type.split(";")[1:]]
    sizes = [part.split("=", 1)[1] for part in parameters if part.startswith("label_size=")]
    if sizes and (sizes[0] not in ("0", "1") or layout.labels not in (None, int(sizes[0]))):
        wanted = "0 or 1 label" if layout.labels is None else "one label" if layout.labels else "no label"
        remedy = "label_size=0" if layout.labels == 0 else "label_size=1"
        raise ClientError(f"{channel}: label_size is {sizes[0]}, but {layout.algorithm} needs {wanted}. Use {remedy}.")
    if layout.labels is not None:
        return layout.labels
    return int(sizes[0]) if sizes else _unsaid(folder, layout)


def _unsaid(folder: Path, layout: Layout) -> int:
    """The labels of a row where neither the algorithm nor the channel says how many there are."""
    first = next(_files(folder), None)
    if layout.width is None or first is None:
        return layout.unsaid
    return {layout.width: 0, layout.width + 1: 1}.get(first_width(first), layout.unsaid)
