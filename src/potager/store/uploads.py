"""Multipart uploads: parts are blobs of their own, and the finished object is made of them where they lie.

    create ─► put_part | copy_part (any order, any number of times) ─► complete: the object's blob is the parts' pieces
                                                                    └─► abort: the parts are freed

Nothing is copied when an upload is completed, whatever its size, and as a rule its object is one file from then on
(`sites.py`). Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import asyncio
import math
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, tuple_

from potager.kernel import clock
from potager.kernel.digests import Digests
from potager.kernel.errors import LimitReached, NotFound
from potager.store import entries, inlined, references, schema
from potager.store.blobs import Blob, Blobs, Place, Span
from potager.store.database import Database
from potager.store.drafts import move
from potager.store.entries import Check, Entry, NoObject, Note
from potager.store.keys import Listing, folded_marked, successor
from potager.store.sealing import MEMBER, Sealing
from potager.store.seals import SUFFIX, Seal, is_sealed
from potager.store.sites import Site, clear, whole

MOVED = 2**26
"""Bytes of parts that are copied to their places at most, when an upload is completed."""
SITES = 10_000
"""Uploads whose parts this server has places for."""

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

    def __init__(self, database: Database, blobs: Blobs, sealing: Sealing | None = None) -> None:
        self._database = database
        self._blobs = blobs
        self._sealing = sealing
        self.noting: Callable[[str], Awaitable[Note]] = entries.nothing_noted
        """What tells of changes in a bucket (`Objects.noting`)."""
        self._sites: dict[str, Site] = {}
        """Where the parts of the uploads stand that this server began, the youngest last."""

    async def create(self, bucket: str, key: str, doc: Mapping[str, Any]) -> Upload:
        """Begins an upload; `NoBucket` without the bucket."""
        now = clock.now()
        upload = Upload(_id(now), bucket, key, now, doc)
        site = self._blobs.name()

        def write(connection: Connection) -> Upload:
            entries.require(connection, bucket)
            values = {"id": upload.id, "bucket": bucket, "key": key, "initiated": upload.initiated, "doc": dict(doc)}
            connection.execute(insert(_uploads), values)
            references.join(connection, upload.id, [Span(site, 0, 0)])  # keeps its file as long as the upload lives
            return upload

        await self._database.write(write)
        if MEMBER in doc:  # sealed parts are blobs of their own: their bytes are not those of the object
            return upload
        with suppress(OSError):  # so they are where no file can be made
            await self._blobs.run(lambda: self._blobs.lay(site))
            if len(self._sites) >= SITES:
                del self._sites[next(iter(self._sites))]
            self._sites[upload.id] = Site(site, self._blobs.path(site))
        return upload

    async def find(self, bucket: str, key: str, upload: str) -> Upload:
        """The upload of that id, if it is of that bucket and key; else `NoBucket` or `NoUpload`."""
        return await self._database.read(lambda connection: _find(connection, bucket, key, upload))

    async def seal(self, upload: Upload, customer: bytes | None = None) -> Seal | None:
        """What seals the upload's parts, None where they are plain; `NeedsKey` or `NoKey` where nothing does."""
        doc = upload.doc.get(MEMBER)
        if doc is None or self._sealing is None:
            return None
        found = self._sealing
        return await self._database.read(lambda connection: found.of(connection, doc, customer))

    @contextmanager
    def placing(self, upload: Upload, number: int, size: int | None) -> Generator[Place | None]:
        """Where `blobs.write` shall put a part, and None for a blob of its own; `put_part` is called inside.

        `NoUpload` when the upload ended before the first byte arrived.
        """
        site = self._sites.get(upload.id)
        place = site.take(number, size) if site is not None and size is not None else None
        if site is None or place is None:
            yield None
            return
        site.writing += 1
        try:
            yield place
        except FileNotFoundError as error:  # its file went with the upload
            raise _gone(upload.bucket, upload.key, upload.id) from error
        except Exception:
            site.give_back(number, place)
            raise
        except BaseException:
            site.tear()
            raise
        finally:
            site.writing -= 1

    async def put_part(self, upload: Upload, number: int, blob: Blob, doc: Mapping[str, Any]) -> Part:
        """Makes a blob that was just written a part, in the place of one of that number."""
        if blob.data is not None:  # an object is made of files
            await self._blobs.lay_down({blob.id: blob.data})
        part = Part(number, blob.id, blob.size, blob.digests["md5"].hex(), clock.now(), doc)

        def link(connection: Connection) -> None:
            if blob.span is not None:
                references.join(connection, part.blob, [blob.span])

        try:
            return await self._put(upload, part, link)
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
        given = (upload, number, source, start, end, names, describe)
        try:
            return await self._copy_part(*given)
        except NoObject:  # gone, or its pieces were put together as one file while they were read
            return await self._copy_part(*given)

    async def _copy_part(
        self,
        upload: Upload,
        number: int,
        source: Entry,
        start: int,
        end: int,
        names: Sequence[str],
        describe: Callable[[Mapping[str, bytes]], Mapping[str, Any]],
    ) -> Part:
        data, pieces = await self._database.read(
            lambda connection: (inlined.data(connection, source.blob), _pieces(connection, source.blob, source.size))
        )
        if data is not None:
            copied = await self._blobs.write(data[start:end], digests=names, inline=False)
            return await self.put_part(upload, number, copied, describe(copied.digests))
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
        site = self._sites.get(upload.id)
        if site is None:
            return await self._complete(upload, finish, check, None)
        async with site.completing:
            try:
                return await self._complete(upload, finish, check, site if site.close() else None)
            except asyncio.CancelledError:
                site.tear()
                raise

    async def gathered(
        self, upload: Upload, finish: Callable[[Mapping[int, Part]], tuple[list[Part], Entry]]
    ) -> tuple[Entry, list[Span]]:
        """What `complete` would make an object of, without making it: for a bucket that keeps its objects elsewhere."""

        def read(connection: Connection) -> tuple[Entry, list[Span]]:
            _find(connection, upload.bucket, upload.key, upload.id)
            wanted, entry = finish({part.number: part for part in _listed(connection, upload.id, 0, None)})
            return entry, [span for pieces in _pieces_of(connection, wanted) for span in pieces]

        return await self._database.read(read)

    async def _complete(
        self,
        upload: Upload,
        finish: Callable[[Mapping[int, Part]], tuple[list[Part], Entry]],
        check: Check | None,
        final: Site | None,
    ) -> Entry:
        moved = await self._mend(upload, final) if final is not None else {}

        note = await self.noting(upload.bucket)

        def write(connection: Connection) -> tuple[Entry, list[str], list[Span]]:
            _find(connection, upload.bucket, upload.key, upload.id)
            there = {part.number: part for part in _listed(connection, upload.id, 0, None)}
            wanted, described = finish(there)
            holes = _left_out(connection, there, wanted, moved, final) if final else []
            entry = self._joined(connection, wanted, described, moved, final)
            entry, freed = entries.put(connection, entry, check)
            note(connection, "ObjectCreated:CompleteMultipartUpload", entry)
            freed += forget(connection, _uploads.c.id == upload.id)
            return entry, references.released(connection, freed), holes

        entry, freed, holes = await self._database.write(write)
        self._sites.pop(upload.id, None)
        self._blobs.discard(freed)
        if final is not None and holes and final.blob not in freed:
            await self._blobs.alter(lambda: clear(final.path, holes))
        return entry

    async def _mend(self, upload: Upload, site: Site) -> dict[str, Span]:
        """Copies parts that found no place in the upload's file to where they belong; where they are then, by blob."""
        found = await self._database.read(lambda connection: _placed(connection, upload.id))
        stray = [(part, pieces) for part, pieces in found if pieces[0].source != site.blob]
        if site.stride is None or sum(part.size for part, _ in stray) > MOVED:
            return {}
        moved: dict[str, Span] = {}
        work: list[tuple[Path, Span, int]] = []
        for part, pieces in stray:
            if part.size <= site.stride:
                moved[part.blob] = site.span(part.number, part.size)
                at = moved[part.blob].start
                for piece in pieces:
                    work.append((self._blobs.path(piece.source), piece, at))
                    at += piece.size
        with self._blobs.holding([piece for _, pieces in stray for piece in pieces]):
            try:
                done = not work or await self._blobs.alter(lambda: move(site.path, work))
            except (FileNotFoundError, LimitReached):
                return {}
        return moved if done else {}

    def _joined(
        self, connection: Connection, parts: Sequence[Part], entry: Entry, moved: Mapping[str, Span], final: Site | None
    ) -> Entry:
        """The object with its blob: a file that is just its bytes where there is one, else one made of pieces.

        `final` is the upload's own file, where nobody writes to it any more; `moved` says where in it which blobs are.
        """
        there = [
            [moved[part.blob]] if part.blob in moved else pieces
            for part, pieces in zip(parts, _pieces_of(connection, parts), strict=True)
        ]
        pieces = references.merged([piece for each in there for piece in each])
        source = pieces[0].source
        own = final is not None and source == final.blob
        if pieces == [Span(source, 0, entry.size)] and whole(self._blobs.path(source), entry.size, final=own):
            return replace(entry, blob=source)
        if len(parts) == 1:
            return replace(entry, blob=parts[0].blob)
        blob = secrets.token_hex(16) + (SUFFIX if is_sealed(source) else "")
        references.join(connection, blob, pieces)
        return replace(entry, blob=blob)

    async def abort(self, upload: Upload) -> None:
        """Ends an upload without an object; its parts are freed."""

        def write(connection: Connection) -> list[str]:
            _find(connection, upload.bucket, upload.key, upload.id)
            return references.released(connection, forget(connection, _uploads.c.id == upload.id))

        self._sites.pop(upload.id, None)
        self._blobs.discard(await self._database.write(write))

    async def list(
        self, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
    ) -> Listing[Upload]:
        """A page of the uploads of a bucket by key, the oldest of a key first, folded at the delimiter.

        Parameters
        ----------
        after : a key, and the id of one of its uploads: what follows that one; None for what follows the key.
        """

        def read(connection: Connection) -> Listing[Upload]:
            entries.require(connection, bucket)
            return _page(connection, bucket, prefix, delimiter, after, limit)

        return await self._database.read(read)


