"""Sparse records as the SDK's `write_spmatrix_to_sparse_tensor` writes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

from potager.images.algorithm.record import _block, _length
from potager.images.algorithm.recordio import MAGIC


def records(rows: Sequence[Mapping[int, float]], labels: Sequence[float] = (), shape: int | None = None) -> bytes:
    """RecordIO of rows that say their features by number; without a shape where none is given."""
    return b"".join(
        _framed(_features(row, shape) + (_label(labels[number]) if len(labels) else b""))
        for number, row in enumerate(rows)
    )


def _features(row: Mapping[int, float], shape: int | None) -> bytes:
    parts = [(1, np.array(list(row.values()), "<f4").tobytes()), (2, _numbers(list(row)))]
    parts += [(3, _numbers([shape]))] if shape else []
    return _named(1, b"".join(_block(number, content) for number, content in parts if content))


def _label(label: float) -> bytes:
    return _named(2, _block(1, struct.pack("<f", label)))


def _named(part: int, tensor: bytes) -> bytes:
    return _block(part, _block(1, b"values") + _block(2, _block(2, tensor)))


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join(map(_length, values))


def _framed(payload: bytes) -> bytes:
    return struct.pack("<II", MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)
