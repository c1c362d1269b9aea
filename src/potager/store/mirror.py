"""What a program leaves in a folder, as objects under a prefix: once it has ended, or again and again while it writes.

    mirror = Mirror(objects, ml, "checkpoints", "s3://bucket/prefix")
    await mirror.sync()             the files that are new, or that differ from what the last sync put
    await mirror.sync(rested=True)  of these, the ones that nobody wrote to since the last look

Nothing is deleted under the prefix. Links are not followed (`kernel.remains`), files whose names no key can be are
passed over. A mirror that has just been made knows
of no earlier sync, and puts everything: a server that takes a job up does no harm by it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

from potager.kernel import remains, uris
from potager.kernel.errors import Fault
from potager.kernel.remains import Found
from potager.store.objects import Objects

log = logging.getLogger(__name__)

CHUNK = 2**20
EVERY = 2.0
"""Seconds between two looks at what a program writes."""
LONGEST = 1024
"""Bytes of a key."""


class Mirror:
    """One folder, or file, and one prefix.

    Parameters
    ----------
    ml, name : the folder is `ml/name`; all below `ml` is the program's to change.
    uri : `s3://bucket/prefix`, with or without a slash at its end.
    """

    def __init__(self, objects: Objects, ml: Path, name: str, uri: str) -> None:
        self._objects = objects
        self._ml = ml
        self._name = name
        self._bucket, prefix = uris.s3(uri)
        self._prefix = prefix.rstrip("/") + "/" if prefix else ""
        self._put: dict[str, tuple[int, int, int]] = {}
        self._seen: dict[str, tuple[int, int, int]] = {}

    async def sync(self, *, rested: bool = False) -> int:
        """Puts what is new; gives the number of files. A file that is gone before it is read is passed over.

        rested : leave files alone that changed since the last look: they may be half written.
        """
        found = await self._look()
        fresh = [file for file in found if self._put.get(file.name) != file.mark]
        still = [file for file in fresh if not rested or self._seen.get(file.name) == file.mark]
        self._seen = {file.name: file.mark for file in found}
        return sum([await self._keep(file) for file in still])

    async def know(self) -> None:
        """Takes what is in the folder now for what lies under the prefix: it was laid out from there."""
        self._put = {file.name: file.mark for file in await self._look()}

    async def _look(self) -> list[Found]:
        return await asyncio.to_thread(lambda: list(remains.files(self._ml, self._name)))

    async def _keep(self, file: Found) -> bool:
        key = self._prefix + file.name
        if not _nameable(key):
            return False
        try:
            source = await asyncio.to_thread(self._open, file)
        except OSError:
            return False
        with source:
            await self._objects.keep(self._bucket, key, read(source))
        self._put[file.name] = file.mark
        return True

    def _open(self, file: Found) -> BinaryIO:
        try:
            return remains.open_file(self._ml, f"{self._name}/{file.name}")
        except NotADirectoryError:  # `name` is the file
            return remains.open_file(self._ml, self._name)


async def again_and_again(sync: Callable[[], Awaitable[object]], what: str, every: float = EVERY) -> None:
    """Syncs until it is cancelled; what goes wrong is told to the server's log, and may be better the next time."""
    while True:
        try:
            await sync()
        except Exception as error:
            known = isinstance(error, (Fault, OSError))
            log.warning("%s could not be put to S3, trying again: %s", what, error, exc_info=not known)
        await asyncio.sleep(every)


def _nameable(key: str) -> bool:
    """Whether an object can have that key: S3's are UTF-8, a program's file names any bytes."""
    try:
        return len(key.encode()) <= LONGEST
    except UnicodeEncodeError:
        return False


async def read(file: BinaryIO) -> AsyncIterator[bytes]:
    """An open file's bytes, chunk by chunk."""
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk
