"""Files that no row names, and files that rows name and that are not what they should be."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from potager.store import naming
from potager.store.fsck.finding import Finding
from potager.store.fsck.mending import Mender

_ID = re.compile(r"[0-9a-f]{32}(\.sealed)?")
_PRIVATE = ("keys.json", "mounts.json", "potager.db")
_NAMED = """
SELECT 1 FROM objects WHERE blob = :blob UNION ALL SELECT 1 FROM versions WHERE blob = :blob
UNION ALL SELECT 1 FROM parts WHERE blob = :blob UNION ALL SELECT 1 FROM pieces WHERE source = :blob LIMIT 1
"""
_FINAL = """
SELECT 1 FROM objects WHERE blob = :blob UNION ALL SELECT 1 FROM versions WHERE blob = :blob LIMIT 1
"""


class Bad(NamedTuple):
    """A blob that rows need and that is not whole: gone, or of another size."""

    blob: str
    told: str
    path: Path | None
    """Its file, where there is one."""


def examined(found: sqlite3.Connection, blobs: Path) -> Iterator[Finding | Bad]:
    """What is wrong between the rows of a snapshot and the files of a folder of blobs."""
    bad = list(_missing(found, blobs))
    wanted = sum(not each.optional for each in naming.needed(found))
    gone = sum(each.path is None for each in bad)
    if gone and gone == wanted and any(_listed(blobs)):
        told = f"holds none of the {gone} blobs that the database names, and others"
        remedy = "Is it the right database? Look at the setting `database`; nothing was changed."
        yield Finding(str(blobs), told, remedy)
        return
    yield from bad
    yield from _inline(found)
    names_any = found.execute("SELECT 1 FROM objects UNION ALL SELECT 1 FROM versions LIMIT 1").fetchone()
    for folder, name in _listed(blobs):
        path = blobs / folder / name
        yield from _file(found, path, folder, sure=names_any is not None)


def _missing(found: sqlite3.Connection, blobs: Path) -> Iterator[Bad]:
    for each in naming.needed(found):
        path = blobs / each.blob[:2] / each.blob
        try:
            size = path.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            if not each.optional:
                yield Bad(each.blob, "its bytes are gone", None)
            continue
        if size < each.size or (each.exact and size != each.size):
            yield Bad(each.blob, f"its file has {size} bytes of {each.size}", path)


def _inline(found: sqlite3.Connection) -> Iterator[Bad]:
    query = """
        SELECT i.blob, length(i.data) AS size, max(n.size) AS said FROM inline i JOIN (
            SELECT blob, size FROM objects UNION ALL SELECT blob, size FROM versions
            UNION ALL SELECT blob, size FROM parts
        ) n ON n.blob = i.blob GROUP BY i.blob
    """
    for row in found.execute(query):
        said = naming.stored(row["blob"], row["said"])
        if row["size"] != said:
            yield Bad(row["blob"], f"its row has {row['size']} bytes of {said}", None)


def _listed(blobs: Path) -> Iterator[tuple[str, str]]:
    for number in range(256):
        folder = f"{number:02x}"
        if (blobs / folder).is_dir():
            yield from ((folder, name) for name in sorted(os.listdir(blobs / folder)))


def _file(found: sqlite3.Connection, path: Path, folder: str, *, sure: bool) -> Iterator[Finding]:
    shown = path.stat(follow_symlinks=False)
    if not stat.S_ISREG(shown.st_mode) or not _ID.fullmatch(path.name) or not path.name.startswith(folder):
        remedy = "It is put aside."
        yield Finding(str(path), "is no blob's file", remedy, lambda mender: mender.put_aside(path))
    elif not found.execute(_NAMED, {"blob": path.name}).fetchone():
        told = f"has {shown.st_size} bytes that nothing names"
        if sure:
            yield Finding(str(path), told, "It is removed.", _removing(path))
        else:
            remedy = "The database names no object at all. If that is right, remove the file yourself."
            yield Finding(str(path), told, remedy)
    elif shown.st_mode & 0o222 and found.execute(_FINAL, {"blob": path.name}).fetchone():
        yield Finding(
            str(path), "can be written to, and objects lie in it", "It is made read-only.", _setting(path, 0o444)
        )


def strays(data: Path) -> Iterator[Finding]:
    """Temporary files, plaintext of what is encrypted, and secrets that others can read."""
    for path in sorted((data / "blobs" / "tmp").glob("*")):
        yield Finding(str(path), "was being written when the server died", "It is removed.", _removing(path))
    for path in sorted((data / "blobs" / "plain").glob("*")):
        yield Finding(str(path), "is the plaintext of an encrypted object", "It is removed.", _removing(path))
    for name in _PRIVATE:
        path = data / name
        if path.is_file() and path.stat().st_mode & 0o077:
            yield Finding(
                str(path), "can be read by other users", "It is made its owner's alone.", _setting(path, 0o600)
            )


def _removing(path: Path) -> Callable[[Mender], None]:
    return lambda mender: mender.remove(path)


def _setting(path: Path, mode: int) -> Callable[[Mender], None]:
    return lambda mender: path.chmod(mode)
