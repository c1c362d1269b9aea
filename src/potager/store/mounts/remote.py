"""A bucket that is a bucket of a real object store, or a prefix of one: S3, Google Cloud Storage, Azure, by obstore.

Reads and listings go there as they come; a put is written there before it is acknowledged. A job's input is fetched
once into a file of this machine, and kept there for the jobs that follow, the least used ones first to go.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

from potager.kernel.errors import Denied, Fault, Invalid
from potager.store.blobs import CHUNK, Content, chunks
from potager.store.entries import Entry, NoObject
from potager.store.keys import Listing, folded
from potager.store.mounts import Mount

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "memory")
MOST_FETCHED = 20 * 2**30
"""Bytes of fetched files that are kept of one mount."""
MISSING = "Potager reads other object stores by obstore. Install it: pip install 'potager[mounts]'"

_TYPE = "Content-Type"
_HEADERS = {
    "Cache-Control": "CacheControl",
    "Content-Disposition": "ContentDisposition",
    "Content-Encoding": "ContentEncoding",
    "Content-Language": "ContentLanguage",
    _TYPE: "ContentType",
}


class RemoteMount(Mount):
    """A bucket of a real object store.

    Parameters
    ----------
    url : `s3://bucket/prefix` or the like.
    options : what obstore is told, by its names: `endpoint`, `region`, `access_key_id`, `secret_access_key` ... What is
        not there comes from the server's environment, as AWS's own tools would have it.
    kept : the folder of files that were fetched.
    """

    def __init__(self, bucket: str, url: str, options: Mapping[str, str], kept: Path, *, read_only: bool) -> None:
        super().__init__(bucket, read_only=read_only)
        self.where = url
        self._options = dict(options)
        self._kept = kept
        self._made: ObjectStore | None = None
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def _store(self) -> ObjectStore:
        if self._made is None:
            self._made = opened(self.where, self._options)
        return self._made

    def check_key(self, key: str) -> None:
        if any(part in ("", ".", "..") for part in key.split("/")) or "\0" in key:
            raise Invalid(f"The key '{key}' cannot be had in {self.where}: a name in it is empty, '.' or '..'.")

    async def head(self, key: str) -> Entry:
        self._possible(key)
        import obstore

        found = await self._asked(key, lambda: obstore.get_async(self._store, key, options={"head": True}))
        return self._entry(found.meta, cast("Mapping[str, Any]", found.attributes))

    async def list(self, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        return await self._asked(prefix, lambda: asyncio.to_thread(self._page, prefix, delimiter, after, limit))

    def _page(self, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        """A page, in a thread: what follows a key is asked for as the folding goes along."""

        def fetch(key: str, inclusive: bool, most: int) -> list[Entry]:
            found = self._exactly(key) if inclusive and key else []
            return (found + self._behind(prefix, key, most - len(found)))[:most]

        return folded(fetch, prefix, delimiter, after, limit)

    def _exactly(self, key: str) -> list[Entry]:
        import obstore

        try:
            self.check_key(key)
            return [self._entry(obstore.head(self._store, key), {})]
        except (Invalid, FileNotFoundError):
            return []

    def _behind(self, prefix: str, key: str, most: int) -> list[Entry]:
        """Up to so many entries under a prefix whose keys are greater; obstore's own prefixes are whole names."""
        import obstore

        folder = prefix.rpartition("/")[0] or None
        found: list[Entry] = []
        listed = cast("Any", obstore).list(self._store, folder, offset=max(key, prefix[:-1]) or None, chunk_size=1000)
        for batch in listed:
            for meta in batch:
                if meta["path"].startswith(prefix):
                    found.append(self._entry(meta, {}))
                elif meta["path"] > prefix:
                    return found
                if len(found) >= most:
                    return found
        return found

    async def open(self, entry: Entry, start: int, end: int) -> Content:
        import obstore

        if start >= end:
            return b""
        options: Any = {"range": (start, end), **({"if_match": f'"{entry.etag}"'} if entry.etag else {})}
        found = await self._asked(entry.key, lambda: obstore.get_async(self._store, entry.key, options=options))
        return self._stream(entry.key, found)

    async def _stream(self, key: str, found: Any) -> AsyncIterator[bytes]:
        try:
            async for chunk in found.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except Exception as error:
            raise self._told(key, error) from error

    async def file(self, entry: Entry) -> Path:
        name = hashlib.sha256(f"{entry.key}\0{entry.blob}".encode()).hexdigest()
        path = self._kept / name[:2] / name
        async with self._fetching.setdefault(name, asyncio.Lock()):
            if not path.exists():
                await self._fetch(entry, path)
            await asyncio.to_thread(os.utime, path)
        return path

    async def _fetch(self, entry: Entry, path: Path) -> None:
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            with draft.open("xb") as file:
                async for chunk in chunks(await self.open(entry, 0, entry.size)):
                    await asyncio.to_thread(file.write, chunk)
                os.fchmod(file.fileno(), 0o444)
            await asyncio.to_thread(_make_room, self._kept, entry.size)
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    async def _put(self, entry: Entry, content: Content) -> Entry:
        import obstore

        attributes: dict[str, str] = {
            header: str(entry.doc[member]) for header, member in _HEADERS.items() if member in entry.doc
        }
        attributes |= {str(name): str(value) for name, value in entry.doc.get("Metadata", {}).items()}
        given = content if isinstance(content, bytes) else chunks(content)
        await self._asked(
            entry.key,
            lambda: obstore.put_async(self._store, entry.key, cast("Any", given), attributes=cast("Any", attributes)),
        )
        return await self.head(entry.key)

    async def _delete(self, key: str) -> None:
        import obstore

        try:
            await self._asked(key, lambda: obstore.delete_async(self._store, key))
        except NoObject:
            return

    def _possible(self, key: str) -> None:
        try:
            self.check_key(key)
        except Invalid as error:
            raise NoObject(self.bucket, key) from error

    def _entry(self, meta: Mapping[str, Any], attributes: Mapping[str, Any]) -> Entry:
        etag = (meta["e_tag"] or "").removeprefix("W/").strip('"')
        doc: dict[str, Any] = {_HEADERS[name]: value for name, value in attributes.items() if name in _HEADERS}
        if metadata := {name: value for name, value in attributes.items() if name not in _HEADERS}:
            doc["Metadata"] = metadata
        doc.setdefault("ContentType", "binary/octet-stream")
        modified = meta["last_modified"].timestamp()
        blob = f"{etag} {meta['size']} {modified}"
        return Entry(self.bucket, meta["path"], blob, meta["size"], etag, modified, doc=doc)

    async def _asked(self, key: str, ask: Callable[[], Any]) -> Any:
        try:
            return await ask()
        except Exception as error:
            raise self._told(key, error) from error

    def _told(self, key: str, error: Exception) -> Exception:
        """What the other store said, in the words of the house."""
        from obstore import exceptions

        if isinstance(error, Fault):
            return error
        if isinstance(error, (FileNotFoundError, exceptions.PreconditionError)):
            return NoObject(self.bucket, key)
        said = _first(error).partition(": <?xml")[0]
        refused = isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError))
        if refused or any(f"status code: {status}" in said for status in (401, 403)):  # a listing's error is generic
            return Denied(f"{self.where} refuses '{key}': {said}. Look at the mount's credentials.")
        return self.failed(f"'{key}'", ValueError(said))


