"""Buckets of AWS's own that its clients count on: read-only, and in nobody's list, for nobody here has made them.

What is in them is written to a folder of the data folder when somebody first asks, and read from there like any
folder that is mounted. Whoever makes or mounts a bucket of such a name has that instead.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from potager.kernel.errors import Unavailable
from potager.store.mounts import Mount
from potager.store.mounts.folder import FolderMount

ACCOUNT = "aws"
"""Whose these buckets are: no caller's."""


class Given:
    """The buckets whose names are of one form, all with the same objects.

    Parameters
    ----------
    names : a regular expression, whose group is the region of the bucket.
    what : what they are, for messages.
    root : the folder that the objects are written to.
    files : gives the objects by key; asked once.
    doc : what the buckets are configured to do: their policy says what everybody may.
    """

    def __init__(
        self, names: str, what: str, root: Path, files: Callable[[], Mapping[str, bytes]], doc: Mapping[str, Any]
    ) -> None:
        self.doc = doc
        self._names = re.compile(names)
        self._what = what
        self._root = root
        self._files = files
        self._writing = asyncio.Lock()
        self._written = False

    def region(self, bucket: str) -> str | None:
        """The region of such a bucket, None for any other name."""
        named = self._names.fullmatch(bucket)
        return named and named[1]

    async def mount(self, bucket: str) -> Mount:
        """The objects of such a bucket; `Unavailable` where they cannot be written."""
        async with self._writing:
            if not self._written:
                try:
                    await asyncio.to_thread(self._write)
                except OSError as error:
                    raise Unavailable(
                        f"{self._what} cannot be written in the data folder: {error.strerror}."
                    ) from error
                self._written = True
        mount = FolderMount(bucket, self._root, read_only=True)
        mount.where = self._what
        return mount

    def _write(self) -> None:
        """Puts each file in its place whole; one that is there already stays what it is, with its time and ETag."""
        for key, content in self._files().items():
            path = self._root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file() and path.read_bytes() == content:
                continue
            draft = path.with_name(f".potager-{secrets.token_hex(8)}")
            try:
                draft.write_bytes(content)
                os.replace(draft, path)
            finally:
                draft.unlink(missing_ok=True)
