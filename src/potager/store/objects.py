"""Buckets and objects: rows that name blobs. What S3, jobs and endpoints keep their data in.

    put        blob written ─► row committed ─► visible; the blob that it replaces is unlinked after the commit
    copy       a second row names the same blob
    multipart  the parts are written into one file, which becomes the object's blob (`uploads.py`, `sites.py`); else the
               blob is made of the parts' pieces, until `file` is asked for
    sealed     the blob's bytes are encrypted where the request or the bucket asks for it (`sealing.py`, `seals.py`)

A small object's bytes lie in the database as well (`inlined.py`), and become a file when `file` is asked for.

A bucket's name is global to the server; the bucket belongs to an account and a region.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import md5
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import Connection, delete, insert, select, update

from potager.kernel import clock
from potager.kernel.errors import Exists, InUse, Unserved
from potager.kernel.names import Scope
from potager.store import entries, history, inlined, references, schema, sealing, sweep
from potager.store.blobs import INLINE, Blob, Blobs, Content, Span
from potager.store.database import Database, inserting
from potager.store.entries import NULL, Check, Entry, IsMarker, NoBucket, NoObject, Note, NoVersion
from potager.store.history import Version
from potager.store.keys import Listing
from potager.store.mounts import Mount, chunks
from potager.store.mounts.declared import Mounts
from potager.store.sealing import NeedsKey, Sealing, Wish
from potager.store.seals import Damaged, Seal, is_sealed
from potager.store.uploads import Part, Upload, Uploads, forget

__all__ = [
    "NULL",
    "Bucket",
    "Check",
    "Entry",
    "IsMarker",
    "Listing",
    "NoBucket",
    "NoObject",
    "NoVersion",
    "Objects",
    "Version",
]

R = TypeVar("R")

SMALL = 2**16
"""Bytes that are read along with their row."""
TOGETHER = 500
"""Small objects that become files in one transaction."""
ATTEMPTS = 4
"""Times that an object is looked up anew when it is replaced between its row and its bytes."""

MOUNTED = "_mount"
"""In the document of a bucket that is mounted: what it is mounted from."""

log = logging.getLogger(__name__)

_buckets = schema.buckets
_BUCKET = ("name", "account", "region", "created", "versioning", "doc")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket.

    Parameters
    ----------
    created : seconds since 1970.
    versioning : `Enabled`, `Suspended`, or None where versions were never kept.
    doc : what it is configured to do, by the names of S3's sub-resources (`Policy`, `CORSConfiguration` ...).
    """

    name: str
    account: str
    region: str
    created: float
    versioning: str | None = None
    doc: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Objects:
    """The buckets and objects of the house.

    `uploads` holds the multipart uploads under way. `start` begins the sweep of what a killed server left. What buckets
    are is kept in memory: the lock on the data folder sees to it that nobody else changes them.
    """

    def __init__(
        self, database: Database, blobs: Blobs, mounts: Mounts | None = None, sealing: Sealing | None = None
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._mounts = mounts
        self._sealing = sealing
        blobs.before_unlinking = database.sync
        self._sweep: asyncio.Task[int] | None = None
        self._joining: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Held while a blob's file is put together; there as long as somebody holds it or waits for it."""
        self._laying = asyncio.Lock()
        self._known: dict[str, Bucket] = {}
        """Buckets that were read or written by this server, as they are."""
        self._changing = asyncio.Lock()
        self.observe: Callable[[Bucket], Note | None] = lambda bucket: None
        """Gives what tells of changes in a bucket, as the request under way makes them; None where nothing does."""
        self.uploads = Uploads(database, blobs, sealing)
        self.uploads.noting = self.noting

    def start(self) -> None:
        """Sweeps orphans in the background, once."""
        self._sweep = asyncio.get_running_loop().create_task(sweep.sweep(self._database, self._blobs), name="sweep")

    async def close(self) -> None:
        """Stops the sweep; the next start does it anew."""
        if self._sweep:
            self._sweep.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweep

    async def mount(self, bucket: str) -> Mount | None:
        """What a bucket is mounted from; None for one of our own, or none at all."""
        if self._mounts is None:
            return None
        if (mounts := self._mounts.changed()) is not None:
            self._mounts.take({name: mount for name, mount in mounts.items() if await self._hung(name, mount)})
            for stale in await self._all(None):
                if MOUNTED in stale.doc and self._mounts.get(stale.name) is None:
                    await self.delete_bucket(stale.name)
        return self._mounts.get(bucket)

    async def _hung(self, name: str, mount: Mount) -> bool:
        """Whether a mount has the bucket of its name, which is made where there is none."""
        scope = self._mounts.scope if self._mounts else Scope("", "")
        try:
            await self.create_bucket(name, scope, {MOUNTED: mount.where})
        except Exists:
            own = await self.configure(name, lambda bucket: bucket)
            if MOUNTED not in own.doc:
                log.error("%s is not mounted: there is a bucket '%s' already. Choose another name.", mount.where, name)
                return False
        return True

    async def create_bucket(self, name: str, scope: Scope, doc: Mapping[str, Any] | None = None) -> Bucket:
        """A new bucket; `Exists` when the name is taken, by whomever."""
        bucket = Bucket(name, scope.account, scope.region, clock.now(), None, dict(doc or {}))

        def write(connection: Connection) -> None:
            with inserting(connection, f"The bucket '{name}' exists already. Choose another name."):
                connection.execute(insert(_buckets), {key: getattr(bucket, key) for key in _BUCKET})

        async with self._changing:
            await self._database.write(write)
            self._known[name] = bucket
        return bucket

    async def bucket(self, name: str) -> Bucket:
        """The bucket of that name; `NoBucket` when there is none."""
        await self.mount(name)
        found = self._known.get(name)
        if found is None:
            async with self._changing:
                found = await self._database.read(lambda connection: _found(connection, name))
                self._known[name] = found
        return found

    async def buckets(self, account: str | None = None) -> list[Bucket]:
        """The buckets of an account in all regions, or of all accounts, by name."""
        await self.mount("")
        return await self._all(account)

    async def _all(self, account: str | None) -> list[Bucket]:
        query = select(_buckets).order_by(_buckets.c.name)
        query = query if account is None else query.where(_buckets.c.account == account)
        return await self._database.read(lambda connection: [Bucket(*row) for row in connection.execute(query)])

    async def configure(self, name: str, change: Callable[[Bucket], Bucket]) -> Bucket:
        """Has a bucket do otherwise: `change` gets it and gives it with another `versioning` or `doc`; it may raise."""

        def write(connection: Connection) -> Bucket:
            bucket = change(_found(connection, name))
            values = {"versioning": bucket.versioning, "doc": dict(bucket.doc)}
            connection.execute(update(_buckets).where(_buckets.c.name == name).values(values))
            return bucket

        async with self._changing:
            self._known.pop(name, None)
            bucket = await self._database.write(write)
            self._known[name] = bucket
        return bucket

    async def delete_bucket(self, name: str) -> None:
        """Deletes an empty bucket and the uploads under way in it; `InUse` when it holds objects or versions."""
        if (mount := await self.mount(name)) is not None:
            raise InUse(f"The bucket '{name}' is {mount.where}. `potager unmount {name}` takes it away.")

        def write(connection: Connection) -> list[str]:
            entries.require(connection, name)
            if entries.holds(connection, name):
                raise InUse(f"The bucket '{name}' is not empty. Delete its objects and their versions first.")
            freed = forget(connection, schema.uploads.c.bucket == name)
            connection.execute(delete(_buckets).where(_buckets.c.name == name))
            return references.released(connection, freed)

        async with self._changing:
            self._known.pop(name, None)
            await self._freeing(write)

    async def seal(self, bucket: str, key: str, wish: Wish | None = None) -> Seal | None:
        """A fresh seal for an object: as is wished for, else as its bucket has it by default; None for a plain one.

        `NoBucket`, or `NoKey` for a KMS key that cannot be used.
        """
        there = await self.bucket(bucket)
        wish = wish or sealing.default(there.doc.get(sealing.CONFIGURATION))
        if wish is None:
            return None
        if (mount := await self.mount(bucket)) is not None:
            raise Unserved(
                f"The bucket '{bucket}' is {mount.where}, mounted: nothing is encrypted there. Do not ask it."
            )
        return await self._sealer.seal(wish, (Scope(there.account, there.region), bucket, key))

    async def resealed(self, seal: Seal, bucket: str, key: str, wish: Wish) -> Seal:
        """The seal of an object, for a copy of it in that place under another key."""
        there = await self.bucket(bucket)
        return await self._sealer.wrapped(seal.key, wish, (Scope(there.account, there.region), bucket, key))

    async def write(
        self,
        bucket: str,
        key: str,
        chunks: AsyncIterator[bytes] | bytes,
        *,
        digests: Sequence[str] = ("md5",),
        wish: Wish | None = None,
        inline: bool = True,
    ) -> Blob:
        """Bytes for an object to be, as a blob that is sealed where that is wished for or the bucket's default.

        Whoever writes an object's bytes does it here. `NoBucket`, and what `seal` and `Blobs.write` raise.
        """
        seal = await self.seal(bucket, key, wish)
        return await self._blobs.write(chunks, digests=digests, seal=seal, inline=inline)

    async def keep(
        self,
        bucket: str,
        key: str,
        chunks: AsyncIterator[bytes] | bytes,
        *,
        content_type: str = "binary/octet-stream",
        doc: Mapping[str, Any] | None = None,
        wish: Wish | None = None,
    ) -> Entry:
        """Makes bytes an object: `write` and `put`."""
        blob = await self.write(bucket, key, chunks, wish=wish)
        return await self.put(bucket, key, blob, content_type=content_type, doc=doc)

    async def noting(self, bucket: str) -> Note:
        """What tells of changes in a bucket."""
        try:
            return self.observe(self._known.get(bucket) or await self.bucket(bucket)) or entries.silent
        except NoBucket:
            return entries.silent

    async def put(
        self,
        bucket: str,
        key: str,
        blob: Blob,
        *,
        content_type: str = "binary/octet-stream",
        doc: Mapping[str, Any] | None = None,
        checksum: str | None = None,
        check: Check | None = None,
    ) -> Entry:
        """Makes a blob that was just written an object, in the place of one that was there.

        The blob is removed when this fails. Its ETag is its MD5, so `blobs.write` must have computed that.
        """
        plain = {name: value for name, value in (doc or {}).items() if name != sealing.MEMBER}
        described = {"ContentType": content_type, **plain, **sealing.member(blob.seal)}
        etag = blob.digests["md5"].hex()
        entry = Entry(bucket, key, blob.id, blob.size, etag, clock.now(), checksum, described)
        try:
            mount, note = await self.mount(bucket), await self.noting(bucket)
        except BaseException:
            self._discard(blob)
            raise
        if mount is not None:
            try:
                content = blob.data if blob.data is not None else await self._blobs.open(blob.id)
                return await mount.put(entry, content, check)
            finally:
                self._discard(blob)

        def write(connection: Connection) -> tuple[Entry, list[str]]:
            current, freed = entries.put(connection, entry, check)
            note(connection, "ObjectCreated:Put", current)
            if blob.data is not None:
                inlined.keep(connection, blob.id, blob.data)
            return current, references.released(connection, freed)

        try:
            entry, freed = await self._database.write(write)
        except Exception:  # a task that is cancelled does not know whether it was made: the next sweep looks
            self._discard(blob)
            raise
        self._blobs.discard(freed)
        return entry

    def _discard(self, blob: Blob) -> None:
        """Removes what was just written, where it is a file."""
        if blob.data is None:
            self._blobs.discard([blob.id])

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        change: Callable[[Entry], Entry] = lambda entry: entry,
        check: Check | None = None,
        version: str | None = None,
        *,
        wish: Wish | None = None,
        customer: bytes | None = None,
    ) -> Entry:
        """Gives a bucket and key the bytes of another, or of itself; `change` may raise, or describe the copy anew.

        `version` says which one of the source's: an id or `NULL`, the current one without. What `change` makes of the
        blob and its seal is taken as it is; where a bucket is mounted, `wish` and the source's `customer` key hold.
        """
        if await self.mount(source[0]) is not None or await self.mount(target[0]) is not None:
            return await self._copy_through((*source, version), target, change, check, wish, customer)

        note = await self.noting(target[0])

        def write(connection: Connection) -> tuple[Entry, list[str]]:
            found = change(entries.named(connection, *source, version))
            wanted = replace(found, bucket=target[0], key=target[1], modified=clock.now())
            entry, freed = entries.put(connection, wanted, check)
            note(connection, "ObjectCreated:Copy", entry)
            return entry, references.released(connection, freed)

        entry, freed = await self._database.write(write)
        self._blobs.discard(freed)
        return entry

    async def _copy_through(
        self,
        source: tuple[str, str, str | None],
        target: tuple[str, str],
        change: Callable[[Entry], Entry],
        check: Check | None,
        wish: Wish | None,
        customer: bytes | None,
    ) -> Entry:
        """A copy that reads the bytes and writes them: one of the buckets is mounted."""
        found = await self.head(*source)
        wanted = replace(change(found), bucket=target[0], key=target[1], parts=None)
        blob = await self.write(*target, chunks(await self.open(found, customer=customer)), wish=wish)
        return await self.put(*target, blob, doc=wanted.doc, checksum=wanted.checksum, check=check)

    async def complete(
        self,
        upload: Upload,
        finish: Callable[[Mapping[int, Part]], tuple[list[Part], Entry]],
        check: Check | None = None,
    ) -> Entry:
        """As `Uploads.complete`, also for a bucket that is mounted: its parts are put there as one object."""
        if (mount := await self.mount(upload.bucket)) is None:
            return await self.uploads.complete(upload, finish, check)
        entry, spans = await self.uploads.gathered(upload, finish)
        kept = await mount.put(replace(entry, parts=None), await self._blobs.open_spans(spans), check)
        await self.uploads.abort(upload)
        return kept

    async def head(self, bucket: str, key: str, version: str | None = None) -> Entry:
        """What is known of an object, or of a version by its id or `NULL`.

        `NoBucket`, `NoObject` or `NoVersion` when it is not there, `IsMarker` when the version is a delete marker.
        """
        if (mount := await self.mount(bucket)) is not None:
            if version not in (None, NULL):
                raise NoVersion(bucket, key, version)
            return await mount.head(key)
        if version is None and (row := await self._database.look(entries.GET, entries.here(bucket, key))) is not None:
            return Entry(*row)
        return await self._database.read(lambda connection: entries.named(connection, bucket, key, version))

    async def describe(
        self,
        bucket: str,
        key: str,
        version: str | None,
        change: Callable[[Entry], Entry],
        event: str | None = None,
    ) -> Entry:
        """Writes another `doc` for an object or version, in place: `change` gets it and gives it with that.

        `event` is what S3 calls it, such as `ObjectTagging:Put`; None where it is nobody's business.
        """
        note = await self.noting(bucket)

        def write(connection: Connection) -> Entry:
            entry = change(entries.named(connection, bucket, key, version))
            entries.describe(connection, entry)
            if event is not None:
                note(connection, event, entry)
            return entry

        return await self._database.write(write)

    async def heads(self, places: Sequence[tuple[str, str]]) -> list[Entry]:
        """As `head`, of many buckets and keys in one go."""
        if any([await self.mount(bucket) for bucket in {bucket for bucket, _ in places}]):
            return [await self.head(*place) for place in places]
        return await self._database.read(lambda connection: [entries.find(connection, *place) for place in places])

    async def delete(self, bucket: str, keys: Sequence[str], check: Check | None = None) -> list[Entry | None]:
        """Deletes a thousand objects at most, in one transaction; keys that are not there are passed over.

        `NoBucket` when the bucket is not there. The delete marker of each, None where the bucket keeps no versions.
        """
        if (mount := await self.mount(bucket)) is not None:
            await mount.delete(keys, check)
            return [None] * len(keys)

        note = await self.noting(bucket)

        def write(connection: Connection) -> tuple[list[Entry | None], list[str]]:
            if check is None and (gone := entries.remove_all(connection, bucket, keys)) is not None:
                for key in gone:
                    note(connection, "ObjectRemoved:Delete", Entry(bucket, key, "", 0, "", clock.now()))
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
                    note(connection, "ObjectRemoved:Delete", Entry(bucket, key, "", 0, "", clock.now()))
                markers.append(marker)
                freed += blobs
            return markers, references.released(connection, freed)

        markers, freed = await self._database.write(write)
        self._blobs.discard(freed)
        return markers

    async def delete_version(self, bucket: str, key: str, version: str, check: Check | None = None) -> Entry | None:
        """Deletes one version for good, by its id or `NULL`; that version, None when it was not there.

        What was current before takes the place of a current object, or of a delete marker above it.
        """
        which = None if version == NULL else version
        if (mount := await self.mount(bucket)) is not None:
            if which is None:
                await mount.delete([key], check)
            return None

        note = await self.noting(bucket)

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

    async def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing[Entry]:
        """A page of objects in the order of their keys, folded at the delimiter; `NoBucket` without the bucket."""
        if (mount := await self.mount(bucket)) is not None:
            return await mount.list(prefix, delimiter, after, limit)

        def read(connection: Connection) -> Listing[Entry]:
            entries.require(connection, bucket)
            return entries.page(connection, bucket, prefix, delimiter, after, limit)

        return await self._database.read(read)

    async def versions(
        self,
        bucket: str,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str | None] = ("", None),
        limit: int = 1000,
    ) -> Listing[Version]:
        """A page of versions and delete markers, by key and the youngest first, folded at the delimiter.

        `after` is a key, and the id of one of its versions: what follows that one; None for what follows the key.
        """
        if (mount := await self.mount(bucket)) is not None:
            listed = await mount.list(prefix, delimiter, after[0], limit)
            return Listing([Version(entry, latest=True) for entry in listed.entries], listed.prefixes, listed.after)

        def read(connection: Connection) -> Listing[Version]:
            entries.require(connection, bucket)
            return history.page(connection, bucket, prefix, delimiter, after, limit)

        return await self._database.read(read)

    async def walk(self, bucket: str, prefix: str = "") -> AsyncIterator[Entry]:
        """Every object under a prefix, in the order of their keys; `NoBucket` without the bucket."""
        after: str | None = ""
        while after is not None:
            page = await self.list(bucket, prefix, after=after)
            for entry in page.entries:
                yield entry
            after = page.after

    async def read(
        self, entry: Entry, start: int = 0, end: int | None = None, customer: bytes | None = None
    ) -> AsyncIterator[bytes]:
        """An object's bytes from `start` up to and without `end`, chunk by chunk; `NoObject` when they are gone."""
        content = await self.open(entry, start, end, customer)
        if isinstance(content, bytes):
            yield content
            return
        async for chunk in content:
            yield chunk

    async def open(
        self, entry: Entry, start: int = 0, end: int | None = None, customer: bytes | None = None
    ) -> Content:
        """As `read`, but begun: on return the bytes are held, whoever deletes the object while they are read.

        Bytes where one chunk is all. `NoObject` when they are gone, because the object was deleted or replaced since
        `entry` was read; `NeedsKey` or `NoKey` where they are sealed and cannot be opened.

        customer : the key that a customer gave for them.
        """
        end = entry.size if end is None else min(end, entry.size)
        if (mount := await self.mount(entry.bucket)) is not None:
            return await mount.open(entry, start, end)
        seal = await self.seal_of(entry, customer)
        if entry.size > INLINE:
            with suppress(FileNotFoundError):
                return await self._blobs.open(entry.blob, start, end, seal)
        data, pieces = await self._database.read(
            lambda connection: (_inline(connection, entry), references.spans(connection, entry.blob))
        )
        try:
            if data is not None:
                return _plain(entry, data, seal)[start:end]
            if pieces:
                return await self._blobs.open_spans(references.cut(pieces, start, end), seal)
            return await self._blobs.open(entry.blob, start, end, seal)  # put together between the two looks, or gone
        except FileNotFoundError as error:
            raise NoObject(entry.bucket, entry.key) from error

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
            return self._sealer.of(connection, found.doc[sealing.MEMBER], customer)
        except NeedsKey as fault:
            raise NeedsKey(f"s3://{entry.bucket}/{entry.key} cannot be read. {fault.message}") from fault

    @property
    def _sealer(self) -> Sealing:
        if self._sealing is None:
            raise RuntimeError("these objects were opened without keys")
        return self._sealing

    async def fetch(
        self,
        bucket: str,
        key: str,
        choose: Callable[[Entry], tuple[int, int, R]],
        version: str | None = None,
        customer: bytes | None = None,
    ) -> tuple[R, Content]:
        """Looks an object or a version up and begins to read it, in one go where it is small.

        `choose` gets the object and gives its first byte, the one after the last, and whatever the caller wants back;
        it may raise. An object that is replaced between its row and its bytes is looked up anew.
        """
        if await self.mount(bucket) is not None:
            entry = await self.head(bucket, key, version)
            start, end, chosen = choose(entry)
            return chosen, await self.open(entry, start, end)
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

    async def _quick(
        self, bucket: str, key: str, choose: Callable[[Entry], tuple[int, int, R]]
    ) -> tuple[R, bytes] | None:
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
        choose: Callable[[Entry], tuple[int, int, R]],
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
        """An object as one immutable file, to read or to link to; `NoObject` when it is gone meanwhile.

        The pieces of a multipart upload are put together the first time, for good. What is mounted may change all the
        same, and is copied or linked to at once. A sealed object is written out in plain, for the one who asks: hold on
        to the very path that is given until the file is open or linked to, for its name goes with it (`Blobs.plain`),
        and have the links end with whom they are for. `NeedsKey` or `NoKey` where it cannot be opened.
        """
        if (mount := await self.mount(entry.bucket)) is not None:
            return await mount.file(entry)
        if is_sealed(entry.blob):
            return await self._blobs.plain(entry.blob, self.read(entry))
        path = self._blobs.path(entry.blob)
        if self._blobs.has(entry.blob):
            return path
        if entry.size <= INLINE:
            await self._lay_down([entry.blob])
        async with self._joining.setdefault(entry.blob, asyncio.Lock()):
            return await self._join(entry, path)

    async def files(self, wanted: Sequence[Entry]) -> list[Path]:
        """As `file`, of many objects; small ones become files together."""
        small = list(dict.fromkeys(each.blob for each in wanted if each.size <= INLINE and not is_sealed(each.blob)))
        for at in range(0, len(small), TOGETHER):
            await self._lay_down(small[at : at + TOGETHER])
        return [await self.file(entry) for entry in wanted]

    async def _lay_down(self, blobs: Sequence[str]) -> None:
        """Makes files of those blobs that are rows, in one transaction."""
        async with self._laying:
            missing = await self._blobs.run(lambda: [blob for blob in blobs if not self._blobs.has(blob)])
            data = await self._database.read(lambda connection: inlined.every(connection, missing))
            if data:
                await self._blobs.lay_down(data)
                await self._freeing(lambda connection: references.laid_down(connection, list(data)))

    async def _join(self, entry: Entry, path: Path) -> Path:
        if self._blobs.has(entry.blob):
            return path
        pieces = await self._pieces(entry)
        if not pieces and not self._blobs.has(entry.blob):
            raise NoObject(entry.bucket, entry.key)
        with self._blobs.holding(pieces):
            try:
                await self._blobs.concatenate(entry.blob, pieces)
            except FileNotFoundError as error:
                raise NoObject(entry.bucket, entry.key) from error
        await self._freeing(lambda connection: references.settle(connection, entry.blob))
        return path

    async def _pieces(self, entry: Entry) -> list[Span]:
        return await self._database.read(lambda connection: references.spans(connection, entry.blob))

    async def _freeing(self, write: Callable[[Connection], Sequence[str]]) -> None:
        """Commits a change, then removes the files that it gives as needed no more."""
        self._blobs.discard(await self._database.write(write))


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


def _found(connection: Connection, name: str) -> Bucket:
    found = connection.execute(select(_buckets).where(_buckets.c.name == name)).first()
    if found is None:
        raise NoBucket(name)
    return Bucket(*found)
