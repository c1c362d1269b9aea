"""A bucket that is a folder of this machine: keys are paths below it, `a/b.csv` is the file `b.csv` in the folder `a`.

    a key                    the file there; its segments are names, so `a//b`, `.`, `..` and a leading `/` are refused
    a key that ends in `/`   a folder: listed while nothing is in it, made by a put of no bytes
    a link, pipe or device   is passed over, and never followed: nothing outside of the folder can be reached

What S3 knows beside the bytes (type, metadata, checksum, the MD5 as ETag) is kept in an extended attribute of the file,
with the size and time that it was written for; a file that somebody else wrote has a type by its suffix and an ETag by
its size and time, in the form of a multipart upload's, which no client takes for an MD5.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import json
import mimetypes
import os
import secrets
import stat
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from potager.kernel.errors import Denied, Fault, Invalid, LimitReached
from potager.kernel.remains import opened
from potager.store.blobs import CHUNK, Content, chunks
from potager.store.entries import Entry, NoObject
from potager.store.keys import Listing, folded
from potager.store.mounts import Mount

T = TypeVar("T")

ATTRIBUTE = "user.potager"
OURS = ".potager-"
"""How the files begin that are being written; they are not listed."""
LONGEST = 255
"""Bytes of a name."""
DEEPEST = 100
"""Folders within one another that are looked into; each takes a descriptor and some of the stack."""
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderMount(Mount):
    """A folder as a bucket.

    Parameters
    ----------
    root : the folder; it must be there when something is asked of it.
    """

    def __init__(self, bucket: str, root: Path, *, read_only: bool) -> None:
        super().__init__(bucket, read_only=read_only)
        self.root = root
        self.where = str(root)

    def check_key(self, key: str) -> None:
        _parts(self.where, key)

    async def head(self, key: str) -> Entry:
        return await self._in_thread(key, lambda: self._head(key))

    async def list(self, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
        def page() -> Listing[Entry]:
            def fetch(key: str, inclusive: bool, most: int) -> list[Entry]:
                found: list[Entry] = []
                for entry in self._walk(prefix, key):
                    if entry.key != key or inclusive:
                        found.append(entry)
                    if len(found) >= most:
                        break
                return found

            return folded(fetch, prefix, delimiter, after, limit)

        return await self._in_thread(prefix, page)

    async def open(self, entry: Entry, start: int, end: int) -> Content:
        if entry.key.endswith("/"):
            return b""
        file = await self._in_thread(entry.key, lambda: self._opened(entry))
        return _read(file, start, end)

    async def file(self, entry: Entry) -> Path:
        if entry.key.endswith("/"):
            raise NoObject(entry.bucket, entry.key)
        file = await self._in_thread(entry.key, lambda: self._opened(entry))
        file.close()
        return self.root.joinpath(*_parts(self.where, entry.key))

    async def _put(self, entry: Entry, content: Content) -> Entry:
        parts = _parts(self.where, entry.key)
        if entry.key.endswith("/"):
            if entry.size:
                raise Invalid(f"'{entry.key}' is a folder of {self.where}, and holds no bytes. Choose another key.")
            await self._in_thread(entry.key, lambda: os.close(self._made(parts)))
            return await self.head(entry.key)
        draft = await self._in_thread(entry.key, lambda: _Draft(self._made(parts[:-1]), parts[-1]))
        try:
            async for chunk in chunks(content):
                await self._in_thread(entry.key, partial(draft.add, chunk))
            return await self._in_thread(entry.key, lambda: draft.finish(entry))
        finally:
            await asyncio.to_thread(draft.close)

    async def _delete(self, key: str) -> None:
        with contextlib.suppress(NoObject):
            await self._in_thread(key, lambda: self._deleted(key))

    async def _in_thread(self, key: str, do: Callable[[], T]) -> T:
        """What `do` gives in a thread; what the file system says in the words of the house."""

        def run() -> T:
            with self._told(key):
                return do()

        return await asyncio.to_thread(run)

    @contextlib.contextmanager
    def _told(self, key: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if not self.root.is_dir():
                raise Fault(f"The folder {self.where}, which is the bucket '{self.bucket}', is not there.") from error
            if error.errno in _ABSENT:
                raise NoObject(self.bucket, key) from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise Denied(f"'{key}' in {self.where}: {error.strerror}, for the server's user.") from error
            if error.errno in _FULL:
                raise LimitReached(f"{self.where}: {error.strerror}. Free some space and try again.") from error
            raise self.failed(f"'{key}'", error) from error

    def _head(self, key: str) -> Entry:
        with opened(self.root, "/".join(_known(self, key)[:-1])) as parent:
            name = _known(self, key)[-1]
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if key.endswith("/") and stat.S_ISDIR(status.st_mode):
                return self._folder(key, status)
            if key.endswith("/") or not stat.S_ISREG(status.st_mode):
                raise NoObject(self.bucket, key)
            handle = os.open(name, _READ, dir_fd=parent)
            try:
                return self._described(key, os.fstat(handle), _kept(handle))
            finally:
                os.close(handle)

    def _described(self, key: str, status: os.stat_result, kept: dict[str, Any]) -> Entry:
        mark = [status.st_size, status.st_mtime_ns]
        modified = status.st_mtime_ns / 1e9
        if kept.get("mark") == mark:
            return Entry(
                self.bucket, key, _name(status), status.st_size, kept["etag"], modified, kept["checksum"], kept["doc"]
            )
        doc = {"ContentType": mimetypes.guess_type(key)[0] or "binary/octet-stream"}
        return Entry(self.bucket, key, _name(status), status.st_size, _etag(status), modified, doc=doc)

    def _folder(self, key: str, status: os.stat_result) -> Entry:
        empty = hashlib.md5(b"", usedforsecurity=False).hexdigest()
        doc = {"ContentType": "application/x-directory"}
        return Entry(self.bucket, key, _name(status), 0, empty, status.st_mtime_ns / 1e9, doc=doc)

    def _opened(self, entry: Entry) -> BinaryIO:
        """The file, if it is what it was when `entry` was read."""
        parts = _parts(self.where, entry.key)
        with opened(self.root, "/".join(parts[:-1])) as parent:
            handle = os.open(parts[-1], _READ, dir_fd=parent)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or _name(status) != entry.blob:
            os.close(handle)
            raise NoObject(entry.bucket, entry.key)
        return os.fdopen(handle, "rb", buffering=0)

    def _made(self, parts: list[str]) -> int:
        """A descriptor of a folder below the root; what is missing on the way is made."""
        handle = os.open(self.root, _FOLDER)
        for part in parts:
            try:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
                below = os.open(part, _FOLDER, dir_fd=handle)
            except NotADirectoryError as error:
                path = "/".join(parts)
                raise Invalid(f"'{part}' of '{path}/' is a file in {self.where}. Choose another key.") from error
            finally:
                os.close(handle)
            handle = below
        return handle

    def _deleted(self, key: str) -> None:
        """Removes a file, or an empty folder, and the folders above that hold nothing any more."""
        parts = _known(self, key)
        with opened(self.root, "/".join(parts[:-1])) as parent:
            if key.endswith("/"):
                with contextlib.suppress(OSError):  # what is not empty stays: it is no object
                    os.rmdir(parts[-1], dir_fd=parent)
            else:
                os.unlink(parts[-1], dir_fd=parent)
        for deep in range(len(parts) - 1, 0, -1):
            try:
                with opened(self.root, "/".join(parts[: deep - 1])) as parent:
                    os.rmdir(parts[deep - 1], dir_fd=parent)
            except OSError:
                return

    def _walk(self, prefix: str, start: str) -> Iterator[Entry]:
        """Entries under a prefix from a key on, in the order of S3."""
        handle = os.open(self.root, _FOLDER)
        yield from self._below(handle, "", prefix, start)

    def _below(self, handle: int, path: str, prefix: str, start: str) -> Iterator[Entry]:
        """As `_walk`, in an open folder, which is closed at the end."""
        try:
            for name in sorted(_names(handle), key=str.encode):
                key = path + name
                if not (key.startswith(prefix) or (name.endswith("/") and prefix.startswith(key))):
                    continue
                if key < start and not (name.endswith("/") and start.startswith(key)):
                    continue
                with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
                    yield from self._found(handle, key, name, prefix, start)
        finally:
            os.close(handle)

    def _found(self, handle: int, key: str, name: str, prefix: str, start: str) -> Iterator[Entry]:
        if name.endswith("/"):
            if key.count("/") > DEEPEST:
                return
            below = os.open(name[:-1], _FOLDER, dir_fd=handle)
            empty = not any(True for _ in _names(below))
            if not empty:
                yield from self._below(below, key, prefix, start)
                return
            status = os.fstat(below)
            os.close(below)
            if key.startswith(prefix) and key >= start:
                yield self._folder(key, status)
            return
        file = os.open(name, _READ, dir_fd=handle)
        try:
            yield self._described(key, os.fstat(file), _kept(file))
        finally:
            os.close(file)


class _Draft:
    """A file while it is written, under another name in the folder where it shall be."""

    def __init__(self, folder: int, name: str) -> None:
        self._folder = folder
        self._name = name
        self._draft = f"{OURS}{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(self._draft, flags, 0o666, dir_fd=folder)
        except BaseException:
            os.close(folder)
            raise

    def add(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def finish(self, entry: Entry) -> Entry:
        status = os.fstat(self._file)
        kept = {
            "mark": [status.st_size, status.st_mtime_ns],
            "etag": entry.etag,
            "checksum": entry.checksum,
            "doc": _plain(entry.doc),
        }
        with contextlib.suppress(OSError, AttributeError):  # a file system without attributes, or macOS
            os.setxattr(self._file, ATTRIBUTE, json.dumps(kept, default=str).encode())
        os.fsync(self._file)
        try:
            os.rename(self._draft, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except IsADirectoryError as error:
            raise Invalid(f"'{entry.key}' is a folder there. Choose another key.") from error
        os.fsync(self._folder)
        self._draft = ""
        return Entry(
            entry.bucket,
            entry.key,
            _name(status),
            status.st_size,
            entry.etag,
            status.st_mtime_ns / 1e9,
            entry.checksum,
            entry.doc,
        )

    def close(self) -> None:
        if self._draft:
            with contextlib.suppress(OSError):
                os.unlink(self._draft, dir_fd=self._folder)
        os.close(self._file)
        os.close(self._folder)


def _parts(where: str, key: str) -> list[str]:
    """The names that a key is made of; `Invalid` for a key that no path can be."""
    parts = key.removesuffix("/").split("/")
    for part in parts:
        if part in ("", ".", "..") or "\0" in part or len(part.encode("utf-8", "replace")) > LONGEST:
            raise Invalid(f"The key '{key}' cannot be a path in {where}: a name in it is empty, '.', '..' or too long.")
        if part.startswith(OURS):
            raise Invalid(f"The key '{key}' begins a name with {OURS}, which files have while they are written.")
    if len(parts) > DEEPEST:
        raise Invalid(f"The key '{key}' lies in more than {DEEPEST} folders of {where}. Choose a shorter one.")
    return parts


def _known(mount: FolderMount, key: str) -> list[str]:
    """As `_parts`, for a key that is looked for: one that cannot be is not there."""
    try:
        return _parts(mount.where, key)
    except Invalid as error:
        raise NoObject(mount.bucket, key) from error


def _names(handle: int) -> Iterator[str]:
    """What can be listed of an open folder: files, and folders with a `/` behind."""
    with os.scandir(handle) as found:
        for each in found:
            if each.name.startswith(OURS) or not _nameable(each.name):
                continue
            if each.is_dir(follow_symlinks=False):
                yield each.name + "/"
            elif each.is_file(follow_symlinks=False):
                yield each.name


def _nameable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(status: os.stat_result) -> str:
    """What an entry calls the bytes of a file, as long as nobody writes to it."""
    return f"{status.st_dev}-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def _etag(status: os.stat_result) -> str:
    mark = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return hashlib.md5(mark.encode(), usedforsecurity=False).hexdigest() + "-1"


def _kept(handle: int) -> dict[str, Any]:
    """What a put has kept beside the bytes; nothing where nobody put the file."""
    try:
        kept = json.loads(os.getxattr(handle, ATTRIBUTE))
        whole = kept.keys() >= {"mark", "etag", "checksum", "doc"}
        return {**kept, "doc": _plain(kept["doc"])} if whole else {}
    except (OSError, ValueError, AttributeError):
        return {}


def _plain(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What of a document is the object's own: tags and lists of access are not for whoever can write to the file."""
    return {key: value for key, value in doc.items() if not key.startswith("_")}


async def _read(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    try:
        left = end - start
        await asyncio.to_thread(file.seek, start)
        while left > 0 and (chunk := await asyncio.to_thread(file.read, min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
        if left > 0:
            raise OSError(errno.EIO, f"the file became {left} bytes shorter while it was read")
    finally:
        file.close()
