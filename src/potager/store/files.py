"""Objects as files: a job's input is a link to one, so a blob that is none becomes one when a job first needs it.

a row of bytes          written as a file; then the row goes (`inlined.py`)
pieces of other blobs   put together as one file, for good; then the pieces go (`references.py`)
sealed                  written out in plain, for the one who asks (`Blobs.plain`)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from sqlalchemy import Connection

from potager.store import inlined, references
from potager.store.blobs import INLINE, Blobs
from potager.store.database import Database
from potager.store.entries import Entry, NoObject
from potager.store.seals import is_sealed

TOGETHER = 500
"""Small objects that become files in one transaction."""


class Files:
    """Makes files of the blobs of one folder."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs
        self._joining: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Held while a blob's file is put together; there as long as somebody holds it or waits for it."""
        self._laying = asyncio.Lock()

    async def file(self, entry: Entry) -> Path:
        """The file of a plain object; `NoObject` when it is gone meanwhile."""
        path = self._blobs.path(entry.blob)
        if self._blobs.has(entry.blob):
            return path
        if entry.size <= INLINE:
            await self._lay_down([entry.blob])
        async with self._joining.setdefault(entry.blob, asyncio.Lock()):
            return await self._join(entry, path)

    async def there(self, wanted: Sequence[Entry]) -> set[str]:
        """The blobs of those that are plain files, once small ones have become such, many in one transaction."""
        await self._lay_all_down(wanted)
        blobs = {each.blob for each in wanted if not is_sealed(each.blob)}
        return await self._blobs.run(lambda: {blob for blob in blobs if self._blobs.has(blob)})

    async def _lay_all_down(self, wanted: Sequence[Entry]) -> None:
        small = list(dict.fromkeys(each.blob for each in wanted if each.size <= INLINE and not is_sealed(each.blob)))
        for at in range(0, len(small), TOGETHER):
            await self._lay_down(small[at : at + TOGETHER])

    async def _lay_down(self, blobs: Sequence[str]) -> None:
        async with self._laying:
            missing = await self._blobs.run(lambda: [blob for blob in blobs if not self._blobs.has(blob)])
            data = await self._database.read(lambda connection: inlined.every(connection, missing))
            if data:
                await self._blobs.lay_down(data)
                await self._freeing(lambda connection: references.laid_down(connection, list(data)))

    async def _join(self, entry: Entry, path: Path) -> Path:
        if self._blobs.has(entry.blob):
            return path
        pieces = await self._database.read(lambda connection: references.spans(connection, entry.blob))
        if not pieces and not self._blobs.has(entry.blob):
            raise NoObject(entry.bucket, entry.key)
        with self._blobs.holding(pieces):
            try:
                await self._blobs.concatenate(entry.blob, pieces)
            except FileNotFoundError as error:
                raise NoObject(entry.bucket, entry.key) from error
        await self._freeing(lambda connection: references.settle(connection, entry.blob))
        return path

    async def _freeing(self, write: Callable[[Connection], Sequence[str]]) -> None:
        """Commits a change, then removes the files that it gives as needed no more."""
        self._blobs.discard(await self._database.write(write))
