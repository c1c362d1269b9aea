"""The checksums that S3 speaks of, by the names of their headers: `x-amz-checksum-<name>`.

Python has CRC-32, SHA-1 and SHA-256. CRC-32C and CRC-64/NVME come from AWS's own runtime (awscrt, gigabytes a second)
where it is installed, else from numpy (`crc`, a tenth of that): a table look-up a byte in Python would be far too slow.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol


class Checksum(Protocol):
    """As `hashlib` has it."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Running:
    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function, self._size = function, size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def _native(name: str) -> Checksum | None:
    try:
        native: Any = import_module("awscrt.checksums")
    except ImportError:
        return None
    return _Running(native.crc32c, 4) if name == "crc32c" else _Running(native.crc64nvme, 8)


def _portable(name: str) -> Checksum:
    from potager.wire.crc import Crc  # numpy costs 25 MB: only when a client asks for these

    return Crc(name)


NAMES = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256", "sha512", "md5")
PREFIX = "x-amz-checksum-"


def new(name: str) -> Checksum | None:
    """A checksum by its name in a header, None for one that we cannot compute (`xxhash64`, ...)."""
    if name == "crc32":
        return _Running(zlib.crc32, 4)
    if name in ("crc32c", "crc64nvme"):
        return _native(name) or _portable(name)
    return hashlib.new(name, usedforsecurity=False) if name in NAMES else None
