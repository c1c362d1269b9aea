"""Digests and checksums of bytes as they pass, by S3's names.

`md5` and the SHAs are hashlib's, `crc32` is zlib's; `crc32c` and `crc64nvme` come from anycrc, a small C library that
is imported when one of them is first asked for: in Python they would cost a hundred times as much.
Source of the polynomials: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

HASHES = ("md5", "sha1", "sha256", "sha512")
CRCS = {"crc32": 32, "crc32c": 32, "crc64nvme": 64}
"""Widths in bits."""
_POLYNOMIALS = {"crc32": 0xEDB88320, "crc32c": 0x82F63B78, "crc64nvme": 0x9A6C9329AC4BC9B5}
"""Bit-reversed, without their leading term."""

_HASHES: Mapping[str, Callable[..., Any]] = {name: getattr(hashlib, name) for name in HASHES}
_Crc = Callable[[bytes, int], int]


class Digests:
    """Several digests of one stream, computed together.

    Parameters
    ----------
    names : of `HASHES` and `CRCS`.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes: dict[str, Any] = {}
        self._crcs: dict[str, tuple[_Crc, int]] = {}
        for name in names:
            if name in HASHES:
                self._hashes[name] = _HASHES[name](usedforsecurity=False)
            else:
                self._crcs[name] = (_crc(name), 0)

    def update(self, data: bytes) -> None:
        """Takes in the next bytes."""
        for each in self._hashes.values():
            each.update(data)
        for name, (function, value) in self._crcs.items():
            self._crcs[name] = (function, function(data, value))

    def values(self) -> dict[str, bytes]:
        """What the digests are so far, CRCs as big-endian bytes."""
        found: dict[str, bytes] = {name: each.digest() for name, each in self._hashes.items()}
        return found | {name: value.to_bytes(CRCS[name] // 8, "big") for name, (_, value) in self._crcs.items()}


def of(data: bytes, names: Iterable[str]) -> dict[str, bytes]:
    """The digests of bytes that are all there."""
    digests = Digests(names)
    digests.update(data)
    return digests.values()


@cache
def _crc(name: str) -> _Crc:
    if name == "crc32":
        return zlib.crc32
    if name not in CRCS:
        raise ValueError(f"there is no digest called {name!r}")
    model: Any = import_module("anycrc").Model("CRC32-ISCSI" if name == "crc32c" else "CRC64-NVME")
    return model.calc


def combined(name: str, parts: Sequence[tuple[bytes, int]]) -> bytes:
    """The CRC of bytes put together, from the CRC and the length of each part.

    Appending `n` bytes multiplies a CRC by x^(8n) modulo its polynomial; the initial and final inversions cancel out.
    """
    width, polynomial = CRCS[name], _POLYNOMIALS[name]
    total = 0
    for value, size in parts:
        shift = _power(8 * size, polynomial, width)
        total = _times(total, shift, polynomial, width) ^ int.from_bytes(value, "big")
    return total.to_bytes(width // 8, "big")


def _times(a: int, b: int, polynomial: int, width: int) -> int:
    """The product of two polynomials modulo a third; the highest bit is the term x^0."""
    product, one = 0, 1 << (width - 1)
    while a:
        if a & one:
            product ^= b
        a = (a << 1) & ((1 << width) - 1)
        b = (b >> 1) ^ (polynomial if b & 1 else 0)
    return product


def _power(exponent: int, polynomial: int, width: int) -> int:
    """x to a power, modulo the polynomial."""
    result, square = 1 << (width - 1), 1 << (width - 2)
    while exponent:
        if exponent & 1:
            result = _times(result, square, polynomial, width)
        square = _times(square, square, polynomial, width)
        exponent >>= 1
    return result
