"""A mount as a shelf: one version of each object, nothing sealed, and parts put together on their way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from potager.store.blobs import Blob, Blobs, Content
from potager.store.entries import NULL, Check, Entry, NoVersion
from potager.store.history import Version
from potager.store.keys import Listing
from potager.store.mounts import Mount
from potager.store.shelf import Choose, Finish, R, Shelf
from potager.store.uploads import Upload, Uploads


@dataclass(frozen=True, slots=True)
class Mounted(Shelf):
    """The objects of a bucket that is mounted."""

    mount: Mount
    blobs: Blobs
    uploads: Uploads

    async def put(self, entry: Entry, blob: Blob, check: Check | None) -> Entry:
        try:
            content = blob.data if blob.data is not None else await self.blobs.open(blob.id)
            return await self.mount.put(entry, content, check)
        finally:
            self.blobs.drop(blob)

    async def complete(self, upload: Upload, finish: Finish, check: Check | None) -> Entry:
        entry, spans = await self.uploads.gathered(upload, finish)
        kept = await self.mount.put(replace(entry, parts=None), await self.blobs.open_spans(spans), check)
        await self.uploads.abort(upload)
        return kept

    async def delete(self, bucket: str, keys: Sequence[str], check: Check | None) -> list[Entry | None]:
        await self.mount.delete(keys, check)
        return [None] * len(keys)

    async def delete_version(self, bucket: str, key: str, version: str, check: Check | None) -> Entry | None:
        if version == NULL:
            await self.mount.delete([key], check)
        return None

    async def head(self, bucket: str, key: str, version: str | None) -> Entry:
        if version not in (None, NULL):
            raise NoVersion(bucket, key, version)
        return await self.mount.head(key)

    async def list(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        return await self.mount.list(prefix, delimiter, after, limit)

    async def versions(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
    ) -> Listing[Version]:
        listed = await self.mount.list(prefix, delimiter, after[0], limit)
        return Listing([Version(entry, latest=True) for entry in listed.entries], listed.prefixes, listed.after)

    async def open(self, entry: Entry, start: int, end: int, customer: bytes | None) -> Content:
        return await self.mount.open(entry, start, end)

    async def fetch(
        self, bucket: str, key: str, choose: Choose[R], version: str | None, customer: bytes | None
    ) -> tuple[R, Content]:
        entry = await self.head(bucket, key, version)
        start, end, chosen = choose(entry)
        return chosen, await self.open(entry, start, min(end, entry.size), customer)

    async def file(self, entry: Entry) -> Path:
        return await self.mount.file(entry)
