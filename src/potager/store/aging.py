"""Objects by their age: what lifecycle rules look through, and what they take away.

    aged, layered   keys worth a look, page by page, read beside live traffic
    Chain           all that is kept of one key
    Aging.apply     looks at some keys once more inside a transaction, and does what is decided there

What is decided about a key is decided inside the transaction that does it, so that a write in between is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, select

from potager.store import entries, references, schema
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.entries import Entry
from potager.store.keys import successor
from potager.store.multipart import Upload
from potager.store.objects import Objects

_t, _v, _u = schema.objects, schema.versions, schema.uploads


@dataclass(frozen=True, slots=True)
class Chain:
    """One key's current object, None where there is none, and its other versions and delete markers, youngest first."""

    current: Entry | None
    older: list[Entry] = field(default_factory=list[Entry])


Decide = Callable[[Chain], Sequence[Entry]]
"""What of a key is to go; the current object goes as by a DELETE, anything else for good."""


class Aging:
    """Looks through buckets for what is old."""

    def __init__(self, database: Database, blobs: Blobs, objects: Objects) -> None:
        self._database = database
        self._objects = objects
        self._blobs = blobs

    async def aged(self, bucket: str, prefix: str, before: float, after: str, limit: int) -> list[str]:
        """Keys that follow `after` whose object was written up to `before`, in order."""
        here = [*_under(_t.c.bucket, _t.c.key, bucket, prefix), _t.c.key > after, _t.c.modified <= before]
        query = select(_t.c.key).where(*here).order_by(_t.c.key).limit(limit)
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def layered(self, bucket: str, prefix: str, after: str, limit: int) -> list[str]:
        """Keys that follow `after` of which there is more than a current object, in order."""
        here = [*_under(_v.c.bucket, _v.c.key, bucket, prefix), _v.c.key > after]
        query = select(_v.c.key).where(*here).group_by(_v.c.key).order_by(_v.c.key).limit(limit)
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def uploads(self, bucket: str, before: float) -> list[Upload]:
        """The uploads under way that were begun up to `before`."""
        columns = [_u.c[name] for name in ("id", "bucket", "key", "initiated", "doc")]
        query = select(*columns).where(_u.c.bucket == bucket, _u.c.initiated <= before)
        return await self._database.read(lambda connection: [Upload(*row) for row in connection.execute(query)])

    async def apply(self, bucket: str, keys: Sequence[str], decide: Decide) -> int:
        """Takes away what `decide` says of each key, in one transaction; how much that was.

        Keys of which nothing is to go do not trouble the writer.
        """

        def read(connection: Connection) -> list[str]:
            return [key for key in keys if decide(chain(connection, bucket, key))]

        def write(connection: Connection) -> tuple[int, list[str]]:
            done, freed = 0, list[str]()
            for key in wanted:
                for doomed in decide(chain(connection, bucket, key)):
                    marker, blobs = _take(connection, doomed)
                    event = "LifecycleExpiration:DeleteMarkerCreated" if marker else "LifecycleExpiration:Delete"
                    note(connection, event, marker or doomed)
                    freed += blobs
                    done += 1
            return done, references.released(connection, freed)

        wanted, note = await self._database.read(read), await self._objects.noting(bucket)
        if not wanted:
            return 0
        done, freed = await self._database.write(write)
        self._blobs.discard(freed)
        return done


def chain(connection: Connection, bucket: str, key: str) -> Chain:
    """All that is kept of a key."""
    return Chain(entries.get(connection, bucket, key), entries.older(connection, bucket, key))


def _take(connection: Connection, doomed: Entry) -> tuple[Entry | None, list[str]]:
    """Takes one away; the delete marker that came of it, and the blobs that lost a name."""
    current = entries.get(connection, doomed.bucket, doomed.key)
    if current is not None and current.sequence == doomed.sequence:
        return entries.remove(connection, doomed.bucket, doomed.key)
    return None, entries.remove_version(connection, doomed.bucket, doomed.key, doomed.version)[1]


def _under(bucket: ColumnElement[str], key: ColumnElement[str], name: str, prefix: str) -> list[ColumnElement[bool]]:
    under = [bucket == name]
    if prefix:
        under.append(key >= prefix)
        if end := successor(prefix):
            under.append(key < end)
    return under
