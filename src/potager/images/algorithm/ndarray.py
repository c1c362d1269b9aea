"""Arrays as MXNet saves them: the artifact of AWS's own k-means and PCA, which programs read as `model_algo-1`.

    u64 0x112, u64 0 | u64 count, then for each array:
        u32 0xF993FAC9, i32 storage (0: dense) | u32 dimensions, i64 each | i32 device, i32 its number | i32 type | data
    u64 count of names (0: a list, no dictionary), then for each: u64 length, ASCII

All little-endian. Neither writing nor reading needs MXNet, and neither runs code, as a pickle would.
Source: `NDArray::Save` and `NDArray::Load` of https://github.com/apache/mxnet, `src/ndarray/ndarray.cc` (1.9.1), and
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html ("Trained model deserialization").
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from potager.images.algorithm.arrays import Float64, Floats
from potager.images.algorithm.errors import BrokenModel

_MAGIC = 0x112
_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA  # V1 names no storage; V3 differs in what a shape of () means
_TYPES = ("<f4", "<f8", "<f2", "<u1", "<i4", "<i1", "<i8")
_CPU = 1


def save(path: Path, arrays: Sequence[Floats] | Mapping[str, Floats]) -> None:
    """Writes float32 arrays of one dimension or more, a list or, with names, a dictionary."""
    names = list(arrays) if isinstance(arrays, Mapping) else []
    values = list(arrays.values()) if isinstance(arrays, Mapping) else list(arrays)
    with path.open("wb") as file:
        file.write(struct.pack("<QQQ", _MAGIC, 0, len(values)))
        for value in values:
            shape = struct.pack(f"<I{value.ndim}q", value.ndim, *value.shape)
            file.write(struct.pack("<Ii", _V2, 0) + shape + struct.pack("<iii", _CPU, 0, 0))
            file.write(np.ascontiguousarray(value, "<f4").data)
        file.write(struct.pack("<Q", len(names)))
        for name in names:
            file.write(struct.pack("<Q", len(name)) + name.encode("ascii"))


def load(path: Path) -> dict[str, Float64]:
    """The arrays by name, as float64; those of a list are named "0", "1" ... `BrokenModel` says what is wrong."""
    try:
        return _Reader(path.read_bytes()).arrays()
    except (OSError, ValueError, struct.error) as error:
        raise BrokenModel(f"{path} cannot be read as MXNet's arrays: {error}. Train the model again.") from error


def model_file(folder: Path) -> Path:
    """The artifact in a model's folder, named after the host that trained it; `BrokenModel` where there is none."""
    found = sorted(path for path in folder.glob("model_algo-*") if path.is_file())
    if not found:
        raise BrokenModel(f"{folder} holds no model_algo-1. Its ModelDataUrl must be the artifact of a training job.")
    return found[0]


class _Reader:
    """Reads on from where it stands; `ValueError` where the content ends too early or is something else."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def arrays(self) -> dict[str, Float64]:
        if self._numbers("<QQ")[0] != _MAGIC:
            raise ValueError("it does not begin with their magic number")
        values = [self._array() for _ in range(self._numbers("<Q")[0])]
        names = [self._bytes(self._numbers("<Q")[0]).decode("ascii") for _ in range(self._numbers("<Q")[0])]
        if names and len(names) != len(values):
            raise ValueError(f"it has {len(values)} arrays and {len(names)} names")
        return dict(zip(names or map(str, range(len(values))), values, strict=True))

    def _array(self) -> Float64:
        (magic,) = self._numbers("<I")
        if magic not in (_V1, _V2, _V3) or (magic != _V1 and self._numbers("<i")[0] != 0):
            raise ValueError("an array is sparse, or of a version before MXNet 0.11")
        shape = self._numbers(f"<{self._numbers('<I')[0]}q")
        kind = self._numbers("<iii")[2]
        if min(shape, default=0) < 0 or not 0 <= kind < len(_TYPES):
            raise ValueError(f"an array has shape {shape} and type {kind}")
        dtype = np.dtype(_TYPES[kind])
        data = self._bytes(math.prod(shape) * dtype.itemsize)
        return np.frombuffer(data, dtype).reshape(shape).astype(np.float64)

    def _numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self._bytes(struct.calcsize(layout)))

    def _bytes(self, size: int) -> bytes:
        part = self._content[self._at : self._at + size]
        if len(part) < size:
            raise ValueError("it is cut off")
        self._at += size
        return part
