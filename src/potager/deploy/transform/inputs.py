"""Which objects a job reads, where the answers to each go, and an object's bytes, unpacked where they are gzipped."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from potager.deploy.transform.faults import BadObject, Broken
from potager.kernel import uris
from potager.kernel.errors import NotFound
from potager.store.objects import Entry, Objects

MAX_MANIFEST = 64 * 2**20
"""Bytes of a manifest file that are read."""
UNPACKED = 2**20
"""Bytes that are unpacked at a time."""
SUFFIX = ".out"


@dataclass(frozen=True, slots=True)
class Source:
    """One input object, and the bucket and key of what is made of it."""

    entry: Entry
    target: tuple[str, str]

    @property
    def uri(self) -> str:
        return f"s3://{self.entry.bucket}/{self.entry.key}"


async def walk(objects: Objects, doc: Mapping[str, Any]) -> AsyncGenerator[Source]:
    """The objects that a job reads, in order. `Broken` in AWS's words where there is nothing to read."""
    source = doc["TransformInput"]["DataSource"]["S3DataSource"]
    bucket, prefix = uris.s3(source["S3Uri"])
    manifest = source["S3DataType"] == "ManifestFile"
    found = _listed(objects, bucket, prefix) if manifest else _under(objects, bucket, prefix)
    home, path = uris.s3(doc["TransformOutput"]["S3OutputPath"])
    try:
        async for entry, name in found:
            yield Source(entry, (home, f"{path.rstrip('/')}/{name}{SUFFIX}".lstrip("/")))
    except NotFound as fault:
        raise Broken(f"ClientError: Data download failed: {fault.message}") from fault


async def _under(objects: Objects, bucket: str, prefix: str) -> AsyncIterator[tuple[Entry, str]]:
    any_ = False
    async for entry in objects.walk(bucket, prefix):
        if not entry.key.endswith("/"):
            any_ = True
            yield entry, below(prefix, entry.key)
    if not any_:
        raise Broken(
            f'ClientError: No S3 objects found under S3 URL "s3://{bucket}/{prefix}" given in input data source.'
        )


def below(prefix: str, key: str) -> str:
    """An object's name below the prefix that it was found by.

    >>> below("claims/", "claims/2024/a.csv"), below("claims", "claims/a.csv"), below("claims/a.csv", "claims/a.csv")
    ('2024/a.csv', 'a.csv', 'a.csv')
    """
    if key != prefix and (prefix.endswith("/") or key.startswith(prefix + "/")):
        return key[len(prefix) :].lstrip("/")
    return key[prefix.rfind("/") + 1 :].lstrip("/")


async def _listed(objects: Objects, bucket: str, key: str) -> AsyncIterator[tuple[Entry, str]]:
    uri = f"s3://{bucket}/{key}"
    entry = await objects.head(bucket, key)
    if entry.size > MAX_MANIFEST:
        raise Broken(f"ClientError: The manifest {uri} has {entry.size} bytes; at most {MAX_MANIFEST} are read.")
    base, names = manifest(uri, b"".join([chunk async for chunk in objects.read(entry)]))
    home, prefix = uris.s3(base)
    for name in names:
        yield await objects.head(home, prefix + name), name.lstrip("/")


def manifest(uri: str, data: bytes) -> tuple[str, list[str]]:
    """The prefix and the relative names in a manifest, `[{"prefix": "s3://..."}, "name", ...]`."""
    expected = 'a JSON list of {"prefix": "s3://bucket/..."} followed by names'
    try:
        head, *names = json.loads(data)
        base = head["prefix"]
    except (ValueError, TypeError, KeyError) as error:
        raise Broken(f"ClientError: The manifest {uri} is not {expected}: {error}.") from error
    if not isinstance(base, str) or not base.startswith("s3://") or not all(isinstance(name, str) for name in names):
        raise Broken(f"ClientError: The manifest {uri} is not {expected}.")
    if not names:
        raise Broken(f"ClientError: The manifest {uri} names no objects.")
    return base, names


async def content(objects: Objects, source: Source, gzip: bool) -> AsyncIterator[bytes]:
    """An object's bytes, chunk by chunk; `BadObject` where they are gone or not gzip."""
    try:
        chunks = objects.read(source.entry)
        async for chunk in unpacked(source.uri, chunks) if gzip else chunks:
            yield chunk
    except NotFound as fault:
        raise BadObject(f"ClientError: {source.uri}: {fault.message}") from fault


async def unpacked(uri: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What gzipped chunks hold, a bounded piece at a time, however much that is."""
    unpacker = Unpacker()
    try:
        async for chunk in chunks:
            pieces = unpacker.feed(chunk)
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece
    except zlib.error as error:
        raise BadObject(f"ClientError: {uri} is not gzip: {error}. Set CompressionType None?") from error
    if not unpacker.complete:
        raise BadObject(f"ClientError: {uri} is cut off: its gzip stream does not end.")


class Unpacker:
    """Unpacks a gzip file of one or more members, piece by piece."""

    def __init__(self) -> None:
        self._stream = _gunzip()
        self._fresh = True

    @property
    def complete(self) -> bool:
        """Whether the stream ended where a member did."""
        return self._fresh

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that `data` unpacks to, none of them empty."""
        more = True
        while more:
            if self._fresh:
                data = data.lstrip(b"\0")  # padding between members
                if not data:
                    return
            piece = self._stream.decompress(data, UNPACKED)
            self._fresh = self._stream.eof
            data = self._stream.unused_data if self._fresh else self._stream.unconsumed_tail
            more = bool(data) or len(piece) == UNPACKED
            if self._fresh:
                self._stream = _gunzip()
            if piece:
                yield piece


def _gunzip() -> Any:
    return zlib.decompressobj(wbits=31)
