"""A data folder out of a backup (`backup.py`), every byte of it compared with what the backup says it is.

    check the manifest ─► copy beside the folder to be, each file checked ─► rows ─► rename: the folder is there

A restore that breaks off leaves no data folder; what one that was killed left beside it, the next one removes. Rows
that go to Postgres are committed just before the rename; one that breaks off between the two leaves them, and the next
says so.
"""

from __future__ import annotations

import fcntl
import glob
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from potager.kernel.errors import Damaged, Exists, Invalid
from potager.store import bond, copying, snapshot
from potager.store.backup import INDEX, ROWS, Manifest, Progress, read

_BLOB = re.compile(r"[0-9a-f]{2}[0-9a-z._-]{1,100}")


def restore(
    source: Path,
    data: Path,
    located: Callable[[Path], URL],
    *,
    partial: bool = False,
    progress: Progress = lambda done, total: None,
) -> Manifest:
    """Makes `data`, which must be empty or not there, what was backed up.

    Parameters
    ----------
    located : where the rows shall be, given the data folder.
    partial : whether a backup is good enough whose data folder had lost some blobs when it was made.

    Raises
    ------
    Exists : the folder or the database is not empty.
    Damaged : a file of the backup is not what its manifest says.
    """
    manifest = read(source)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Exists(f"{data} is not empty. Restore into an empty folder, and name it with --data.")
    place = source / "snapshots" / manifest.snapshot
    if manifest.missing and not partial:
        raise Damaged(
            f"{source}: {len(manifest.missing)} blobs were not whole already when it was made, such as "
            f"{manifest.missing[0]}. Use an older backup, or --partial to restore what there is."
        )
    return _restored(source, place, manifest, data, located, progress)


def _restored(
    source: Path, place: Path, manifest: Manifest, data: Path, located: Callable[[Path], URL], progress: Progress
) -> Manifest:
    copying.make(data.parent)
    _forget(data)
    fresh = data.with_name(f".{data.name}.restoring-{secrets.token_hex(4)}")
    fresh.mkdir(mode=0o700)
    handle = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _check(place / ROWS, manifest.files[ROWS])
        _check(place / INDEX, manifest.files[INDEX])
        _files(place, fresh, manifest)
        _blobs(source / "blobs", fresh / "blobs", place / INDEX, manifest, progress)
        own = bond.fresh()
        bond.say(fresh / bond.FILE, own)
        snapshot.put_back(place / ROWS, located(fresh), own)
        for folder in {path.parent for path in fresh.rglob("*")}:
            copying.sync(folder)
        os.rename(fresh, data)
        copying.sync(data.parent)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    finally:
        os.close(handle)
    return manifest


def _forget(data: Path) -> None:
    """Removes what restores into that folder left that were killed; one that goes on holds a lock on its own."""
    for left in data.parent.glob(f".{glob.escape(data.name)}.restoring-*"):
        handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)


def _check(path: Path, said: tuple[int, str]) -> None:
    try:
        found = copying.digest(path)
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}. The backup is damaged.") from error
    if found != said:
        raise _differs(path)


def _files(place: Path, fresh: Path, manifest: Manifest) -> None:
    for name, said in manifest.files.items():
        if name in (ROWS, INDEX):
            continue
        parts = Path(name).parts
        if parts[0] != "data" or ".." in parts or len(parts) < 2:
            raise Invalid(f"{place}: the manifest names '{name}', which no backup holds. Nothing was restored.")
        target = fresh.joinpath(*parts[1:])
        copying.make(target.parent)
        _copy(place / name, target, said, 0o600)


def _blobs(source: Path, target: Path, index: Path, manifest: Manifest, progress: Progress) -> None:
    target.mkdir(mode=0o700)
    for number in range(256):
        (target / f"{number:02x}").mkdir()
    done = 0
    with closing(sqlite3.connect(f"{index.as_uri()}?mode=ro", uri=True)) as connection:
        for blob, size, sha256 in connection.execute("SELECT id, size, sha256 FROM blobs ORDER BY id"):
            if not _BLOB.fullmatch(blob):
                raise Invalid(f"{index} names the blob '{blob}', which no backup holds. Nothing was restored.")
            path = source / blob[:2] / blob
            mode = 0o444 if not _mode(path) & 0o222 else 0o600
            _copy(path, target / blob[:2] / blob, (size, sha256), mode)
            done += size
            progress(done, manifest.size)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}. The backup is damaged.") from error


def _copy(path: Path, target: Path, said: tuple[int, str], mode: int) -> None:
    try:
        found = copying.copy(path, target, mode=mode)
    except FileNotFoundError as error:
        raise Damaged(f"{path}: is not there. The backup is damaged; use another one.") from error
    if found != said:
        raise _differs(path)


def _differs(path: Path) -> Damaged:
    return Damaged(f"{path} is not what was backed up: size or SHA-256 differ. Use another backup.")
