"""Which buckets are mounted: a file of the data folder, written by `potager mount`, read again when it has changed.

    {"claims": {"folder": "/srv/claims", "read_only": true},
     "lake": {"url": "s3://my-lake/raw", "options": {"region": "eu-west-1"}}}

The file is its owner's alone (0600), for options may hold credentials.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store.mounts import Mount
from potager.store.mounts.folder import FolderMount
from potager.store.mounts.remote import RemoteMount, forget

FILE = "mounts.json"
AGAIN = 0.001
"""Seconds."""

log = logging.getLogger(__name__)


class Mounts:
    """The mounts of a data folder, as its file has them now.

    Parameters
    ----------
    scope : the account and region whose buckets they are.
    """

    def __init__(self, data: Path, scope: Scope) -> None:
        self.scope = scope
        self._path = data / FILE
        self._kept = data / "fetched"
        self._mark: tuple[int, int] | None = (-1, -1)
        self._looked = float("-inf")
        self._said: dict[str, Any] = {}
        self._next: tuple[tuple[int, int] | None, dict[str, Any]] = (None, {})
        self._mounts: dict[str, Mount] = {}
        self.unreadable = False
        """Whether the file was no good at the last look: what was mounted before is in force."""

    def get(self, bucket: str) -> Mount | None:
        """The mount of that name, None for a bucket of our own."""
        return self._mounts.get(bucket)

    def changed(self) -> dict[str, Mount] | None:
        """What is mounted now, where the file has changed since the last look; one system call where it has not.

        `take` puts it in force. A request asks several times: within a millisecond the file is not looked at again.
        """
        now = time.monotonic()
        if now < self._looked + AGAIN:
            return None
        self._looked = now
        try:
            status = os.stat(self._path)
            mark = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            mark = None
        if mark == self._mark:
            return None
        try:
            said = read(self._path)
            made = {
                name: self._mounts[name]
                if self._said.get(name) == each and name in self._mounts
                else self._made(name, each)
                for name, each in said.items()
            }
        except Invalid as error:
            log.error("%s The mounts stay as they were.", error.message)
            self._mark, self.unreadable = mark, True
            return None
        self._next = mark, said
        return made

    def take(self, mounts: Mapping[str, Mount]) -> None:
        """Puts mounts in force, in the place of all that were; until then `changed` gives them again."""
        (self._mark, self._said), self.unreadable = self._next, False
        for gone in self._mounts.keys() - mounts.keys():
            forget(self._kept / gone)
        self._mounts = dict(mounts)

    def _made(self, bucket: str, said: Mapping[str, Any]) -> Mount:
        read_only = bool(said.get("read_only"))
        if "folder" in said:
            return FolderMount(bucket, Path(said["folder"]), read_only=read_only)
        return RemoteMount(bucket, said["url"], said.get("options", {}), self._kept / bucket, read_only=read_only)


def read(path: Path) -> dict[str, Any]:
    """What a file of mounts says; nothing without the file. `Invalid` for a file that cannot be read."""
    try:
        said = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Invalid(f"{path}: cannot be read: {error}. Mend or remove it.") from error
    if not isinstance(said, dict) or not all(map(_whole, cast("dict[str, Any]", said).values())):
        raise Invalid(f"{path}: each mount needs a folder or a url. Mend it, or mount anew with `potager mount`.")
    return cast("dict[str, Any]", said)


def _whole(each: Any) -> bool:
    return isinstance(each, dict) and ("folder" in each) != ("url" in each)
