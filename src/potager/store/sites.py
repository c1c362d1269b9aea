"""The file that a multipart upload's parts are written into, each at the place where it will stand in the object.

    part n, of s bytes ─► bytes (n - 1) * stride to + s of one file ─► complete: that file is the object's blob

So an object of parts is one file from the beginning, and a job links to it, however large it is. That takes parts of
one size but for the last, in any order, as clients send them. A part that finds no place (the last one when it comes
first, one that was sent before, any after a restart) is a blob of its own. A few such are copied to their places when
the upload is completed; where that cannot be, the object is made of pieces (`references.py`), which are copied into one
file when a job first needs that.

A place is given to one part, and to another only when it is certain that no row will ever name the first: named bytes
are not written to any more. Until it is an object's blob the file is writable by its owner, from then on by nobody
(0444). A row names it as long as the upload lives, so that no sweep takes it away.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from potager.store.drafts import Place, Span

SMALLEST = 5 * 2**20
"""Bytes of every part but the last, by S3's rule."""
LONGEST = 5 * 2**40
"""Bytes of such a file; a part that would lie behind them is a blob of its own."""
_PUNCH = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE, of linux/falloc.h."""


@dataclass(slots=True)
class Site:
    """One upload's file, as the server that began the upload knows it.

    Parameters
    ----------
    blob, path : the file's id and where it is; it is there as long as the upload is.
    stride : bytes between parts' beginnings, once a part has told.
    taken : numbers of the parts whose places were given away.
    writing : parts under way.
    closed : no more places are given: a completion was tried, or a part broke off that may still be written.
    torn : somebody may still write to it; the file will never be whole, whatever rows name of it.
    completing : held by a completion, from when it moves parts until their places are named or not.
    """

    blob: str
    path: Path
    stride: int | None = None
    taken: set[int] = field(default_factory=set[int])
    writing: int = 0
    closed: bool = False
    torn: bool = False
    completing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, number: int, size: int) -> Place | None:
        """Where the part of that number and size stands; None when it has no place here."""
        if self.closed or size <= 0 or number in self.taken:
            return None
        if self.stride is None:
            if number > 1 and size < SMALLEST:  # the last part, which says nothing of the others
                return None
            self.stride = size
        span = self.span(number, size)
        if size > self.stride or span.start + size > LONGEST:
            return None
        self.taken.add(number)
        return Place(span)

    def span(self, number: int, size: int) -> Span:
        """Where a part belongs, once there is a stride."""
        return Span(self.blob, (number - 1) * (self.stride or 0), size)

    def give_back(self, number: int, place: Place) -> None:
        """Takes the place of a part that failed; whatever is there is written over."""
        if place.busy:
            self.tear()
        else:
            self.taken.discard(number)

    def tear(self) -> None:
        """A part or a completion broke off: its bytes, or its row, may still be on their way."""
        self.closed = self.torn = True

    def close(self) -> bool:
        """Gives no more places; whether what was written is final."""
        self.closed = True
        return not self.torn and not self.writing


def whole(path: Path, size: int, *, final: bool) -> bool:
    """Whether a file is just an object's `size` bytes, for good; one that is `final` is made unwritable."""
    try:
        found = os.stat(path)
        if found.st_size != size:
            return False
        if final:
            os.chmod(path, 0o444)
        return final or not found.st_mode & 0o222
    except FileNotFoundError:
        return False


def clear(path: Path, spans: Iterable[Span]) -> None:
    """Gives the room of bytes that no row names any more back to the disk, where its file system can; nothing moves."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "fallocate"):
        return
    with suppress(OSError):  # gone, or unwritable, because all of it is somebody's
        handle = os.open(path, os.O_WRONLY)
        try:
            for span in spans:
                libc.fallocate(handle, _PUNCH, ctypes.c_int64(span.start), ctypes.c_int64(span.size))
        finally:
            os.close(handle)
