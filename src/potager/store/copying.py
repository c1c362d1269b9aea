"""Files copied whole: shared with the original where the file system can, and known by their SHA-256.

clone     the two share their bytes until one of them is changed (Btrfs, XFS, bcachefs)
link      another name of the same file, on the same file system: what damages one damages both
copy      everywhere else
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

_CLONE = 0x40049409  # FICLONE
_CHUNK = 2**20


def digest(path: Path) -> tuple[int, str]:
    """How many bytes a file has, and their SHA-256 in hex."""
    with _open(path) as file:
        return _read(file, None)


def copy(source: Path, target: Path, *, mode: int, link: bool = False) -> tuple[int, str]:
    """Makes `target` what `source` is now, on the disk when it returns; how many bytes, and their SHA-256.

    `link` allows that both are one file, for files that nobody changes. What was at `target` is replaced, at once.
    """
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    with _open(source) as file:
        if not _cloned(file, fresh, mode) and link:
            with contextlib.suppress(OSError):
                os.link(source, fresh, follow_symlinks=False)
        found = _read(file, None) if fresh.exists() else _copied(file, fresh, mode)
    os.utime(fresh, ns=_times(source))
    os.rename(fresh, target)
    return found


def make(folder: Path) -> None:
    """Makes a folder and those above it that are not there, each its owner's alone."""
    for each in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        each.mkdir(mode=0o700, exist_ok=True)


def sync(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _times(path: Path) -> tuple[int, int]:
    found = os.stat(path, follow_symlinks=False)
    return found.st_atime_ns, found.st_mtime_ns


def _open(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb", buffering=0)


def _cloned(source: BinaryIO, target: Path, mode: int) -> bool:
    """Clones a file, where the file system can; whether it did."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        fcntl.ioctl(handle, _CLONE, source.fileno())
        os.fsync(handle)
    except OSError:
        target.unlink()
        return False
    finally:
        os.close(handle)
    return True


def _copied(source: BinaryIO, target: Path, mode: int) -> tuple[int, str]:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as copy:
        found = _read(source, copy)
        copy.flush()
        os.fsync(handle)
    return found


def _read(file: BinaryIO, copy: BinaryIO | None) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if copy is not None:
            copy.write(chunk)
    return size, digest.hexdigest()
