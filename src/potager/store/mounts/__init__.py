"""Buckets whose objects lie elsewhere: in a folder of this machine, or in a bucket of a real object store.

    mounts.json ─► Mounts ─► FolderMount   /srv/claims              keys are paths below it
                         └─► RemoteMount   s3://, gs://, az://      by obstore; keys are keys below its prefix

Nothing is copied in: a listing reads the folder or asks the store, a read streams, a job's input is a link to the file
or a fetched copy. What is kept here is the bucket's row alone, so that policies and tags of buckets work as ever.
Versions, object tags, object ACLs, encryption and lifecycle are not for mounts, and are refused by name.

Three ways were weighed: rows made by a crawl (stale as soon as it ends), a file system in user space (needs the
kernel's leave), and asking at each request, which is always true and costs what the folder costs. It is the third.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from potager.kernel.errors import Denied, Fault, Invalid
from potager.store.blobs import Content
from potager.store.entries import Check, Entry, NoObject
from potager.store.keys import Listing


class Mount(ABC):
    """One bucket whose objects lie elsewhere. Subclasses do what `_...` says; a `Fault` says what cannot be done.

    Parameters
    ----------
    bucket : its name here.
    read_only : whether every change is refused.
    """

    where: str
    """What is mounted, as the user wrote it."""

    def __init__(self, bucket: str, *, read_only: bool) -> None:
        self.bucket = bucket
        self.read_only = read_only
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Held while a key is changed; there as long as somebody holds it or waits for it."""

    @abstractmethod
    async def head(self, key: str) -> Entry:
        """What is known of an object; `NoObject` when it is not there."""

    @abstractmethod
    async def list(self, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        """A page of objects in the order of their keys, folded at the delimiter."""

    @abstractmethod
    async def open(self, entry: Entry, start: int, end: int) -> Content:
        """An object's bytes from `start` up to and without `end`; `NoObject` when it is not what it was."""

    @abstractmethod
    async def file(self, entry: Entry) -> Path:
        """An object as a file on this machine, good for a link or a copy made at once."""

    @abstractmethod
    async def _put(self, entry: Entry, content: Content) -> Entry:
        """Writes an object whole."""

    @abstractmethod
    async def _delete(self, key: str) -> None:
        """Deletes an object, if it is there."""

    @abstractmethod
    def check_key(self, key: str) -> None:
        """`Invalid` for a key that no object can have there."""

    async def put(self, entry: Entry, content: Content, check: Check | None = None) -> Entry:
        """Writes an object whole, in the place of what was there. Conditions hold among the writers of this server."""
        self.writable()
        self.check_key(entry.key)
        async with self._alone(entry.key):
            if check is not None:
                check(await self._there(entry.key))
            return await self._put(entry, content)

    async def delete(self, keys: Sequence[str], check: Check | None = None) -> None:
        """Deletes objects; those that are not there are passed over."""
        self.writable()
        for key in keys:
            async with self._alone(key):
                if check is not None:
                    check(await self._there(key))
                with contextlib.suppress(Invalid):  # a key that cannot be there is not there
                    self.check_key(key)
                    await self._delete(key)

    def writable(self) -> None:
        """`Denied` where nothing may be changed."""
        if self.read_only:
            raise Denied(f"The bucket '{self.bucket}' is {self.where}, mounted read-only.")

    async def _there(self, key: str) -> Entry | None:
        try:
            return await self.head(key)
        except NoObject:
            return None

    def _alone(self, key: str) -> asyncio.Lock:
        """Changes of one key come one after the other."""
        return self._changing.setdefault(key, asyncio.Lock())

    def failed(self, what: str, error: BaseException) -> Fault:
        """A fault that says what could not be done, where, and why."""
        return Fault(f"{what} in {self.where} (bucket '{self.bucket}') failed: {error}")