def opened(url: str, options: Mapping[str, str]) -> ObjectStore:
    """The store at a URL; `Invalid` where there is no such thing, or its library is not installed."""
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise Invalid(MISSING) from error
    if url.partition("://")[0] not in SCHEMES:
        raise Invalid(f"'{url}' is no object store: its URL must begin with one of {', '.join(SCHEMES[:-1])}.")
    plain = options.get("endpoint", "").startswith("http://")
    try:
        return from_url(url, config=cast("Any", dict(options)), client_options={"allow_http": True} if plain else None)
    except Exception as error:
        raise Invalid(f"'{url}' cannot be mounted: {_first(error)}") from error


def _first(error: Exception) -> str:
    """The first line of what obstore says, whose others tell of its insides."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _make_room(folder: Path, size: int) -> None:
    """Removes the least used files, until `size` bytes more are not too many; none that is being fetched."""
    whole = [each for each in folder.glob("??/*") if not each.suffix]
    found = sorted((each.stat().st_atime, each.stat().st_size, each) for each in whole)
    used = sum(each for _, each, _ in found)
    for _, freed, path in found:
        if used + size <= MOST_FETCHED:
            return
        path.unlink(missing_ok=True)
        used -= freed


def forget(kept: Path) -> None:
    """Removes what was fetched of a mount that is no more."""
    shutil.rmtree(kept, ignore_errors=True)
