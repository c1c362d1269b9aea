"""Multipart uploads: parts are blobs of their own, and the finished object is made of them where they lie.

    create ─► put_part | copy_part (any order, any number of times) ─► complete: the object's blob is the parts' pieces
                                                                    └─► abort: the parts are freed

Nothing is copied when an upload is completed, whatever its size. Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select

from potager.kernel import clock
from potager.kernel.digests import Digests
from potager.kernel.errors import NotFound
from potager.store import entries, references, schema
from potager.store.blobs import Blob, Blobs, Span
from potager.store.database import Database
from potager.store.entries import Check, Entry, NoObject
from potager.store.keys import Listing, beginning, successor, take

_uploads, _parts = schema.uploads, schema.parts
_UPLOAD = [_uploads.c[name] for name in ("id", "bucket", "key", "initiated", "doc")]
_PART = [_parts.c[name] for name in ("number", "blob", "size", "etag", "modified", "doc")]


class NoUpload(NotFound):
    """The upload is not there: never begun, completed or aborted."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way; `doc` is what its object's will be, `initiated` in seconds since 1970."""

    id: str
    bucket: str
    key: str
    initiated: float
    doc: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is there; `doc` holds its checksums by their names on the wire."""

    number: int
    blob: str
    size: int
    etag: str
    modified: float
    doc: Mapping[str, Any]


class Uploads:
    """The multipart uploads under way."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def create(self, bucket: str, key: str, doc: Mapping[str, Any]) -> Upload:
        """Begins an upload; `NoBucket` without the bucket."""
        upload = Upload(secrets.token_urlsafe(48), bucket, key, clock.now(), doc)

        def write(connection: Connection) -> Upload:
            entries.require(connection, bucket)
            values = {"id": upload.id, "bucket": bucket, "key": key, "initiated": upload.initiated, "doc": dict(doc)}
            connection.execute(insert(_uploads), values)
            return upload

        return await self._database.write(write)

    async def find(self, bucket: str, key: str, upload: str) -> Upload:
        """The upload of that id, if it is of that bucket and key; else `NoBucket` or `NoUpload`."""
        return await self._database.read(lambda connection: _find(connection, bucket, key, upload))

    async def put_part(self, upload: Upload, number: int, blob: Blob, doc: Mapping[str, Any]) -> Part:
        """Makes a blob that was just written a part, in the place of one of that number."""
        part = Part(number, blob.id, blob.size, blob.digests["md5"].hex(), clock.now(), doc)
        try:
            return await self._put(upload, part, lambda connection: None)
        except Exception:
            self._blobs.discard([blob.id])
            raise

    async def copy_part(
        self,
        upload: Upload,
        number: int,
        source: Entry,
        start: int,
        end: int,
        names: Sequence[str] = ("md5",),
        describe: Callable[[Mapping[str, bytes]], Mapping[str, Any]] = lambda digests: {},
    ) -> Part:
        """Makes bytes of an object, from `start` up to and without `end`, a part; they are read and not copied.

        `describe` gets the digests called `names` and gives the part's document.
        """
        pieces = await self._database.read(lambda connection: _pieces(connection, source.blob, source.size))
        spans = references.cut(pieces, start, end) or [Span(pieces[0].source, 0, 0)]  # of an empty object
        digests = Digests(names)
        with self._blobs.holding(spans):
            try:
                async for chunk in await self._blobs.open_spans(spans):
                    await self._blobs.run(lambda chunk=chunk: digests.update(chunk))
            except FileNotFoundError as error:
                raise NoObject(source.bucket, source.key) from error
            computed = digests.values()
            described = describe(computed)
            blob = secrets.token_hex(16)
            part = Part(number, blob, end - start, computed["md5"].hex(), clock.now(), described)

            def link(connection: Connection) -> None:
                if references.unnamed(connection, [span.source for span in spans]):
                    raise NoObject(source.bucket, source.key)
                references.join(connection, part.blob, spans)

            return await self._put(upload, part, link)

    async def _put(self, upload: Upload, part: Part, link: Callable[[Connection], None]) -> Part:
        def write(connection: Connection) -> list[str]:
            _find(connection, upload.bucket, upload.key, upload.id)
            link(connection)
            here = (_parts.c.upload == upload.id) & (_parts.c.number == part.number)
            old = list(connection.scalars(select(_parts.c.blob).where(here)))
            connection.execute(delete(_parts).where(here))
            values = {column.name: getattr(part, column.name) for column in _PART}
            connection.execute(insert(_parts), values | {"upload": upload.id})
            return references.released(connection, old)

        self._blobs.discard(await self._database.write(write))
        return part

    async def parts(self, upload: Upload, after: int = 0, limit: int = 1000) -> tuple[list[Part], bool]:
        """The parts with a number above `after`, and whether there are more than `limit`."""
        found = await self._database.read(lambda connection: _listed(connection, upload.id, after, limit + 1))
        return found[:limit], len(found) > limit

    async def complete(
        self,
        upload: Upload,
        finish: Callable[[Mapping[int, Part]], tuple[list[Part], Entry]],
        check: Check | None = None,
    ) -> Entry:
        """Makes parts an object and ends the upload, in one transaction.

        Parameters
        ----------
        finish : gets the parts that are there by number; gives those wanted, in order, and the object to be (its `blob`
            is not looked at). It may raise, and nothing is changed then.
        """

        def write(connection: Connection) -> tuple[Entry, list[str]]:
            _find(connection, upload.bucket, upload.key, upload.id)
            there = {part.number: part for part in _listed(connection, upload.id, 0, None)}
            wanted, described = finish(there)
            entry = _join(connection, wanted, described)
            freed = entries.put(connection, entry, check)
            freed += forget(connection, _uploads.c.id == upload.id)
            return entry, references.released(connection, freed)

        entry, freed = await self._database.write(write)
        self._blobs.discard(freed)
        return entry

    async def abort(self, upload: Upload) -> None:
        """Ends an upload without an object; its parts are freed."""

        def write(connection: Connection) -> list[str]:
            _find(connection, upload.bucket, upload.key, upload.id)
            return references.released(connection, forget(connection, _uploads.c.id == upload.id))

        self._blobs.discard(await self._database.write(write))

    async def list(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
    ) -> Listing[Upload]:
        """A page of the uploads of a bucket by key, folded at the delimiter.

        Parameters
        ----------
        after : a key, and the id of one of its uploads: what follows that one; None for what follows the key.
        """

        def read(connection: Connection) -> Listing[Upload]:
            entries.require(connection, bucket)
            return _page(connection, bucket, prefix, delimiter, after, limit) if limit > 0 else Listing()

        return await self._database.read(read)


