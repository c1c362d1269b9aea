"""The `Record` message of Amazon's algorithms, read and written without a protobuf library.

    Record { map<string, Value> features = 1; map<string, Value> label = 2; string uid = 3; ... }
    Value  { oneof { Float32Tensor = 2; Float64Tensor = 3; Int32Tensor = 7; Bytes = 9 } }
    Tensor { repeated values = 1; repeated uint64 keys = 2; repeated uint64 shape = 3 }   (all packed)

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html (the schema),
https://protobuf.dev/programming-guides/encoding/ (the encoding).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from potager.images.algorithm.arrays import Floats, Ints

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_TENSORS = {2: "<f4", 3: "<f8", 7: "varint"}


@dataclass(frozen=True)
class Tensor:
    """Numbers of a record; sparse where `keys` says which positions they hold, of `shape` in all.

    `at` is where packed floats begin within the payload, -1 for integers; `span` is where packed keys begin and end.
    """

    values: Floats
    keys: Ints | None = None
    shape: int | None = None
    at: int = -1
    span: tuple[int, int] | None = None

    def dense(self, width: int) -> Floats:
        """`(width,)`, the positions not named being 0; `ValueError` where the tensor does not fit."""
        if self.keys is None:
            if len(self.values) != width:
                raise ValueError(f"has {len(self.values)} features, but {width} are expected")
            return self.values
        if len(self.keys) != len(self.values):
            raise ValueError(f"has {len(self.keys)} keys for {len(self.values)} values")
        if len(self.keys) and int(self.keys.max()) >= width:
            raise ValueError(f"has a feature with key {int(self.keys.max())}, but only {width} features are expected")
        row = np.zeros(width, np.float64)
        row[self.keys] = self.values
        return row

    @property
    def width(self) -> int:
        """Features that the record speaks of."""
        if self.keys is None:
            return len(self.values)
        return self.shape or (int(self.keys.max()) + 1 if len(self.keys) else 0)


@dataclass(frozen=True)
class Record:
    """One row: tensors by name, `values` in training data."""

    features: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    label: dict[str, Tensor] = field(default_factory=dict[str, Tensor])


def parse(payload: bytes) -> Record:
    """A record from its protobuf bytes; `ValueError` where they are none."""
    record = Record()
    try:
        for number, start, end in _fields(payload, 0, len(payload)):
            if number in (1, 2):
                name, tensor = _entry(payload, start, end)
                (record.features if number == 1 else record.label)[name] = tensor
    except (IndexError, struct.error) as error:
        raise ValueError("is not a protobuf Record: it ends too early") from error
    return record


def _entry(payload: bytes, start: int, end: int) -> tuple[str, Tensor]:
    name, tensor = "", Tensor(np.zeros(0))
    for number, at, stop in _fields(payload, start, end):
        if number == 1:
            name = payload[at:stop].decode("utf-8", "replace")
        elif number == 2:
            for kind, inner, inner_stop in _fields(payload, at, stop):
                if kind in _TENSORS:
                    tensor = _tensor(payload, inner, inner_stop, _TENSORS[kind])
    return name, tensor


def _tensor(payload: bytes, start: int, end: int, kind: str) -> Tensor:
    values, keys, shape, at, span = np.zeros(0), None, None, -1, None
    for number, inner, stop in _fields(payload, start, end):
        if number == 1 and kind == "varint":
            values = _varints(payload, inner, stop).astype(np.uint64).astype(np.int64).astype(np.float64)
        elif number == 1:
            # Floats in several pieces are lawful, but have no one place where all of them are.
            at, part = (-1 if len(values) else inner), np.frombuffer(payload[inner:stop], kind)
            values = np.concatenate([values, part]) if len(values) else part
        elif number == 2:
            keys, span = _varints(payload, inner, stop).astype(np.int64), (inner, stop)
        elif number == 3:
            shape = int(_varints(payload, inner, stop)[-1])
    if shape is not None and keys is None and not len(values):  # a sparse row of zeros: empty fields are not written
        keys = np.zeros(0, np.int64)
    return Tensor(values, keys, shape, at, span)


def _fields(payload: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Field number, start and end of the content of each field; a number's content is its own bytes."""
    while position < end:
        tag, position = _varint(payload, position)
        wire, start = tag & 7, position
        if wire == _BYTES:
            size, start = _varint(payload, position)
            position = start + size
        elif wire == _VARINT:
            _, position = _varint(payload, position)
        elif wire in (_FIXED32, _FIXED64):
            position += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"is not a protobuf Record: wire type {wire}")
        if position > end:
            raise ValueError("is not a protobuf Record: a field reaches beyond its end")
        yield tag >> 3, start, position


def _varint(payload: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = payload[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7


def _varints(payload: bytes, start: int, end: int) -> Ints:
    """Packed numbers, seven bits a byte, the lowest first; a byte below 128 is a number's last."""
    part = np.frombuffer(payload[start:end], np.uint8)
    last = np.flatnonzero(part < 128)
    if len(part) and (not len(last) or last[-1] != len(part) - 1):
        raise IndexError("a number is cut off")
    first = np.concatenate([[0], last[:-1] + 1])[: len(last)]
    sizes = last - first + 1
    numbers = np.zeros(len(last), np.uint64)
    for at in range(min(int(sizes.max(initial=0)), 10)):
        longer = sizes > at
        bits = part[first[longer] + at].astype(np.uint64) & np.uint64(127)
        numbers[longer] |= bits << np.uint64(7 * at)
    return numbers.astype(np.int64)


def build(features: Mapping[str, Floats], label: Mapping[str, Floats]) -> bytes:
    """A record of dense float32 tensors."""
    return b"".join(
        _block(number, _block(1, name.encode()) + _block(2, _block(2, _block(1, _packed(values)))))
        for number, tensors in ((1, features), (2, label))
        for name, values in tensors.items()
    )


def _packed(values: Floats) -> bytes:
    return np.asarray(values, "<f4").tobytes()


def _block(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _length(len(content)) + content


def _length(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
