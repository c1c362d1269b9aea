"""Buckets and objects: what S3, jobs and endpoints keep their data in.

Objects ─► Buckets   what buckets there are, and what they are configured to do (`buckets.py`)
        ─► Shelf     where a bucket's objects lie: in rows and blobs (`own.py`), or mounted (`mounts/shelf.py`)
        ─► Uploads   multipart uploads under way (`uploads.py`)
        ─► Sealing   under which key bytes rest (`sealing.py`, `seals.py`)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from potager.kernel import clock
from potager.kernel.errors import Unserved
from potager.kernel.names import Scope
from potager.store import entries, sealing, sweep
from potager.store.blobs import Blob, Blobs, Content, chunks
from potager.store.buckets import Bucket, Buckets
from potager.store.database import Database
from potager.store.entries import NULL, Check, Entry, IsMarker, NoBucket, NoObject, Note, NoVersion
from potager.store.history import Version
from potager.store.keys import Listing
from potager.store.mounts import Mount
from potager.store.mounts.declared import Mounts
from potager.store.mounts.given import Given
from potager.store.mounts.shelf import Mounted
from potager.store.own import Own
from potager.store.sealing import Sealing, Wish
from potager.store.seals import Seal
from potager.store.shelf import Choose, Finish, R, Shelf
from potager.store.uploads import Upload

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


class Objects:
    """The buckets and objects of the house.

    `uploads` holds the multipart uploads under way. `start` begins the sweep of what a killed server left.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        mounts: Mounts | None = None,
        sealing: Sealing | None = None,
        given: Given | None = None,
    ) -> None:
        self._database = database
        self._blobs = blobs
        blobs.before_unlinking = database.sync
        self._sweep: asyncio.Task[int] | None = None
        self._buckets = Buckets(database, blobs, mounts, given)
        self._own = Own(database, blobs, sealing, self.noting)
        self.uploads = self._own.uploads
        self.observe: Callable[[Bucket], Note | None] = lambda bucket: None
        """Gives what tells of changes in a bucket, as the request under way makes them; None where nothing does."""

    def start(self) -> None:
        """Sweeps orphans in the background, once."""
        self._sweep = asyncio.get_running_loop().create_task(sweep.sweep(self._database, self._blobs), name="sweep")

    async def close(self) -> None:
        """Stops the sweep; the next start does it anew."""
        if self._sweep:
            self._sweep.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweep

    # Buckets

    async def mount(self, bucket: str) -> Mount | None:
        """What a bucket is mounted from; None for one of our own, or none at all."""
        return await self._buckets.mount(bucket)

    async def create_bucket(self, name: str, scope: Scope, doc: Mapping[str, Any] | None = None) -> Bucket:
        """A new bucket; `Exists` when the name is taken, by whomever."""
        return await self._buckets.create(name, scope, doc)

    async def bucket(self, name: str) -> Bucket:
        """The bucket of that name; `NoBucket` when there is none."""
        return await self._buckets.get(name)

    async def buckets(self, account: str | None = None) -> list[Bucket]:
        """The buckets of an account in all regions, or of all accounts, by name."""
        return await self._buckets.all(account)

    async def configure(self, name: str, change: Callable[[Bucket], Bucket]) -> Bucket:
        """Has a bucket do otherwise: `change` gets it and gives it with another `versioning` or `doc`; it may raise."""
        return await self._buckets.configure(name, change)

    async def delete_bucket(self, name: str) -> None:
        """Deletes an empty bucket and the uploads under way in it; `InUse` when it holds objects or versions."""
        await self._buckets.delete(name)

    async def noting(self, bucket: str) -> Note:
        """What tells of changes in a bucket."""
        try:
            return self.observe(await self._buckets.known(bucket)) or entries.silent
        except NoBucket:
            return entries.silent

    async def _shelf(self, bucket: str) -> Shelf:
        """Where the objects of a bucket lie."""
        mount = await self._buckets.mount(bucket)
        return self._own if mount is None else Mounted(mount, self._blobs, self.uploads)

    # Objects, written

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
        return await self._own.sealer.seal(wish, (Scope(there.account, there.region), bucket, key))

    async def resealed(self, seal: Seal, bucket: str, key: str, wish: Wish) -> Seal:
        """The seal of an object, for a copy of it in that place under another key."""
        there = await self.bucket(bucket)
        return await self._own.sealer.wrapped(seal.key, wish, (Scope(there.account, there.region), bucket, key))

    async def seal_of(self, entry: Entry, customer: bytes | None = None) -> Seal | None:
        """What opens an object's bytes, None where they are plain; `NeedsKey` or `NoKey` where nothing does."""
        return await self._own.seal_of(entry, customer)

    async def write(
        self,
        bucket: str,
        key: str,
        content: Content,
        *,
        digests: Sequence[str] = ("md5",),
        wish: Wish | None = None,
        inline: bool = True,
    ) -> Blob:
        """Bytes for an object to be, as a blob that is sealed where that is wished for or the bucket's default.

        Whoever writes an object's bytes does it here. `NoBucket`, and what `seal` and `Blobs.write` raise.
        """
        seal = await self.seal(bucket, key, wish)
        return await self._blobs.write(content, digests=digests, seal=seal, inline=inline)

    async def keep(
        self,
        bucket: str,
        key: str,
        content: Content,
        *,
        content_type: str = "binary/octet-stream",
        doc: Mapping[str, Any] | None = None,
        wish: Wish | None = None,
    ) -> Entry:
        """Makes bytes an object: `write` and `put`."""
        blob = await self.write(bucket, key, content, wish=wish)
        return await self.put(bucket, key, blob, content_type=content_type, doc=doc)

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
            shelf = await self._shelf(bucket)
        except BaseException:
            self._blobs.drop(blob)
            raise
        return await shelf.put(entry, blob, check)

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
        blob and its seal is taken as it is; where a bucket is mounted the bytes are read and written, and `wish` and
        the source's `customer` key hold.
        """
        if await self._are_own((source[0], target[0])):
            return await self._own.copy(source, target, change, check, version)
        found = await self.head(*source, version)
        wanted = replace(change(found), bucket=target[0], key=target[1], parts=None)
        blob = await self.write(*target, chunks(await self.open(found, customer=customer)), wish=wish)
        return await self.put(*target, blob, doc=wanted.doc, checksum=wanted.checksum, check=check)

    async def _are_own(self, buckets: Sequence[str]) -> bool:
        return all([await self._shelf(bucket) is self._own for bucket in buckets])

    async def complete(self, upload: Upload, finish: Finish, check: Check | None = None) -> Entry:
        """Makes parts an object and ends the upload, as `Uploads.complete` has it."""
        return await (await self._shelf(upload.bucket)).complete(upload, finish, check)

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
        return await self._own.describe(bucket, key, version, change, event)

    async def delete(self, bucket: str, keys: Sequence[str], check: Check | None = None) -> list[Entry | None]:
        """Deletes a thousand objects at most, in one transaction; keys that are not there are passed over.

        `NoBucket` when the bucket is not there. The delete marker of each, None where the bucket keeps no versions.
        """
        return await (await self._shelf(bucket)).delete(bucket, keys, check)

    async def delete_version(self, bucket: str, key: str, version: str, check: Check | None = None) -> Entry | None:
        """Deletes one version for good, by its id or `NULL`; that version, None when it was not there.

        What was current before takes the place of a current object, or of a delete marker above it.
        """
        return await (await self._shelf(bucket)).delete_version(bucket, key, version, check)

    # Objects, read

    async def head(self, bucket: str, key: str, version: str | None = None) -> Entry:
        """What is known of an object, or of a version by its id or `NULL`.

        `NoBucket`, `NoObject` or `NoVersion` when it is not there, `IsMarker` when the version is a delete marker.
        """
        return await (await self._shelf(bucket)).head(bucket, key, version)

    async def heads(self, places: Sequence[tuple[str, str]]) -> list[Entry]:
        """As `head`, of many buckets and keys in one go."""
        if await self._are_own(list({bucket for bucket, _ in places})):
            return await self._own.heads(places)
        return [await self.head(*place) for place in places]

    async def list(
        self, bucket: str, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000
    ) -> Listing[Entry]:
        """A page of objects in the order of their keys, folded at the delimiter; `NoBucket` without the bucket."""
        return await (await self._shelf(bucket)).list(bucket, prefix, delimiter, after, limit)

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
        return await (await self._shelf(bucket)).versions(bucket, prefix, delimiter, after, limit)

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
        async for chunk in chunks(await self.open(entry, start, end, customer)):
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
        return await (await self._shelf(entry.bucket)).open(entry, start, end, customer)

    async def fetch(
        self, bucket: str, key: str, choose: Choose[R], version: str | None = None, customer: bytes | None = None
    ) -> tuple[R, Content]:
        """Looks an object or a version up and begins to read it, in one go where it is small.

        `choose` gets the object and gives its first byte, the one after the last, and whatever the caller wants back;
        it may raise. An object that is replaced between its row and its bytes is looked up anew.
        """
        return await (await self._shelf(bucket)).fetch(bucket, key, choose, version, customer)

    async def file(self, entry: Entry) -> Path:
        """An object as one immutable file, to read or to link to; `NoObject` when it is gone meanwhile.

        The pieces of a multipart upload are put together the first time, for good. What is mounted may change all the
        same, and is copied or linked to at once. A sealed object is written out in plain, for the one who asks: hold on
        to the very path that is given until the file is open or linked to, for its name goes with it (`Blobs.plain`),
        and have the links end with whom they are for. `NeedsKey` or `NoKey` where it cannot be opened.
        """
        return await (await self._shelf(entry.bucket)).file(entry)

    async def files(self, wanted: Sequence[Entry]) -> list[Path]:
        """As `file`, of many objects; small ones become files together."""
        own = {bucket for bucket in {entry.bucket for entry in wanted} if await self._are_own([bucket])}
        there = await self._own.files.there([entry for entry in wanted if entry.bucket in own])
        return [
            self._blobs.path(entry.blob) if entry.blob in there and entry.bucket in own else await self.file(entry)
            for entry in wanted
        ]
