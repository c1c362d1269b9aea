"""Many records that name their features, read as arrays rather than one by one.

    records of one length ─► those that differ from the first in numbers alone ─► keys, values, labels at once
                          └► the others: by the first of them, and so on

One writer's records of as many entries differ in nothing but the values, the label and the packed keys, which may be
any sequence of varints as long as they take as many bytes. Whatever does not fit is left to the reader of single
records, which also says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potager.images.algorithm import record
from potager.images.algorithm.arrays import Flags, Float64, Ints
from potager.images.algorithm.record import Tensor

_TEMPLATES = 256  # tried in all; data of more kinds is not one writer's
_LONGEST = 5  # bytes of a key below 2**31

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Entries:
    """`sizes`: entries of each record; `keys`, `values`: one record's after the other's; `labels`: `(n_records,)`.

    shape : the greatest that a record gives, 0 where none does. Every key lies below the shape that its record gives.
    """

    sizes: Ints
    keys: Ints
    values: Float64
    labels: Float64
    shape: int


@dataclass(frozen=True)
class _Alike:
    """Some records, by their numbers, with as many entries each: `keys` and `values` are `(n_records, n_entries)`."""

    rows: Ints
    keys: Ints
    values: Float64
    labels: Float64
    shape: int


def entries(payloads: Sequence[bytes], labelled: bool) -> Entries | None:
    """The entries of all records; None where they cannot be read so."""
    lengths: Ints = np.array([len(payload) for payload in payloads], np.int64)
    kinds: list[int] = np.unique(lengths).tolist()
    found: list[_Alike] = []
    for length in kinds:
        rows: Ints = np.flatnonzero(lengths == length)
        joined = b"".join([payload for payload in payloads if len(payload) == length])
        content = np.frombuffer(joined, np.uint8).reshape(len(rows), length)
        while len(rows):
            if len(found) == _TEMPLATES or (read := _like_first(content, rows, labelled)) is None:
                return None
            part, rest = read
            found.append(part)
            content, rows = content[rest], rows[rest]
    return _joined(found, len(payloads)) if found else None


def _like_first(content: Bytes, rows: Ints, labelled: bool) -> tuple[_Alike, Flags] | None:
    """The records that differ from the first in numbers alone, and which do not; None where the first has no such."""
    try:
        parsed = record.parse(content[0].tobytes())
    except ValueError:
        return None
    tensor, label = parsed.features.get("values"), parsed.label.get("values")
    if tensor is None or tensor.at < 0 or tensor.span is None:
        return None
    if labelled and (label is None or label.at < 0 or len(label.values) != 1):
        return None
    fixed = np.ones(content.shape[1], bool)
    fixed[tensor.span[0] : tensor.span[1]] = False
    for one in (*parsed.features.values(), *parsed.label.values()):
        if one.at >= 0:
            fixed[one.at : one.at + one.values.nbytes] = False
    alike: Flags = (content[:, fixed] == content[0, fixed]).all(axis=1)
    own = content[alike]
    keys = _varints(own[:, tensor.span[0] : tensor.span[1]], len(tensor.values))
    if keys is None or (tensor.shape is not None and keys.max() >= tensor.shape):
        return None
    labels = _column(own, label)[:, 0] if labelled and label is not None else np.zeros(0)
    return _Alike(rows[alike], keys, _column(own, tensor), labels, tensor.shape or 0), ~alike


def _column(content: Bytes, tensor: Tensor) -> Float64:
    part = np.ascontiguousarray(content[:, tensor.at : tensor.at + tensor.values.nbytes])
    return part.view(tensor.values.dtype).astype(np.float64)


def _varints(packed: Bytes, count: int) -> Ints | None:
    """`count` numbers of each row, `(n_rows, count)`; None where a row has not as many, or one too large."""
    last: Flags = packed < 128
    if not last[:, -1].all() or not (last.sum(axis=1) == count).all():
        return None
    ends: Ints = np.flatnonzero(last.ravel())
    starts: Ints = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    sizes = ends - starts + 1
    if sizes.max() > _LONGEST:
        return None
    shifts: Ints = 7 * (np.arange(packed.size, dtype=np.int64) - np.repeat(starts, sizes))
    parts: Ints = (packed.ravel() & 127).astype(np.int64) << shifts
    return np.add.reduceat(parts, starts).reshape(len(packed), count)


def _joined(found: Sequence[_Alike], rows: int) -> Entries:
    """The parts in the order of the records."""
    sizes, labels = np.zeros(rows, np.int64), np.zeros(rows if len(found[0].labels) else 0)
    for part in found:
        sizes[part.rows] = part.keys.shape[1]
        if len(labels):
            labels[part.rows] = part.labels
    begins = np.cumsum(sizes) - sizes
    keys, values = np.empty(int(sizes.sum()), np.int64), np.empty(int(sizes.sum()))
    for part in found:
        places: Ints = begins[part.rows][:, None] + np.arange(part.keys.shape[1], dtype=np.int64)
        keys[places], values[places] = part.keys, part.values
    return Entries(sizes, keys, values, labels, max(part.shape for part in found))
