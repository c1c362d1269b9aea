"""Bytes of objects, encrypted where they rest: the format of a sealed blob.

    data key of an object or upload ──HMAC, blob's id──► key of one blob ──AES-256-GCM──► segments

    blob   <32 hex digits>.sealed
    bytes  segment 0 │ segment 1 │ ... │ last segment     each SEGMENT bytes of plaintext, the last one fewer, + a tag
    nonce  number of the segment (11 bytes) │ 1 in the last segment, 0 in all others

A blob's key is its own, so a nonce is never used twice and a segment opens in no other blob; its number is in its
nonce, so it opens in no other place; and only a whole blob ends with a segment that says so. Whatever was flipped,
swapped, moved or cut off is `Damaged`, and no byte of such a segment is given. (The construction is STREAM: Hoang,
Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015.)

A range costs the segments that it touches. Memory is bounded: one batch of segments at a time, either way. Digests,
sizes and spans are of the plaintext; an id ends with `SUFFIX`, so that whoever meets a blob by its id alone knows
that its file is no plaintext. A file that nobody holds the key of cannot be read by mistake either.

An object's copies, and the parts of one upload, have one data key: bytes need not be touched when an object comes
under another key (`sealing.py` says who wraps data keys).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEGMENT = 2**16
"""Bytes of plaintext in a segment."""
TAG = 16
SUFFIX = ".sealed"
KEY = 32
"""Bytes of a data key."""


class Damaged(Exception):
    """Sealed bytes are not those that were written. Nobody's request is at fault, so that it is no `Fault`."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What seals and opens the blobs of one object.

    Parameters
    ----------
    key : the data key.
    doc : what an object's document says of it, the wrapped key among it (`sealing.py`).
    """

    key: bytes = field(repr=False)
    doc: Mapping[str, Any]

    def writer(self, blob: str) -> Writer:
        """Seals the bytes of a blob as they come."""
        return Writer(_cipher(self.key, blob))

    def reader(self, blob: str, file: BinaryIO) -> Reader:
        """A sealed blob's plaintext, read as a file is."""
        return Reader(_cipher(self.key, blob), file, blob)

    def sealed(self, blob: str, data: bytes) -> bytes:
        """All of a small blob, sealed."""
        writer = self.writer(blob)
        return writer.add(data) + writer.end()

    def opened(self, blob: str, data: bytes) -> bytes:
        """All of a small blob's plaintext."""
        reader = self.reader(blob, BytesIO(data))
        return reader.read(reader.size)


class Writer:
    """Seals a stream. `end` must come last: without it the blob is torn, and says so."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher
        self._number = 0
        self._rest = b""

    def add(self, data: bytes) -> bytes:
        """What can be written for these bytes by now."""
        data = self._rest + data if self._rest else data
        view, segments = memoryview(data), list[bytes]()
        while len(view) > SEGMENT:  # a full segment that may be the last one waits
            segments.append(self._cipher.encrypt(_nonce(self._number, last=False), view[:SEGMENT], None))
            self._number += 1
            view = view[SEGMENT:]
        self._rest = bytes(view)
        return b"".join(segments)

    def end(self) -> bytes:
        """The last segment; of no bytes where there were none."""
        return self._cipher.encrypt(_nonce(self._number, last=True), self._rest, None)


class Reader:
    """A sealed blob's plaintext, from any place on. Methods block.

    `size` is how many bytes of plaintext the file would hold; whether it does is known of each segment when it is read.
    """

    def __init__(self, cipher: AESGCM, file: BinaryIO, blob: str) -> None:
        self._cipher = cipher
        self._file = file
        self._blob = blob
        self._at = 0
        sealed = file.seek(0, os.SEEK_END)
        self._last = max(0, -(-sealed // (SEGMENT + TAG)) - 1)
        self.size = sealed - TAG * (self._last + 1)
        if self.size < self._last * SEGMENT + bool(self._last):
            raise Damaged(f"blob {blob} ends inside of a tag")

    def seek(self, at: int) -> None:
        """Goes to a byte of the plaintext."""
        self._at = at

    def read(self, most: int) -> bytes:
        """The next bytes, fewer only at the end."""
        end = min(self.size, self._at + most)
        if not self.size:
            self._segments(0, 0)
        if self._at >= end:
            return b""
        first, last = self._at // SEGMENT, (end - 1) // SEGMENT
        skipped = self._at - first * SEGMENT
        data = b"".join(self._segments(first, last))[skipped : skipped + end - self._at]
        self._at = end
        return data

    def _segments(self, first: int, last: int) -> list[bytes]:
        self._file.seek(first * (SEGMENT + TAG))
        raw = memoryview(_exactly(self._file, (last - first + 1) * (SEGMENT + TAG)))
        return [
            self._segment(number, raw[at : at + SEGMENT + TAG])
            for number, at in zip(range(first, last + 1), range(0, len(raw) + 1, SEGMENT + TAG), strict=False)
        ]

    def _segment(self, number: int, sealed: memoryview) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(number, last=number == self._last), sealed, None)
        except InvalidTag as error:
            raise Damaged(f"blob {self._blob}: segment {number} is not what was written") from error

    def close(self) -> None:
        """Closes the file below."""
        self._file.close()


def is_sealed(blob: str) -> bool:
    """Whether the blob of an id is sealed."""
    return blob.endswith(SUFFIX)


def length(size: int) -> int:
    """Bytes of a sealed blob's file that holds `size` bytes of plaintext.

    >>> length(0), length(SEGMENT), length(SEGMENT + 1)
    (16, 65552, 65569)
    """
    return size + TAG * max(1, -(-size // SEGMENT))


def _cipher(key: bytes, blob: str) -> AESGCM:
    return AESGCM(hmac.digest(key, b"potager blob\0" + blob.encode(), "sha256"))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _exactly(file: BinaryIO, size: int) -> bytes:
    """The next `size` bytes of a raw file, fewer only at its end: a raw file may give fewer at once."""
    parts: list[bytes] = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
