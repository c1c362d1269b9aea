"""Bytes as RecordIO records, as MXNet has it: a magic number, a length of 29 bits, the bytes, padding to a word.

A payload that holds the magic number itself at a word's beginning is cut there into parts that say so; the number is
left out, and the reader puts it back. Source: https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

MAGIC = struct.pack("<I", 0xCED7230A)
CHUNK = 1 << 20
"""Bytes that are in memory at once; whole words."""
LARGEST = (1 << 29) - 1
"""Bytes of a record."""


def framed(payload: BinaryIO, ahead: BinaryIO) -> Iterator[bytes]:
    """One record, chunk by chunk; `payload` and `ahead` read the same bytes. `ValueError` for more than LARGEST."""
    first = True
    for size, last in _parts(ahead):
        flag = (0 if last else 1) if first else (3 if last else 2)
        yield MAGIC + struct.pack("<I", flag << 29 | size)
        left = size
        while left:
            chunk = payload.read(min(left, CHUNK))
            if not chunk:
                raise EOFError("it became shorter while it was read")
            left -= len(chunk)
            yield chunk
        payload.read(0 if last else len(MAGIC))
        yield bytes(-size % 4)
        first = False


def _parts(payload: BinaryIO) -> Iterator[tuple[int, bool]]:
    """The bytes in number between magic numbers at words' beginnings, and whether they are the last."""
    start = size = 0
    while chunk := payload.read(CHUNK):
        if size + len(chunk) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes, which is what a RecordIO record can hold")
        at = chunk.find(MAGIC)
        while at >= 0:
            if at % 4 == 0:
                yield size + at - start, False
                start = size + at + len(MAGIC)
            at = chunk.find(MAGIC, at + (4 if at % 4 == 0 else 1))
        size += len(chunk)
    yield size - start, True
