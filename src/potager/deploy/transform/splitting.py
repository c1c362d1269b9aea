"""Objects cut into batches: whole records, as many as a request may carry.

    feed(chunk) ─► batches that are full          finish() ─► what is left

A splitter is fed an object's bytes as they come and never holds more than one batch and one chunk. The batches of an
object, one after another, are the object. Lines are found by `rfind`, not one by one, unless each is to go alone.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from potager.deploy.transform.faults import BadRecord

MAGIC = 0xCED7230A
"""Opens a RecordIO record: https://mxnet.apache.org/versions/1.9.1/api/architecture/note_data_loading"""

_HEADER = struct.Struct("<II")
_LENGTH = (1 << 29) - 1


@dataclass(frozen=True, slots=True)
class Batch:
    """The bytes of one request; `first` is the number of its first record, from 1."""

    body: bytes
    first: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes that a batch shall have at most, and bytes that one record may have; `batch <= record`."""

    batch: int
    record: int


class Splitter(Protocol):
    """Cuts one object. `BadRecord` counts from the object's first record."""

    noun: str
    """What a record is called: `line`, `record`; empty where the object is one."""

    def feed(self, data: bytes) -> Iterator[Batch]: ...

    def finish(self) -> Iterator[Batch]: ...

    def records(self, body: bytes) -> list[tuple[int, bytes]]:
        """The records of a batch that are not blank, each with its place in the batch, from 0."""
        ...


def splitter(split: str, single: bool, sizes: Sizes) -> Splitter:
    """A new splitter for a SplitType: `Line`, `RecordIO` or `None`."""
    if split == "Line":
        return Lines(single, sizes)
    return Records(single, sizes) if split == "RecordIO" else Whole(sizes)


async def batches(chunks: AsyncIterable[bytes], cutter: Splitter) -> AsyncGenerator[Batch]:
    """The batches of an object whose bytes arrive as `chunks`."""
    async for chunk in chunks:
        for batch in cutter.feed(chunk):
            yield batch
    for batch in cutter.finish():
        yield batch


def too_large(index: int, limit: int) -> BadRecord:
    """A record that no request may carry."""
    megabytes = f"{limit / 2**20:.4g} MB"
    return BadRecord(index, f"it is larger than the {megabytes} that a request may carry. Raise MaxPayloadInMB.")


class Whole:
    """An object that is one record."""

    noun = ""

    def __init__(self, sizes: Sizes) -> None:
        self._limit = sizes.record
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Batch]:
        self._buffer += data
        if len(self._buffer) > self._limit:
            raise too_large(0, self._limit)
        return iter(())

    def finish(self) -> Iterator[Batch]:
        if self._buffer:
            yield Batch(bytes(self._buffer), 1)

    def records(self, body: bytes) -> list[tuple[int, bytes]]:
        return [(0, body)]


class Lines:
    """An object of lines. A line keeps its line feed; where each goes alone, blank ones are left out."""

    noun = "line"

    def __init__(self, single: bool, sizes: Sizes) -> None:
        self._single = single
        self._sizes = sizes
        self._buffer = bytearray()
        self._first = 1

    def feed(self, data: bytes) -> Iterator[Batch]:
        self._buffer += data
        yield from self._alone() if self._single else self._together()
        if len(self._buffer) > self._sizes.record:
            raise too_large(self._first - 1, self._sizes.record)

    def finish(self) -> Iterator[Batch]:
        if self._buffer and not (self._single and self._buffer.isspace()):
            yield Batch(bytes(self._buffer), self._first)

    def _together(self) -> Iterator[Batch]:
        while len(self._buffer) > self._sizes.batch:
            end = self._buffer.rfind(b"\n", 0, self._sizes.batch) + 1 or self._buffer.find(b"\n") + 1
            if not end:
                return
            if end > self._sizes.record:
                raise too_large(self._first - 1, self._sizes.record)
            batch = Batch(bytes(self._buffer[:end]), self._first)
            del self._buffer[:end]
            self._first += batch.body.count(b"\n")
            yield batch

    def _alone(self) -> Iterator[Batch]:
        whole, feed, rest = self._buffer.rpartition(b"\n")
        if not feed:
            return
        self._buffer = rest
        for line in bytes(whole).split(b"\n"):
            if len(line) >= self._sizes.record:
                raise too_large(self._first - 1, self._sizes.record)
            if line and not line.isspace():
                yield Batch(line + b"\n", self._first)
            self._first += 1

    def records(self, body: bytes) -> list[tuple[int, bytes]]:
        lines = enumerate(body.split(b"\n"))
        return [(index, line + b"\n") for index, line in lines if line and not line.isspace()]


class Records:
    """An object of RecordIO records, framing and all; one that is split at a magic number stays together."""

    noun = "record"

    def __init__(self, single: bool, sizes: Sizes) -> None:
        self._most = 1 if single else sizes.batch
        self._limit = sizes.record
        self._buffer = bytearray()
        self._whole = 0  # bytes of whole records in the buffer
        self._count = 0  # and how many these are
        self._first = 1

    def feed(self, data: bytes) -> Iterator[Batch]:
        self._buffer += data
        start = 0
        for end in frames(self._buffer, self._whole, self._first + self._count):
            if end - self._whole > self._limit:
                raise too_large(self._first + self._count - 1, self._limit)
            if end - start > self._most and self._whole > start:
                yield self._batch(start)
                start = self._whole
            self._whole, self._count = end, self._count + 1
        if self._whole - start >= self._most:
            yield self._batch(start)
            start = self._whole
        del self._buffer[:start]
        self._whole -= start
        if len(self._buffer) - self._whole > self._limit:
            raise too_large(self._first + self._count - 1, self._limit)

    def finish(self) -> Iterator[Batch]:
        if self._whole != len(self._buffer):
            raise BadRecord(self._first + self._count - 1, "it is cut off: the object ends before the record does.")
        if self._buffer:
            yield self._batch(0)

    def _batch(self, start: int) -> Batch:
        batch = Batch(bytes(self._buffer[start : self._whole]), self._first)
        self._first, self._count = self._first + self._count, 0
        return batch

    def records(self, body: bytes) -> list[tuple[int, bytes]]:
        ends = [0, *frames(body)]
        return [(index, body[ends[index] : ends[index + 1]]) for index in range(len(ends) - 1)]


def frames(data: bytes | bytearray, position: int = 0, number: int = 1) -> Iterator[int]:
    """Where each whole record from `position` on ends; `BadRecord` for bytes that open none.

    number : of the record at `position`, from 1.
    """
    while position + _HEADER.size <= len(data):
        magic, head = _HEADER.unpack_from(data, position)
        if magic != MAGIC:
            raise BadRecord(number - 1, "it does not begin with RecordIO's magic number.")
        position += _HEADER.size + -(-(head & _LENGTH) // 4) * 4
        if position > len(data):
            return
        if head >> 29 in (0, 3):
            number += 1
            yield position
