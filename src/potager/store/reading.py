"""Objects of our own, read: rows looked up and listed, bytes opened wherever they lie.

a row beside the object's     small ones: one query, and no file is touched
a file                        opened at once: whoever deletes the object while it is read, the bytes are there
pieces of files               held from removal until they are read
sealed                        opened with the key that the object's document wraps (`sealing.py`)
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import md5
from pathlib import Path

from sqlalchemy import Connection

from potager.store import entries, history, inlined, references, sealing
from potager.store.blobs import INLINE, Blobs, Content, chunks
from potager.store.database import Database
from potager.store.entries import Entry, NoObject
from potager.store.files import Files
from potager.store.history import Version
from potager.store.keys import Listing
from potager.store.sealing import NeedsKey, Sealing
from potager.store.seals import Damaged, Seal, is_sealed
from potager.store.shelf import Choose, R, Shelf

SMALL = 2**16
"""Bytes that are read along with their row."""
LOOKS = 2
"""Times that bytes are looked for: what was pieces, or a row, may have become a file in between, and does so once."""
ATTEMPTS = 4
"""Times that an object is looked up anew when it is replaced between its row and its bytes."""


class Reading(Shelf):
    """What `Own` does without changing anything."""

    def __init__(self, database: Database, blobs: Blobs, sealing: Sealing | None) -> None:
        self._database = database
        self._blobs = blobs
        self._sealing = sealing
        self.files = Files(database, blobs)

    async def head(self, bucket: str, key: str, version: str | None) -> Entry:
        if version is None and (row := await self._database.look(entries.GET, entries.here(bucket, key))) is not None:
            return Entry(*row)
        return await self._database.read(lambda connection: entries.named(connection, bucket, key, version))

    async def heads(self, places: Sequence[tuple[str, str]]) -> list[Entry]:
        """As `head`, of many buckets and keys on one snapshot."""
        return await self._database.read(lambda connection: [entries.find(connection, *place) for place in places])

    async def list(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        def read(connection: Connection) -> Listing[Entry]:
            entries.require(connection, bucket)
            return entries.page(connection, bucket, prefix, delimiter, after, limit)

        return await self._database.read(read)

    async def versions(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
    ) -> Listing[Version]:
        def read(connection: Connection) -> Listing[Version]:
            entries.require(connection, bucket)
            return history.page(connection, bucket, prefix, delimiter, after, limit)

        return await self._database.read(read)

    async def open(self, entry: Entry, start: int, end: int, customer: bytes | None) -> Content:
        seal = await self.seal_of(entry, customer)
        if entry.size > INLINE:
            with suppress(FileNotFoundError):
                return await self._blobs.open(entry.blob, start, end, seal)
        for _ in range(LOOKS):
            data, pieces = await self._database.read(
                lambda connection: (_inline(connection, entry), references.spans(connection, entry.blob))
            )
            with suppress(FileNotFoundError):
                if data is not None:
                    return _plain(entry, data, seal)[start:end]
                if pieces:
                    return await self._blobs.open_spans(references.cut(pieces, start, end), seal)
                return await self._blobs.open(entry.blob, start, end, seal)
        raise NoObject(entry.bucket, entry.key)

    async def seal_of(self, entry: Entry, customer: bytes | None = None) -> Seal | None:
        """What opens an object's bytes, None where they are plain; `NeedsKey` or `NoKey` where nothing does."""
        if not is_sealed(entry.blob):
            return None
        return await self._database.read(lambda connection: self._seal_of(connection, entry, customer))

    def _seal_of(self, connection: Connection, entry: Entry, customer: bytes | None) -> Seal | None:
        if not is_sealed(entry.blob):
            return None
        found = entry if entry.doc else entries.find(connection, entry.bucket, entry.key)  # it may come from a listing
        if found.blob != entry.blob:
            raise NoObject(entry.bucket, entry.key)
        try:
            return self.sealer.of(connection, found.doc[sealing.MEMBER], customer)
        except NeedsKey as fault:
            raise NeedsKey(f"s3://{entry.bucket}/{entry.key} cannot be read. {fault.message}") from fault

    @property
    def sealer(self) -> Sealing:
        """Makes and finds data keys."""
        if self._sealing is None:
            raise RuntimeError("these objects were opened without keys")
        return self._sealing

    async def fetch(
        self, bucket: str, key: str, choose: Choose[R], version: str | None, customer: bytes | None
    ) -> tuple[R, Content]:
        if version is None and (quick := await self._quick(bucket, key, choose)) is not None:
            return quick
        for _ in range(ATTEMPTS):
            entry, start, end, chosen, found = await self._database.read(
                lambda connection: self._fetched(connection, bucket, key, choose, version, customer)
            )
            if found is not None:
                return chosen, found
            with suppress(NoObject):
                return chosen, await self.open(entry, start, end, customer)
        raise NoObject(bucket, key)

    async def _quick(self, bucket: str, key: str, choose: Choose[R]) -> tuple[R, bytes] | None:
        """As `fetch`, of a small object that lies in the database as it is; None for all others."""
        row = await self._database.look(entries.READ, entries.here(bucket, key))
        if row is None:
            return None
        entry, data = entries.read(row)
        if data is None or is_sealed(entry.blob):
            return None
        start, end, chosen = choose(entry)
        return chosen, _plain(entry, data, None)[start:end]

    def _fetched(
        self,
        connection: Connection,
        bucket: str,
        key: str,
        choose: Choose[R],
        version: str | None,
        customer: bytes | None,
    ) -> tuple[Entry, int, int, R, bytes | None]:
        entry = entries.named(connection, bucket, key, version)
        start, end, chosen = choose(entry)
        if end - start > SMALL:  # a disk that is slow must not keep the readers of rows
            return entry, start, end, chosen, None
        seal = self._seal_of(connection, entry, customer)
        if (data := _inline(connection, entry)) is not None:
            return entry, start, end, chosen, _plain(entry, data, seal)[start:end]
        with suppress(FileNotFoundError):
            return entry, start, end, chosen, self._blobs.opened(entry.blob, start, end, seal)[1]
        return entry, start, end, chosen, None

    async def file(self, entry: Entry) -> Path:
        if is_sealed(entry.blob):
            return await self._blobs.plain(entry.blob, chunks(await self.open(entry, 0, entry.size, None)))
        return await self.files.file(entry)


def _inline(connection: Connection, entry: Entry) -> bytes | None:
    """The bytes of a small object as they rest, None where they are not in a row."""
    return inlined.data(connection, entry.blob) if entry.size <= INLINE else None


def _plain(entry: Entry, data: bytes, seal: Seal | None) -> bytes:
    """The bytes that were written; `Damaged` where others rest, for a page of a database has no checksum."""
    if seal is not None:
        return seal.opened(entry.blob, data)
    if md5(data, usedforsecurity=False).hexdigest() != entry.etag:
        raise Damaged(f"the bytes of s3://{entry.bucket}/{entry.key} are not those that were written")
    return data
