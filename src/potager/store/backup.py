"""A backup of a data folder, made beside a running server: a folder from which `restore.py` makes a data folder again.

    DEST/manifest.json              written last: what the backup is, and the digests of its files; without it, none
    DEST/snapshots/<id>/rows.db     all rows, of one moment (`snapshot.py`)
    DEST/snapshots/<id>/blobs.db    the blobs that these rows name, each with its size and SHA-256
    DEST/snapshots/<id>/data/       keys.json, settings, mounts, authorities, logs
    DEST/blobs/<ab>/<id>            objects' bytes, shared by all snapshots

Every object that rows.db names is in it whole: from before the rows are read until the last blob is copied, no file is
removed from the data folder (`removal.py`), and a blob's bytes never change once a row names them. Made again into the
same folder, a backup copies what is new, and replaces the older one when it is whole.

What jobs work in (`jobs`), what they share and what can be made again (`environments`, `pools`, `fetched`, `jumpstart`)
is left out.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from potager.kernel import clock
from potager.kernel.ballast import FULL
from potager.kernel.errors import Exists, InUse, Invalid, LimitReached
from potager.store import copying, naming, removal, schema, snapshot
from potager.store.naming import Needed

FORMAT = 1
MANIFEST, ROWS, INDEX = "manifest.json", "rows.db", "blobs.db"
LEFT_OUT = frozenset(
    {"blobs", "jobs", "environments", "shares", "pools", "fetched", "jumpstart"}
    | {"bond", "lock", "server.json", "server.log", "ballast"}
    | {"potager.db", "potager.db-wal", "potager.db-shm", "potager.db-journal"}
)
"""What of a data folder is no part of a backup as a file: its rows and blobs are, by other ways."""
_OURS = {"blobs", "snapshots", "lock", MANIFEST}
_BLOB_TABLE = "CREATE TABLE blobs (id TEXT PRIMARY KEY, size INTEGER NOT NULL, sha256 TEXT NOT NULL) WITHOUT ROWID"

Progress = Callable[[int, int], None]
"""Called now and then with the bytes that are done and those that there are."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Parameters
    ----------
    taken : when its rows were read, in ISO 8601.
    rows : how many rows each table has.
    blobs, size : how many blobs there are, and their bytes.
    files : size and SHA-256 of each file of the snapshot, by its path below it.
    missing : blobs that rows name and that were not whole in the data folder.
    """

    format: int
    snapshot: str
    taken: str
    version: str
    schema: str
    rows: dict[str, int]
    blobs: int
    size: int
    files: dict[str, tuple[int, str]]
    missing: list[str] = field(default_factory=list[str])


def read(folder: Path) -> Manifest:
    """The manifest of a backup; `Invalid` where there is no whole one."""
    path = folder / MANIFEST
    try:
        said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise Invalid(f"{folder} is no backup, or one that was broken off: it has no {MANIFEST}.") from error
    except (OSError, ValueError) as error:
        raise Invalid(f"{path}: cannot be read: {error}. The backup is damaged.") from error
    if said.get("format") != FORMAT:
        raise Invalid(f"{path}: the format {said.get('format')} is not known here. Use a newer Potager.")
    try:
        return Manifest(**said | {"files": {name: tuple(each) for name, each in said["files"].items()}})
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Invalid(f"{path}: lacks what a manifest has: {error}. The backup is damaged.") from error


def make(data: Path, url: URL, target: Path, version: str, progress: Progress = lambda done, total: None) -> Manifest:
    """Backs a data folder up, whose rows are at `url`.

    `NotFound` where there is nothing, `InUse` beside another backup into the same folder, `LimitReached` for a full
    disk.
    """
    _check(data, target)
    with _locked(target):
        before = _before(target)
        place = target / "snapshots" / secrets.token_hex(8)
        copying.make(place)
        try:
            manifest = _made(data, url, target, place, before, version, progress)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise LimitReached(f"{target}: the disk is full. The backup that was there before is as it was.") from error
        _write(target / MANIFEST, json.dumps(asdict(manifest), indent=1) + "\n")
        _prune(target, manifest)
        return manifest


def _made(
    data: Path, url: URL, target: Path, place: Path, before: Manifest | None, version: str, progress: Progress
) -> Manifest:
    earlier = target / "snapshots" / before.snapshot if before else None
    with removal.withheld(data / "blobs"):
        taken = datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds")
        snapshot.take(url, place / ROWS)
        files = dict(_files(data, place / "data", earlier and earlier / "data"))
        missing = _blobs(data / "blobs", target / "blobs", place, earlier, progress)
    (place / ROWS).chmod(0o600)
    (place / INDEX).chmod(0o600)
    digests = {f"data/{name}": found for name, found in files.items()}
    digests |= {name: copying.digest(place / name) for name in (ROWS, INDEX)}
    count, size = _counted(place / INDEX)
    for folder in {path.parent for path in place.rglob("*")} | {place.parent, target}:
        copying.sync(folder)
    return Manifest(
        FORMAT, place.name, taken, version, schema.HEAD, snapshot.counts(place / ROWS), count, size, digests, missing
    )


def _check(data: Path, target: Path) -> None:
    if not (data / "blobs").is_dir():
        raise Invalid(f"{data} is no data folder: it holds no blobs. Name one with --data.")
    here, there = data.resolve(), target.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise Invalid(f"{target} and the data folder {data} lie in one another. Choose another folder for the backup.")
    copying.make(target)
    others = {path.name for path in target.iterdir()} - _OURS
    if others:
        raise Exists(f"{target} holds '{min(others)}', which is no backup's. Choose an empty folder.")
    target.chmod(0o700)


@contextlib.contextmanager
def _locked(target: Path) -> Generator[None]:
    handle = os.open(target / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InUse(f"{target}: another backup is being made into this folder. Let it end first.") from error
    finally:
        os.close(handle)


def _before(target: Path) -> Manifest | None:
    try:
        return read(target)
    except Invalid:
        return None


def _files(data: Path, target: Path, earlier: Path | None) -> Iterator[tuple[str, tuple[int, str]]]:
    """Copies the small files of a data folder; links are left out. Those that did not change are taken from before."""
    target.mkdir(mode=0o700)
    for path in _walked(data):
        name = path.relative_to(data)
        there = target / name
        copying.make(there.parent)
        try:
            if earlier and _same(path, earlier / name):
                os.link(earlier / name, there)
                found = copying.digest(there)
            else:
                copying.copy(path, there, mode=0o600)
                found = _trimmed(there)
        except FileNotFoundError:  # removed meanwhile
            continue
        yield str(name), found


def _walked(data: Path) -> Iterator[Path]:
    for top in sorted(data.iterdir()):
        if top.name in LEFT_OUT or top.is_symlink():
            continue
        if top.is_file():
            yield top
        elif top.is_dir():
            for folder, _, names in os.walk(top):
                yield from (
                    path for name in sorted(names) if (path := Path(folder, name)).is_file() and not path.is_symlink()
                )


def _same(path: Path, earlier: Path) -> bool:
    try:
        now, then = path.stat(), earlier.stat()
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (then.st_size, then.st_mtime_ns)


def _trimmed(path: Path) -> tuple[int, str]:
    """Cuts a log off behind its last whole line, where it was copied while somebody wrote."""
    if path.suffix == ".log":
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            times = path.stat()
            os.truncate(path, content.rfind(b"\n") + 1)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return copying.digest(path)


def _blobs(source: Path, target: Path, place: Path, earlier: Path | None, progress: Progress) -> list[str]:
    """Copies the blobs that the snapshot's rows name, those that are not there already; those that are not whole."""
    missing: list[str] = []
    with closing(sqlite3.connect(place / ROWS)) as rows, closing(sqlite3.connect(place / INDEX)) as index:
        index.execute(_BLOB_TABLE)
        if earlier:
            index.execute("ATTACH ? AS earlier", (str(earlier / INDEX),))
        _, all_of_it = naming.total(rows)
        done = 0
        for each in naming.needed(rows):
            found = _known(index, each, target) if earlier else None
            found = found or _copied(source, target, each)
            if found is not None:
                index.execute("INSERT INTO main.blobs VALUES (?, ?, ?)", (each.blob, *found))
            if not each.optional and (found is None or found[0] < each.size or (each.exact and found[0] != each.size)):
                missing.append(each.blob)
            done += each.size
            progress(done, all_of_it)
        index.commit()
    return missing


