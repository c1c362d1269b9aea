"""Some bytes of a disk, held so that they can be given up when it is full: what must be written then finds room.

A program that fills the disk faster than anybody looks would otherwise keep the server from writing down that it has
ended, and so from removing what fills the disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

SIZE = 2**24
"""Bytes that a data folder holds; less on a small disk."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a file system says that has no room left."""
_ROOM = 16
"""How many times its size a disk must have free for a ballast to be made."""


def of(data: Path) -> Ballast:
    """The ballast of a data folder."""
    disk = os.statvfs(data)
    return Ballast(data / "ballast", min(SIZE, disk.f_blocks * disk.f_frsize // 64))


class Ballast:
    """A file of `size` bytes that holds nothing."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size

    def make(self) -> None:
        """Holds the bytes, where they are not held already and the disk has plenty; where it cannot, there is none."""
        if not hasattr(os, "posix_fallocate"):
            return
        with contextlib.suppress(OSError):
            disk = os.statvfs(self.path.parent)
            if disk.f_bavail * disk.f_frsize < self.size * _ROOM or self.path.exists():
                return
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.posix_fallocate(handle, 0, self.size)
            finally:
                os.close(handle)

    def spend(self) -> bool:
        """Gives them up; whether there were any."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True

    def spared(self, write: Callable[[], None]) -> None:
        """Does `write`, and once more where the disk was full and the ballast makes room."""
        try:
            write()
        except OSError as error:
            if error.errno not in FULL or not self.spend():
                raise
            write()