def forget(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Deletes uploads and their parts; the blobs that lost a name by it."""
    ids = select(_uploads.c.id).where(which)
    here = _parts.c.upload.in_(ids)
    blobs = list(connection.scalars(select(_parts.c.blob).where(here)))
    connection.execute(delete(_parts).where(here))
    connection.execute(delete(_uploads).where(which))
    return blobs


def _find(connection: Connection, bucket: str, key: str, upload: str) -> Upload:
    here = (_uploads.c.id == upload) & (_uploads.c.bucket == bucket) & (_uploads.c.key == key)
    found = connection.execute(select(*_UPLOAD).where(here)).first()
    if found is None:
        entries.require(connection, bucket)
        raise NoUpload(f"There is no upload '{upload}' of '{key}' in bucket '{bucket}'.")
    return Upload(*found)


def _listed(connection: Connection, upload: str, after: int, limit: int | None) -> list[Part]:
    here = (_parts.c.upload == upload) & (_parts.c.number > after)
    query = select(*_PART).where(here).order_by(_parts.c.number).limit(limit)
    return [Part(*row) for row in connection.execute(query)]


def _pieces(connection: Connection, blob: str, size: int) -> list[Span]:
    return references.spans(connection, blob) or [Span(blob, 0, size)]


def _join(connection: Connection, parts: Sequence[Part], entry: Entry) -> Entry:
    """The object with its blob: the only part's own, or one made of the pieces of all."""
    if len(parts) == 1:
        return replace(entry, blob=parts[0].blob)
    blob = secrets.token_hex(16)
    references.join(connection, blob, [piece for part in parts for piece in _pieces(connection, part.blob, part.size)])
    return replace(entry, blob=blob)


def _page(
    connection: Connection, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
) -> Listing[Upload]:
    """Reads all that follow: uploads under way are few, and several may have one key, so that a key is no place."""
    key, inclusive = beginning(prefix, delimiter, after[0])
    column = _uploads.c.key
    behind = column >= key if inclusive else column > key
    if key == after[0] and after[1] is not None:
        behind = or_(column > key, and_(column == key, _uploads.c.id > after[1]))
    under = [_uploads.c.bucket == bucket, behind]
    if prefix and (end := successor(prefix)):
        under.append(column < end)
    found = connection.execute(select(*_UPLOAD).where(*under).order_by(column, _uploads.c.id))
    page: Listing[Upload] = Listing()
    take(page, [Upload(*row) for row in found], prefix, delimiter, limit)
    return page