def _known(index: sqlite3.Connection, each: Needed, target: Path) -> tuple[int, str] | None:
    """What an earlier backup knows of a blob that it holds for good."""
    found = index.execute("SELECT size, sha256 FROM earlier.blobs WHERE id = ?", (each.blob,)).fetchone()
    if found is None:
        return None
    try:
        there = os.stat(_path(target, each.blob))
    except FileNotFoundError:
        return None
    final = not there.st_mode & 0o222  # else it was an upload's, which has gone on since
    return (found[0], found[1]) if final and there.st_size == found[0] else None


def _copied(source: Path, target: Path, each: Needed) -> tuple[int, str] | None:
    """Copies a blob; None where it is not there."""
    path, there = _path(source, each.blob), _path(target, each.blob)
    try:
        final = not path.stat().st_mode & 0o222
        copying.make(there.parent)
        return copying.copy(path, there, mode=0o444 if final else 0o600, link=final)
    except FileNotFoundError:
        return None


def _path(folder: Path, blob: str) -> Path:
    return folder / blob[:2] / blob


def _counted(index: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(index)) as connection:
        count, size = connection.execute("SELECT count(*), total(size) FROM blobs").fetchone()
        return count, int(size)


def _write(path: Path, content: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(fresh, path)
    copying.sync(path.parent)


def _prune(target: Path, manifest: Manifest) -> None:
    """Removes what only earlier or torn backups needed."""
    for place in (target / "snapshots").iterdir():
        if place.name != manifest.snapshot:
            shutil.rmtree(place)
    index = target / "snapshots" / manifest.snapshot / INDEX
    with closing(sqlite3.connect(index)) as connection:
        for folder in (target / "blobs").glob("*"):
            for path in folder.iterdir():
                if not connection.execute("SELECT 1 FROM blobs WHERE id = ?", (path.name,)).fetchone():
                    path.unlink()