def forget(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Deletes uploads and their parts; the blobs that lost a name by it."""
    ids = select(_uploads.c.id).where(which)
    here = _parts.c.upload.in_(ids)
    blobs = list(connection.scalars(select(_parts.c.blob).where(here)))
    sites = schema.pieces.c.blob.in_(ids)
    blobs += connection.scalars(select(schema.pieces.c.source).where(sites))
    connection.execute(delete(schema.pieces).where(sites))
    connection.execute(delete(_parts).where(here))
    connection.execute(delete(_uploads).where(which))
    return blobs


def _find(connection: Connection, bucket: str, key: str, upload: str) -> Upload:
    here = (_uploads.c.id == upload) & (_uploads.c.bucket == bucket) & (_uploads.c.key == key)
    found = connection.execute(select(*_UPLOAD).where(here)).first()
    if found is None:
        entries.require(connection, bucket)
        raise _gone(bucket, key, upload)
    return Upload(*found)


def _gone(bucket: str, key: str, upload: str) -> NoUpload:
    return NoUpload(f"There is no upload '{upload}' of '{key}' in bucket '{bucket}'.")


def _listed(connection: Connection, upload: str, after: int, limit: int | None) -> list[Part]:
    here = (_parts.c.upload == upload) & (_parts.c.number > after)
    query = select(*_PART).where(here).order_by(_parts.c.number).limit(limit)
    return [Part(*row) for row in connection.execute(query)]


def _pieces(connection: Connection, blob: str, size: int) -> list[Span]:
    return references.spans(connection, blob) or [Span(blob, 0, size)]


def _pieces_of(connection: Connection, parts: Sequence[Part]) -> list[list[Span]]:
    """The pieces of each part, in a few queries however many they are."""
    found = references.spans_of(connection, [part.blob for part in parts])
    return [found.get(part.blob) or [Span(part.blob, 0, part.size)] for part in parts]


def _left_out(
    connection: Connection, there: Mapping[int, Part], wanted: Sequence[Part], moved: Mapping[str, Span], site: Site
) -> list[Span]:
    """Where in the upload's file the parts stand that its object does without."""
    chosen = {part.number for part in wanted}
    left = [part for number, part in there.items() if number not in chosen]
    spans = [span for pieces in _pieces_of(connection, left) for span in pieces]
    return [
        span
        for span in [*spans, *(moved[part.blob] for part in left if part.blob in moved)]
        if span.source == site.blob
    ]


def _placed(connection: Connection, upload: str) -> list[tuple[Part, list[Span]]]:
    parts = _listed(connection, upload, 0, None)
    return list(zip(parts, _pieces_of(connection, parts), strict=True))


def _id(initiated: float) -> str:
    """The id of an upload, which tells when it was begun: so a listing goes on behind one that has ended meanwhile."""
    return urlsafe_b64encode(secrets.token_bytes(40) + struct.pack(">d", initiated)).decode()


def _initiated(connection: Connection, upload: str) -> float | None:
    """When an upload was begun; None for what is no upload's id."""
    found = connection.scalar(select(_uploads.c.initiated).where(_uploads.c.id == upload))
    if found is not None:
        return found
    with suppress(ValueError):
        raw = urlsafe_b64decode(upload)
        told = struct.unpack(">d", raw[-8:])[0] if len(raw) == len(upload) * 3 // 4 == 48 else math.nan
        return told if math.isfinite(told) else None
    return None


def _page(
    connection: Connection, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
) -> Listing[Upload]:
    """As `Uploads.list`. Several uploads may have one key: when they were begun, then their ids, order them."""
    end = successor(prefix) if prefix else ""
    columns = _uploads.c
    order = (columns.key, columns.initiated, columns.id)

    def fetch(key: str, inclusive: bool, mark: tuple[float, str] | None, most: int) -> list[Upload]:
        query = select(*_UPLOAD).where(columns.bucket == bucket).order_by(*order).limit(most)
        found: list[Any] = []
        if mark is not None:
            later = tuple_(columns.initiated, columns.id) > tuple_(*mark)
            found += connection.execute(query.where(columns.key == key, later))
        behind = query.where(columns.key >= key if inclusive else columns.key > key)
        if len(found) < most:
            found += connection.execute(behind.where(columns.key < end) if end else behind)
        return [Upload(*row) for row in found[:most]]

    begun = None if after[1] is None else _initiated(connection, after[1])
    mark = None if begun is None else (begun, after[1])
    return folded_marked(fetch, prefix, delimiter, (after[0], mark), limit, lambda each: (each.initiated, each.id))
