"""What a program left, or leaves, below its `ml` folder, read without following where it may have pointed.

The folder is the program's to write: a file there can be a link to one that only the server may read, a pipe that
never ends, or larger than memory. A program that still runs can change one thing into another between two looks, so
every folder on the way is opened without following links, and what is read is what was opened.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

DEEPEST = 200
"""Folders within one another that are looked into; each takes a descriptor and some of the stack."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Found:
    """A plain file.

    name : below the folder that was asked about.
    size : in bytes.
    mark : changes when the file does: inode, size, time of the last change in nanoseconds.
    """

    name: str
    size: int
    mark: tuple[int, int, int]


def folder(ml: Path, name: str) -> Path | None:
    """The folder `name` below `ml`, if it and all above it are folders and no links; None otherwise."""
    path = ml
    for part in ("", *Path(name).parts):
        path = path / part
        try:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                return None
        except OSError:
            return None
    return path


def files(ml: Path, name: str) -> Iterator[Found]:
    """The plain files below the folder `name`, in order; the file itself, by its own name, where `name` is one.

    Links, pipes, sockets and devices are passed over, and so is what vanishes meanwhile, or lies deeper than DEEPEST.
    """
    try:
        with opened(ml, name) as handle:
            yield from _below(handle, "", DEEPEST)
    except NotADirectoryError:
        with _ignored():
            file = open_file(ml, name)
            with closing(file):
                yield _found(Path(name).name, os.fstat(file.fileno()))
    except OSError:
        return


def open_file(ml: Path, name: str) -> BinaryIO:
    """The plain file `name` below `ml`, open for reading; `OSError` where there is none, or a link on the way."""
    path = Path(name)
    with opened(ml, str(path.parent)) as parent:
        handle = os.open(path.name, _FILE, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{name} is not a plain file")
    return os.fdopen(handle, "rb")


def text(ml: Path, name: str, limit: int) -> str:
    """The first `limit` bytes of the file `name` below `ml` as text; empty when there is no plain file."""
    try:
        with open_file(ml, name) as file:
            return file.read(limit).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def failure(ml: Path) -> str:
    """Why a program says that it failed: what it wrote to `output/failure`."""
    return text(ml, "output/failure", 8 * 1024)


def wipe(folder: Path) -> None:
    """Removes a folder whose program has ended: however deep it is, and where folders in it may not be entered.

    `OSError` where something cannot be removed; what can be is gone then. A folder that is not there is no error.
    """
    try:
        handle = _entered(str(folder))
    except FileNotFoundError:
        return
    try:
        while os.listdir(handle):
            if (fault := _emptied(handle, handle, DEEPEST)) is not None:
                raise fault
    finally:
        os.close(handle)
    os.rmdir(folder)


def _emptied(handle: int, top: int, deep: int) -> OSError | None:
    """Removes what is in an open folder, or what can be; why not all. What lies too deep is raised to the top."""
    fault = None
    for name in os.listdir(handle):
        try:
            if not stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=handle)
                continue
            below = _entered(name, handle)
            try:
                within = _emptied(below, top, deep - 1) if deep else None
            finally:
                os.close(below)
            if within is not None:
                fault = within
            elif deep:
                os.rmdir(name, dir_fd=handle)
            else:
                os.rename(name, f".{secrets.token_hex(8)}", src_dir_fd=handle, dst_dir_fd=top)
        except OSError as error:
            fault = error
    return fault


def _entered(name: str, parent: int | None = None) -> int:
    """A folder's descriptor; it can be read and changed by its owner from then on."""
    try:
        handle = os.open(name, _FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        handle = os.open(name, _FOLDER, dir_fd=parent)
    os.fchmod(handle, 0o700)
    return handle


@contextmanager
def opened(ml: Path, name: str) -> Iterator[int]:
    """A descriptor of the folder `name` below `ml`, opened step by step; `OSError` where a link is on the way.

    A `..` in `name` is the caller's mistake: `ValueError`.
    """
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ValueError(f"{name} is not below {ml}")
    handle = os.open(ml, _FOLDER)
    try:
        for part in Path(name).parts:
            below = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def _below(handle: int, prefix: str, deep: int) -> Iterator[Found]:
    for name in sorted(os.listdir(handle)):
        with _ignored():
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield _found(prefix + name, status)
            elif stat.S_ISDIR(status.st_mode) and deep:
                below = os.open(name, _FOLDER, dir_fd=handle)
                try:
                    yield from _below(below, f"{prefix}{name}/", deep - 1)
                finally:
                    os.close(below)


def _found(name: str, status: os.stat_result) -> Found:
    return Found(name, status.st_size, (status.st_ino, status.st_size, status.st_mtime_ns))


@contextmanager
def _ignored() -> Iterator[None]:
    """What vanished or changed its kind between two looks is no error."""
    try:
        yield
    except OSError:
        return
