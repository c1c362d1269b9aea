"""The shelf of our own: objects are rows that name blobs.

    put        blob written ─► row committed ─► visible; the blob that it replaces is unlinked after the commit
    copy       a second row names the same blob
    multipart  the parts are written into one file, which becomes the object's blob (`uploads.py`, `sites.py`); else the
               blob is made of the parts' pieces, until `file` is asked for

A small object's bytes lie in the database as well (`inlined.py`), and become a file when `file` is asked for.
What happened is written down in the transaction that does it (`Note`), and files go once it is committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from potager.kernel import clock
from potager.store import entries, inlined, references
from potager.store.blobs import Blob, Blobs
from potager.store.database import Database
from potager.store.entries import NULL, Check, Entry, Note
from potager.store.reading import Reading
from potager.store.sealing import Sealing
from potager.store.shelf import Finish
from potager.store.uploads import Upload, Uploads


class Own(Reading):
    """The objects of all buckets that are not mounted.

    Parameters
    ----------
    noting : what tells of changes in a bucket.
    """

    def __init__(
        self, database: Database, blobs: Blobs, sealing: Sealing | None, noting: Callable[[str], Awaitable[Note]]
    ) -> None:
        super().__init__(database, blobs, sealing)
        self.uploads = Uploads(database, blobs, sealing)
        self.uploads.noting = self._noting = noting

    async def put(self, entry: Entry, blob: Blob, check: Check | None) -> Entry:
        try:
            note = await self._noting(entry.bucket)
        except BaseException:
            self._blobs.drop(blob)
            raise

        def write(connection: Connection) -> tuple[Entry, list[str]]:
            current, freed = entries.put(connection, entry, check)
            note(connection, "ObjectCreated:Put", current)
            if blob.data is not None:
                inlined.keep(connection, blob.id, blob.data)
            return current, references.released(connection, freed)

        try:
            current, freed = await self._database.write(write, brief=True)
        except Exception:  # a task that is cancelled does not know whether it was made: the next sweep looks
            self._blobs.drop(blob)
            raise
        self._blobs.discard(freed)
        return current

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        change: Callable[[Entry], Entry],
        check: Check | None,
        version: str | None,
    ) -> Entry:
        """Gives a bucket and key the bytes of another, or of itself, as `change` makes of them."""
        note = await self._noting(target[0])

        def write(connection: Connection) -> tuple[Entry, list[str]]:
            found = change(entries.named(connection, *source, version))
            wanted = replace(found, bucket=target[0], key=target[1], modified=clock.now())
            entry, freed = entries.put(connection, wanted, check)
            note(connection, "ObjectCreated:Copy", entry)
            return entry, references.released(connection, freed)

        entry, freed = await self._database.write(write)
        self._blobs.discard(freed)
        return entry

    async def complete(self, upload: Upload, finish: Finish, check: Check | None) -> Entry:
        return await self.uploads.complete(upload, finish, check)

    async def describe(
        self, bucket: str, key: str, version: str | None, change: Callable[[Entry], Entry], event: str | None
    ) -> Entry:
        """Writes another `doc` for an object or version, in place."""
        note = await self._noting(bucket)

        def write(connection: Connection) -> Entry:
            entry = change(entries.named(connection, bucket, key, version))
            entries.describe(connection, entry)
            if event is not None:
                note(connection, event, entry)
            return entry

        return await self._database.write(write)

    async def delete(self, bucket: str, keys: Sequence[str], check: Check | None) -> list[Entry | None]:
        note = await self._noting(bucket)

        def write(connection: Connection) -> tuple[list[Entry | None], list[str]]:
            if check is None and (gone := entries.remove_all(connection, bucket, keys)) is not None:
                for key in gone:
                    note(connection, "ObjectRemoved:Delete", _gone(bucket, key))
                return [None] * len(keys), references.released(connection, gone.values())
            entries.require(connection, bucket)
            markers: list[Entry | None] = []
            freed: list[str] = []
            for key in keys:
                if check is not None:
                    check(entries.get(connection, bucket, key))
                marker, blobs = entries.remove(connection, bucket, key)
                if marker is not None:
                    note(connection, "ObjectRemoved:DeleteMarkerCreated", marker)
                elif blobs:
                    note(connection, "ObjectRemoved:Delete", _gone(bucket, key))
                markers.append(marker)
                freed += blobs
            return markers, references.released(connection, freed)

        markers, freed = await self._database.write(write, brief=len(keys) == 1)
        self._blobs.discard(freed)
        return markers

    async def delete_version(self, bucket: str, key: str, version: str, check: Check | None) -> Entry | None:
        note, which = await self._noting(bucket), None if version == NULL else version

        def write(connection: Connection) -> tuple[Entry | None, list[str]]:
            if check is not None:
                found = entries.get_version(connection, bucket, key, which)
                check(None if found is None or found.marker else found)
            entry, freed = entries.remove_version(connection, bucket, key, which)
            if entry is not None:
                note(connection, "ObjectRemoved:Delete", entry)
            return entry, references.released(connection, freed)

        entry, freed = await self._database.write(write)
        self._blobs.discard(freed)
        return entry


def _gone(bucket: str, key: str) -> Entry:
    """What is told of an object that is no more."""
    return Entry(bucket, key, "", 0, "", clock.now())
