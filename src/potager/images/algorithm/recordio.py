"""RecordIO: protobuf records one after the other, each behind a magic number and its length.

Files of one writer usually hold records of one size that differ in their numbers alone. Such a file is read as one
array; any other, sparse ones among them, record by record.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html,
https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading (the framing).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm import keyed, record
from potager.images.algorithm.arrays import Float32, Float64, Floats, Ints
from potager.images.algorithm.record import Tensor
from potager.images.algorithm.sparse import MOST, Part

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
_HEADER = struct.Struct("<II")
_ROWS = 65_536

Buffer = NDArray[np.uint8]


class RecordRows:
    """The records of a file or a request. `rows`: how many.

    `ValueError` says which record (1-based) is wrong, and how. `release` is called after each block of rows, for a
    mapped file to give back the memory of what has been read.
    """

    def __init__(self, content: bytes | Buffer, release: Callable[[], None] = lambda: None) -> None:
        self._release = release
        self._bytes = np.frombuffer(content, np.uint8) if isinstance(content, bytes) else content
        self._first = _read(_payload(self._bytes, 0)[0], 1)
        self._grid = _grid(self._bytes, self._first, release)
        self._payloads = [] if self._grid is not None else _payloads(self._bytes)
        self.rows = len(self._payloads) if self._grid is None else len(self._grid)

    @cached_property
    def width(self) -> int:
        """Features of a record: of the first, or, where records say nothing of their shape, up to the last named."""
        return max([self._first.width, *(_read(one, 1).width for one in self._payloads[1:] if self.sparse)])

    @property
    def keyed(self) -> bool:
        """Whether the records name the positions that they hold."""
        return self._first.keys is not None

    @property
    def sparse(self) -> bool:
        """Whether the records name the positions that they hold, without saying how many there are."""
        return self._first.keys is not None and not self._first.shape

    def fill(
        self,
        features: Float32,
        labels: Float64 | None,
        complaint: Callable[[float], str | None],
        *,
        gaps: bool = False,
    ) -> int:
        """Fills both arrays from their first row on; `complaint(label)` says what is wrong with a label, or None.

        gaps : whether a feature may be NaN, which is a missing one.
        """
        if self._grid is None:
            for row, payload in enumerate(self._payloads):
                _fill(payload, row, features, labels, complaint)
        else:
            self._fill_all(self._grid, features, labels)
        _refuse_infinite(features[: self.rows], gaps)
        return self.rows

    def part(self, labelled: bool, complaint: Callable[[float], str | None], *, gaps: bool = False) -> tuple[Part, int]:
        """The entries that the records name, without making them dense, and how many features there are."""
        together = self._together(labelled, complaint)
        return self._one_by_one(labelled, complaint, gaps) if together is None else together

    def _together(self, labelled: bool, complaint: Callable[[float], str | None]) -> tuple[Part, int] | None:
        """The same in one go; None where something is unlike, or wrong, which one by one will say."""
        found = keyed.entries(self._payloads, labelled)
        if found is None or not np.isfinite(found.values).all() or found.keys.max() > MOST:
            return None
        values = found.values.astype(np.float32)
        if not np.isfinite(values).all() or any(complaint(label) for label in np.unique(found.labels).tolist()):
            return None
        part = Part(found.sizes, found.keys.astype(np.int32), values, found.labels)
        return part, max(found.shape, part.width)

    def _one_by_one(self, labelled: bool, complaint: Callable[[float], str | None], gaps: bool) -> tuple[Part, int]:
        tensors = [_read(one, number) for number, one in enumerate(self._payloads, 1)]
        keys = [np.arange(len(one.values)) if one.keys is None else one.keys for one in tensors]
        sizes = np.array([len(one.values) for one in tensors], np.int64)
        for number, (one, names) in enumerate(zip(tensors, keys, strict=True), 1):
            if len(one.values) != len(names):
                raise ValueError(f"record {number} has {len(names)} keys for {len(one.values)} values.")
            if one.shape is not None and len(names) and int(names.max()) >= one.shape:
                raise ValueError(
                    f"record {number} has a feature with key {int(names.max())}, but a shape of {one.shape}."
                )
        indices = np.concatenate([np.zeros(0, np.int64), *keys])
        values = np.concatenate([np.zeros(0), *(one.values for one in tensors)]).astype(np.float32)
        _refuse_entries(sizes, indices, values, gaps)
        labels = np.zeros(0)
        if labelled:
            labels = np.array(
                [_label(one, number).values[0] for number, one in enumerate(self._payloads, 1)], np.float64
            )
            for number, label in enumerate(labels, 1):
                if wrong := complaint(float(label)):
                    raise ValueError(f"record {number}: {wrong}")
        return Part(sizes, indices.astype(np.int32), values, labels), max((one.width for one in tensors), default=0)

    def _fill_all(self, grid: Buffer, features: Float32, labels: Float64 | None) -> None:
        if features.shape[1] != self._first.width:
            raise ValueError(
                f"record 1 has {self._first.width} features, but {features.shape[1]} are expected. "
                "Give every record the same features."
            )
        label = _label(_payload(self._bytes, 0)[0], 1) if labels is not None else None
        for start in range(0, self.rows, _ROWS):
            part = slice(start, min(start + _ROWS, self.rows))
            features[part] = _column(grid[part], self._first)
            if labels is not None and label is not None:
                labels[part] = _column(grid[part], label)[:, 0]
            self._release()


def _column(grid: Buffer, tensor: Tensor) -> Floats:
    """The values of one tensor in every record of the grid, `(n_rows, n_values)`."""
    start = _HEADER.size + tensor.at
    part = np.ascontiguousarray(grid[:, start : start + tensor.values.nbytes])
    return part.view(tensor.values.dtype)


def _grid(content: Buffer, features: Tensor, release: Callable[[], None]) -> Buffer | None:
    """The content as `(n_rows, bytes_per_record)` where all records are alike but for their numbers; else None."""
    payload, stride = _payload(content, 0)
    whole = stride == _HEADER.size + -(-len(payload) // 4) * 4  # not split at a magic number
    tensors = [*record.parse(payload).features.values(), *record.parse(payload).label.values()]
    if not whole or features.keys is not None or len(content) % stride or any(one.at < 0 for one in tensors):
        return None
    grid = content.reshape(-1, stride)
    fixed = np.ones(stride, bool)
    fixed[_HEADER.size + len(payload) :] = False  # padding
    for one in tensors:
        fixed[_HEADER.size + one.at : _HEADER.size + one.at + one.values.nbytes] = False
    columns = np.flatnonzero(fixed)
    first = grid[0, columns]
    for start in range(0, len(grid), _ROWS):
        if not np.all(grid[start : start + _ROWS, columns] == first):
            return None
        release()
    return grid


def _fill(
    payload: bytes, row: int, features: Float32, labels: Float64 | None, complaint: Callable[[float], str | None]
) -> None:
    try:
        features[row] = _read(payload, row + 1).dense(features.shape[1])
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith("record") else f"record {row + 1} {text}.") from error
    if labels is not None:
        labels[row] = _label(payload, row + 1).values[0]
        if wrong := complaint(float(labels[row])):
            raise ValueError(f"record {row + 1}: {wrong}")


def _refuse_infinite(features: Float32, gaps: bool) -> None:
    for start in range(0, len(features), _ROWS):
        part = features[start : start + _ROWS]
        wrong = np.isinf(part) if gaps else ~np.isfinite(part)
        if wrong.any():
            row, column = (int(index[0]) for index in np.nonzero(wrong))
            raise ValueError(
                f"record {start + row + 1}, feature {column + 1}: {features[start + row, column]} is not a finite "
                "number. Replace it or drop the record."
            )


def _refuse_entries(sizes: Ints, indices: Ints, values: Float32, gaps: bool) -> None:
    wrong = (np.isinf(values) if gaps else ~np.isfinite(values)) | (indices < 0) | (indices > MOST)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        row = int(np.searchsorted(np.cumsum(sizes), at, "right")) + 1
        if 0 <= indices[at] <= MOST:
            what = f"feature {indices[at] + 1}: {values[at]} is not a finite number. Replace it or drop the record."
        else:
            what = f"the key {indices[at]} is none: keys are from 0 to {MOST}."
        raise ValueError(f"record {row}, {what}")


def _read(payload: bytes, number: int) -> Tensor:
    return _tensor(payload, number, "features")


def _label(payload: bytes, number: int) -> Tensor:
    tensor = _tensor(payload, number, "label")
    if len(tensor.values) != 1:
        raise ValueError(f"record {number} has {len(tensor.values)} labels, but one is expected.")
    return tensor


def _tensor(payload: bytes, number: int, part: str) -> Tensor:
    try:
        tensors: dict[str, Tensor] = getattr(record.parse(payload), part)
    except ValueError as error:
        raise ValueError(f"record {number} {error}.") from error
    if "values" not in tensors:
        raise ValueError(f"record {number} has no {part} under the key 'values'.")
    return tensors["values"]


def tensors(content: bytes) -> list[Tensor]:
    """The features of each record; `ValueError` says which record (1-based) is wrong, and how."""
    return [_read(one, number) for number, one in enumerate(_payloads(np.frombuffer(content, np.uint8)), 1)]


def _payloads(content: Buffer) -> list[bytes]:
    payloads: list[bytes] = []
    position = 0
    while position < len(content):
        payload, size = _payload(content, position, len(payloads) + 1)
        payloads.append(payload)
        position += size
    return payloads


def _payload(content: Buffer, position: int, number: int = 1) -> tuple[bytes, int]:
    """The record at `position` and the bytes that it takes; one split at a magic number is put together again."""
    parts: list[bytes] = []
    start = position
    while True:
        head = content[position : position + _HEADER.size].tobytes()
        if len(head) < _HEADER.size or _HEADER.unpack(head)[0] != MAGIC:
            raise ValueError(f"record {number} does not begin with RecordIO's magic number.")
        flag, size = _HEADER.unpack(head)[1] >> 29, _HEADER.unpack(head)[1] & (1 << 29) - 1
        position += _HEADER.size
        if position + size > len(content):
            raise ValueError(f"record {number} is cut off: the file ends before it does.")
        parts.append(content[position : position + size].tobytes())
        position += -(-size // 4) * 4
        if flag in (0, 3):
            return MAGIC_BYTES.join(parts), position - start


def encode(features: Mapping[str, Floats], label: Mapping[str, Floats]) -> bytes:
    """Records of float32 tensors; each array is `(n_rows, n_values)`, named as in the record."""
    named = {**{("f", name): rows for name, rows in features.items()}, **{("l", k): v for k, v in label.items()}}
    rows = len(next(iter(named.values())))
    if not rows:
        return b""
    payload = record.build({k: v[0] for k, v in features.items()}, {k: v[0] for k, v in label.items()})
    one = _HEADER.pack(MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)
    grid = np.tile(np.frombuffer(one, np.uint8), (rows, 1))
    first = record.parse(payload)
    for (part, name), values in named.items():
        tensor = (first.features if part == "f" else first.label)[name]
        start = _HEADER.size + tensor.at
        raw = np.ascontiguousarray(values, "<f4").view(np.uint8).reshape(rows, -1)
        grid[:, start : start + raw.shape[1]] = raw
    return grid.tobytes()
