"""CRC-32C and CRC-64/NVME with numpy: the data in lanes, the lanes side by side, their remainders put together.

A lane of `n` bytes is worth its own CRC shifted by the bytes after it; shifting by a fixed length is a linear map over
GF(2), kept as eight tables of 256. Source: zlib's `crc32_combine` (Mark Adler).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIALS = {"crc32c": (0x82F63B78, 32), "crc64nvme": (0x9A6C9329AC4BC9B5, 64)}
"""Reflected polynomials and their widths in bits."""

_LANE = 256
_SMALL = 2048

Table = NDArray[np.uint64]


class Crc:
    """A running CRC, fed as `hashlib` objects are."""

    def __init__(self, name: str) -> None:
        self._polynomial, self._bits = _POLYNOMIALS[name]
        self._mask = (1 << self._bits) - 1
        self._value = self._mask

    def update(self, data: bytes, /) -> None:
        whole = len(data) // _LANE * _LANE if len(data) >= _SMALL else 0
        if whole:
            self._value = self._lanes(np.frombuffer(data, np.uint8, whole).reshape(-1, _LANE))
        table = _bytes_of(self._polynomial)
        value = self._value
        for byte in data[whole:]:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def _lanes(self, lanes: NDArray[np.uint8]) -> int:
        """The register after all lanes: each one's own remainder, then folded two by two."""
        table = _table(self._polynomial)
        values = np.zeros(len(lanes), np.uint64)
        values[0] = self._value
        for column in lanes.T:
            values = table[(values ^ column) & np.uint64(0xFF)] ^ (values >> np.uint64(8))
        length = _LANE
        while len(values) > 1:
            # An odd one out stands in front, as a lane of nothing does no harm there.
            if len(values) % 2:
                values = np.concatenate((np.zeros(1, np.uint64), values))
            values = _shifted(values[::2], _shift(self._polynomial, length)) ^ values[1::2]
            length *= 2
        return int(values[0])

    def digest(self) -> bytes:
        return (self._value ^ self._mask).to_bytes(self._bits // 8, "big")


@cache
def _table(polynomial: int) -> Table:
    """What each byte does to the register."""
    values = np.arange(256, dtype=np.uint64)
    for _ in range(8):
        values = np.where(
            values & np.uint64(1), (values >> np.uint64(1)) ^ np.uint64(polynomial), values >> np.uint64(1)
        )
    return values


@cache
def _bytes_of(polynomial: int) -> list[int]:
    return [int(value) for value in _table(polynomial)]


@cache
def _shift(polynomial: int, length: int) -> Table:
    """Eight tables, one a byte of the register: what `length` zero bytes make of it."""
    if length == 1:
        table = _table(polynomial)
        shifts = np.zeros((8, 256), np.uint64)
        for place in range(8):
            column = np.arange(256, dtype=np.uint64) << np.uint64(8 * place)
            shifts[place] = table[column & np.uint64(0xFF)] ^ (column >> np.uint64(8))
        return shifts
    half = _shift(polynomial, length // 2)
    return np.stack([_shifted(row, half) for row in half])


def _shifted(values: Table, shifts: Table) -> Table:
    shifted = np.zeros(len(values), np.uint64)
    for place in range(8):
        shifted ^= shifts[place][(values >> np.uint64(8 * place)) & np.uint64(0xFF)]
    return shifted
