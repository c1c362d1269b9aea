"""A file while it is written: under a temporary name, with digests as the bytes pass, then synced and renamed."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from potager.kernel.digests import Digests
from potager.kernel.errors import LimitReached
from potager.store import seals

RESERVE = 2**25
"""Bytes of a file system, or a sixteenth of a small one, that drafts leave free: without room for the database's log no
object could be deleted any more, and a full disk would stay full."""
COPIED = 2**20
"""Bytes that are copied at once where the kernel does not do it."""
_FULL = {errno.ENOSPC: "disk is full", errno.EDQUOT: "disk quota is used up", errno.EFBIG: "file would be too large"}
_to_disk = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


@dataclass(frozen=True, slots=True)
class Span:
    """Some bytes of a blob's file."""

    source: str
    start: int
    size: int


@dataclass(slots=True)
class Place:
    """Where in another blob's file bytes shall stand; `busy` while a thread may write them."""

    span: Span
    busy: bool = False


class Draft:
    """One file while it is written. Methods block; a lock keeps a late `abandon` from a thread that still writes.

    Parameters
    ----------
    path, target : where it is written, and where it shall be once it is whole; on one file system.
    digests : what is computed of the bytes that are added.
    sealing : what makes of these bytes those that the file holds; None where they are the same.
    """

    def __init__(
        self, path: Path, target: Path, digests: Sequence[str] = (), sealing: seals.Writer | None = None
    ) -> None:
        self.size = 0
        """Bytes so far, as they were added."""
        self._path = path
        self._target = target
        self._digests = Digests(digests)
        self._sealing = sealing
        self._lock = threading.Lock()
        with _naming(self._path):
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)

    def add(self, batch: list[bytes]) -> None:
        """Appends bytes."""
        data = batch[0] if len(batch) == 1 else b"".join(batch)
        with self._lock, _naming(self._path):
            _check_room(self._fd, len(data))
            self._digests.update(data)
            _write_all(self._fd, self._sealing.add(data) if self._sealing else data)
            self.size += len(data)

    def copy(self, source: BinaryIO, span: Span) -> None:
        """Appends a span of another file, which the digests do not see."""
        with self._lock, _naming(self._path):
            _check_room(self._fd, span.size)
            _copy(source.fileno(), self._fd, span)
            self.size += span.size

    def finish(self, *, named: bool = True) -> dict[str, bytes]:
        """Brings the file to the disk, and its name unless `named` is False; gives the digests."""
        with self._lock, _naming(self._path):
            if self._sealing:
                _write_all(self._fd, self._sealing.end())
            _to_disk(self._fd)
            os.rename(self._path, self._target)
            if named:
                sync(self._target.parent)
            self._close()
            return self._digests.values()

    def abandon(self) -> None:
        """Leaves nothing, whatever was done before."""
        with self._lock:
            self._close()
            self._path.unlink(missing_ok=True)
            self._target.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Inset:
    """Some bytes of a file that others write to beside it, while they are written; used as a `Draft` is.

    Parameters
    ----------
    path : the file. It must be there: one that is gone is not made again, for nobody would remove it.
    place : where in it; what exceeds that is counted and not written.
    """

    def __init__(self, path: Path, place: Place, digests: Sequence[str] = ()) -> None:
        self.size = 0
        """Bytes so far."""
        self._path = path
        self._place = place
        self._digests = Digests(digests)
        self._lock = threading.Lock()
        with _naming(path):
            self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        place.busy = True

    def add(self, batch: list[bytes]) -> None:
        """Writes bytes behind those that were added before."""
        data = batch[0] if len(batch) == 1 else b"".join(batch)
        with self._lock, _naming(self._path):
            _check_room(self._fd, len(data))
            self._digests.update(data)
            span = self._place.span
            _write_at(self._fd, data[: max(0, span.size - self.size)], span.start + self.size)
            self.size += len(data)

    def finish(self) -> dict[str, bytes]:
        """Brings the bytes and the file's name to the disk; gives the digests."""
        with self._lock, _naming(self._path):
            _to_disk(self._fd)
            sync(self._path.parent)
            self._close()
            return self._digests.values()

    def abandon(self) -> None:
        """Leaves the bytes to nobody."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._place.busy = False


def move(path: Path, pieces: Sequence[tuple[Path, Span, int]]) -> None:
    """Copies spans of files to offsets of another, inside the kernel where that is possible, and syncs that.

    The file is writable afterwards: a completion that failed may have thought it done.
    """
    os.chmod(path, 0o600)
    with _naming(path), open(path, "r+b", buffering=0) as target:
        for source, span, offset in pieces:
            _check_room(target.fileno(), span.size)
            target.seek(offset)
            with source.open("rb") as file:
                _copy(file.fileno(), target.fileno(), span)
        _to_disk(target.fileno())
        sync(path.parent)


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Says in the house's words that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        reason = _FULL[error.errno]
        raise LimitReached(f"The {reason}: {path.parent.parent}. Free some space and try again.") from error


def check_room(folder: Path, size: int) -> None:
    """`LimitReached` where so many bytes more in that folder would leave less than the reserve."""
    try:
        _check_room(folder, size)
    except OSError:
        with _naming(folder / "_"):
            raise


def _check_room(fd: int | Path, size: int) -> None:
    """`ENOSPC` where so many bytes more would leave less than the reserve."""
    disk = os.statvfs(fd)
    if disk.f_bavail * disk.f_frsize < size + min(RESERVE, disk.f_blocks * disk.f_frsize // 16):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _write_at(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def _copy(source: int, target: int, span: Span) -> None:
    """Appends a span of one file to another; by hand where the kernel will not (another file system, not Linux)."""
    offset, left = span.start, span.size
    while left:
        try:
            done = os.copy_file_range(source, target, min(left, 2**30), offset)
        except (AttributeError, OSError) as error:
            if getattr(error, "errno", None) in _FULL:
                raise
            data = os.pread(source, min(left, COPIED), offset)
            _write_all(target, data)
            done = len(data)
        if not done:
            raise EOFError(f"a blob ends {left} bytes early")
        offset, left = offset + done, left - done


def sync(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
