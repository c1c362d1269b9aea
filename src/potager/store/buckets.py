"""Buckets: rows that this server keeps in memory as well, for every request asks for one.

    get         from memory; the lock on the data folder sees to it that nobody else changes them
    configure   a change in one transaction; memory has it when it is committed
    mount       what a bucket is mounted from, whose row is made and taken away with the mount (`mounts/declared.py`)
    given       a bucket of AWS's own that clients count on: no row, so nobody's list has it (`mounts/given.py`)

A bucket's name is global to the server; the bucket belongs to an account and a region.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from potager.kernel import clock
from potager.kernel.errors import Exists, InUse, Unavailable
from potager.kernel.names import Scope
from potager.store import entries, references, schema
from potager.store.blobs import Blobs
from potager.store.database import Database, dumps, inserting
from potager.store.entries import NoBucket
from potager.store.mounts import Mount
from potager.store.mounts.declared import FILE, Mounts
from potager.store.mounts.given import ACCOUNT, Given
from potager.store.multipart import forget

MOUNTED = "_mount"
"""In the document of a bucket that is mounted: what it is mounted from."""

log = logging.getLogger(__name__)

_t = schema.buckets
_COLUMNS = ("name", "account", "region", "created", "versioning", "doc")


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


class Buckets:
    """The buckets of one server."""

    def __init__(
        self, database: Database, blobs: Blobs, mounts: Mounts | None = None, given: Given | None = None
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._mounts = mounts
        self._given = given
        self._known: dict[str, Bucket] = {}
        """Buckets that were read or written by this server, as they are."""
        self._changing = asyncio.Lock()
        self._hanging = asyncio.Lock()

    async def mount(self, bucket: str) -> Mount | None:
        """What a bucket is mounted from; None for one of our own, or none at all.

        `Unavailable` where it is mounted and nobody can say from what: nothing of it may come to lie here.
        """
        if (given := self._given) is not None and given.region(bucket) is not None and await self._is_given(bucket):
            return await given.mount(bucket)
        mounts = self._mounts
        if mounts is None:
            return None
        if self._hanging.locked():
            async with self._hanging:
                pass  # what is mounted changes just now
        elif (found := mounts.changed()) is not None:
            async with self._hanging:
                await self._hang(mounts, found)
        mount = mounts.get(bucket)
        if mount is None and mounts.unreadable:
            await self._check_own(bucket)
        return mount

    async def _is_given(self, bucket: str) -> bool:
        """Whether nobody here has made, or mounted, a bucket of that name."""
        if bucket in self._known:
            return False
        query = select(_t.c.name).where(_t.c.name == bucket)
        return await self._database.read(lambda connection: connection.execute(query).first()) is None

    async def _check_own(self, bucket: str) -> None:
        with suppress(NoBucket):
            where = (await self.known(bucket)).doc.get(MOUNTED)
            if where is not None:
                raise Unavailable(
                    f"The bucket '{bucket}' is {where}, mounted: mend {FILE} in the server's data folder."
                )

    async def _hang(self, mounts: Mounts, found: Mapping[str, Mount]) -> None:
        """Puts mounts in force, and takes the buckets away whose mounts are gone."""
        hung = {name: mount for name, mount in found.items() if await self._hung(name, mount, mounts.scope)}
        for stale in await self._all(None):
            if MOUNTED in stale.doc and stale.name not in hung:
                await self._delete(stale.name)
        mounts.take(hung)

    async def _hung(self, name: str, mount: Mount, scope: Scope) -> bool:
        """Whether a mount has the bucket of its name, which is made where there is none."""
        try:
            await self.create(name, scope, {MOUNTED: mount.where})
        except Exists:
            own = await self.configure(name, lambda bucket: bucket)
            if MOUNTED not in own.doc:
                log.error("%s is not mounted: there is a bucket '%s' already. Choose another name.", mount.where, name)
                return False
        return True

    async def create(self, name: str, scope: Scope, doc: Mapping[str, Any] | None = None) -> Bucket:
        """A new bucket; `Exists` when the name is taken, by whomever."""
        bucket = Bucket(name, scope.account, scope.region, clock.now(), None, _kept(doc or {}))

        def write(connection: Connection) -> Bucket:
            with inserting(connection, f"The bucket '{name}' exists already. Choose another name."):
                connection.execute(insert(_t), {key: getattr(bucket, key) for key in _COLUMNS})
            return bucket

        return await self._changed(name, write)

    async def get(self, name: str) -> Bucket:
        """The bucket of that name; `NoBucket` when there is none."""
        await self.mount(name)
        return self._known.get(name) or await self._read(name)

    async def known(self, name: str) -> Bucket:
        """As `get`, without a look at what is mounted."""
        return self._known.get(name) or await self._read(name)

    async def _read(self, name: str) -> Bucket:
        async with self._changing:
            try:
                found = self._known[name] = await self._database.read(lambda connection: _found(connection, name))
            except NoBucket:
                if self._given is None or (region := self._given.region(name)) is None:
                    raise
                return Bucket(name, ACCOUNT, region, 0.0, None, self._given.doc)
        return found

    async def all(self, account: str | None = None) -> list[Bucket]:
        """The buckets of an account in all regions, or of all accounts, by name."""
        await self.mount("")
        return await self._all(account)

    async def _all(self, account: str | None) -> list[Bucket]:
        query = select(_t).order_by(_t.c.name)
        query = query if account is None else query.where(_t.c.account == account)
        return await self._database.read(lambda connection: [Bucket(*row) for row in connection.execute(query)])

    async def configure(self, name: str, change: Callable[[Bucket], Bucket]) -> Bucket:
        """Has a bucket do otherwise: `change` gets it and gives it with another `versioning` or `doc`; it may raise."""

        def write(connection: Connection) -> Bucket:
            bucket = change(_found(connection, name))
            bucket = replace(bucket, doc=_kept(bucket.doc))
            values = {"versioning": bucket.versioning, "doc": dict(bucket.doc)}
            connection.execute(update(_t).where(_t.c.name == name).values(values))
            return bucket

        return await self._changed(name, write)

    async def _changed(self, name: str, write: Callable[[Connection], Bucket]) -> Bucket:
        """Commits a change of a bucket and has it in memory; in between nobody reads it, whoever is cancelled."""

        async def change() -> Bucket:
            async with self._changing:
                self._known.pop(name, None)
                self._known[name] = bucket = await self._database.write(write)
            return bucket

        return await asyncio.shield(change())

    async def delete(self, name: str) -> None:
        """Deletes an empty bucket and the uploads under way in it; `InUse` when it holds objects or versions."""
        if (mount := await self.mount(name)) is not None:
            raise InUse(f"The bucket '{name}' is {mount.where}. `potager unmount {name}` takes it away.")
        await asyncio.shield(self._delete(name))

    async def _delete(self, name: str) -> None:
        def write(connection: Connection) -> list[str]:
            entries.require(connection, name)
            if entries.holds(connection, name):
                raise InUse(f"The bucket '{name}' is not empty. Delete its objects and their versions first.")
            freed = forget(connection, schema.uploads.c.bucket == name)
            connection.execute(delete(_t).where(_t.c.name == name))
            return references.released(connection, freed)

        async with self._changing:
            self._known.pop(name, None)
            self._blobs.discard(await self._database.write(write))


def _kept(doc: Mapping[str, Any]) -> dict[str, Any]:
    """A document as it comes back from the database, so that memory says the same."""
    return json.loads(dumps(dict(doc)))


def _found(connection: Connection, name: str) -> Bucket:
    found = connection.execute(select(_t).where(_t.c.name == name)).first()
    if found is None:
        raise NoBucket(name)
    return Bucket(*found)
