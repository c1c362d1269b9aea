"""The disk's own speed: the same bytes written, hashed and synced by plain Python, with nothing between."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path
from typing import Any

BLOCK = 2**20


class Disk:
    """Files in a folder, kept as a careful program would keep them: no file is named before it is whole and synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """Hashes (MD5, SHA-256), writes, syncs and renames."""
        self._kept(name, [data], [hashlib.md5(usedforsecurity=False), hashlib.sha256()])

    def get(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def keep(self, name: str, source: Path, *, crc: bool) -> None:
        """Copies a file as `put` does, in blocks; with a CRC-32 as boto3's uploads have one."""
        hashes: list[Any] = [hashlib.md5(usedforsecurity=False), hashlib.sha256(), *([_Crc()] if crc else [])]
        with source.open("rb", buffering=0) as file:
            self._kept(name, iter(lambda: file.read(BLOCK), b""), hashes)

    def read(self, name: str, target: Path | None) -> None:
        """Reads a file in blocks, into another one where there is a target."""
        with (
            (self._folder / name).open("rb", buffering=0) as file,
            open(target or os.devnull, "wb", buffering=0) as out,
        ):
            while block := file.read(BLOCK):
                out.write(block)

    def _kept(self, name: str, blocks: Any, hashes: list[Any]) -> None:
        path = self._folder / f"{name}.tmp"
        with path.open("wb", buffering=0) as file:
            for block in blocks:
                for each in hashes:
                    each.update(block)
                file.write(block)
            os.fdatasync(file.fileno())
        path.rename(self._folder / name)
        fd = os.open(self._folder, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


class _Crc:
    def __init__(self) -> None:
        self.value = 0

    def update(self, data: bytes) -> None:
        self.value = zlib.crc32(data, self.value)
