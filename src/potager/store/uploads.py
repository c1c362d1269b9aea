"""Multipart uploads: parts are blobs of their own, and the finished object is made of them where they lie.

    create ─► put_part | copy_part (any order, any number of times) ─► complete: the object's blob is the parts' pieces
                                                                    └─► abort: the parts are freed

Nothing is copied when an upload is completed, whatever its size, and as a rule its object is one file from then on
(`sites.py`). What stands in rows of it is read and written by `multipart.py`. Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from potager.kernel import clock
from potager.kernel.digests import Digests
from potager.kernel.errors import LimitReached
from potager.store import entries, inlined, multipart, references, schema
from potager.store.blobs import Blob, Blobs, Place, Span
from potager.store.database import Database
from potager.store.drafts import move
from potager.store.entries import Check, Entry, NoObject, Note
from potager.store.keys import Listing
from potager.store.multipart import NoUpload, Part, Upload
from potager.store.sealing import MEMBER, Sealing
from potager.store.seals import SUFFIX, Seal, is_sealed
from potager.store.sites import Site, clear, whole

__all__ = ["NoUpload", "Part", "Upload", "Uploads"]

MOVED = 2**26
"""Bytes of parts that are copied to their places at most, when an upload is completed."""
SITES = 10_000
"""Uploads whose parts this server has places for."""


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
        upload = Upload(multipart.new_id(now), bucket, key, now, doc)
        site = self._blobs.name()

        def write(connection: Connection) -> Upload:
            entries.require(connection, bucket)
            multipart.begin(connection, upload)
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
        return await self._database.read(lambda connection: multipart.find(connection, bucket, key, upload))

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
            raise multipart.gone(upload.bucket, upload.key, upload.id) from error
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
            lambda connection: (
                inlined.data(connection, source.blob),
                multipart.pieces(connection, source.blob, source.size),
            )
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
            multipart.find(connection, upload.bucket, upload.key, upload.id)
            link(connection)
            return references.released(connection, multipart.put(connection, upload.id, part))

        self._blobs.discard(await self._database.write(write))
        return part

    async def parts(self, upload: Upload, after: int = 0, limit: int = 1000) -> tuple[list[Part], bool]:
        """The parts with a number above `after`, and whether there are more than `limit`."""
        found = await self._database.read(lambda connection: multipart.listed(connection, upload.id, after, limit + 1))
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
            multipart.find(connection, upload.bucket, upload.key, upload.id)
            wanted, entry = finish({part.number: part for part in multipart.listed(connection, upload.id, 0, None)})
            return entry, [span for pieces in multipart.pieces_of(connection, wanted) for span in pieces]

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
            multipart.find(connection, upload.bucket, upload.key, upload.id)
            there = {part.number: part for part in multipart.listed(connection, upload.id, 0, None)}
            wanted, described = finish(there)
            holes = multipart.left_out(connection, there, wanted, moved, final) if final else []
            entry = self._joined(connection, wanted, described, moved, final)
            entry, freed = entries.put(connection, entry, check)
            note(connection, "ObjectCreated:CompleteMultipartUpload", entry)
            freed += multipart.forget(connection, schema.uploads.c.id == upload.id)
            return entry, references.released(connection, freed), holes

        entry, freed, holes = await self._database.write(write)
        self._sites.pop(upload.id, None)
        self._blobs.discard(freed)
        if final is not None and holes and final.blob not in freed:
            await self._blobs.alter(lambda: clear(final.path, holes))
        return entry

    async def _mend(self, upload: Upload, site: Site) -> dict[str, Span]:
        """Copies parts that found no place in the upload's file to where they belong; where they are then, by blob."""
        found = await self._database.read(lambda connection: multipart.placed(connection, upload.id))
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
            for part, pieces in zip(parts, multipart.pieces_of(connection, parts), strict=True)
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
            multipart.find(connection, upload.bucket, upload.key, upload.id)
            return references.released(connection, multipart.forget(connection, schema.uploads.c.id == upload.id))

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
            return multipart.page(connection, bucket, prefix, delimiter, after, limit)

        return await self._database.read(read)
