"""Bytes of objects: read as a client's request reads them, and compared with every digest that is known of them.

An object whose bytes are not there, or not those that were put, gets those of another one that has the same ETag and
size, where there is one and its bytes are right. Else its row goes to the report, and the file beside it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import update

from potager.kernel.digests import Digests
from potager.store import schema
from potager.store.backup import Progress
from potager.store.drafts import Span
from potager.store.fsck.files import Bad
from potager.store.fsck.finding import Finding, place
from potager.store.fsck.mending import Mender
from potager.store.references import cut
from potager.store.sealing import MEMBER
from potager.store.seals import Damaged, Seal, is_sealed

_CHUNK = 2**20
_ALL = """
SELECT 'objects' AS kind, bucket, key, blob, size, etag, version, checksum, doc, parts, NULL AS upload, NULL AS number
FROM objects
UNION ALL SELECT 'versions', bucket, key, blob, size, etag, version, checksum, doc, parts, NULL, NULL FROM versions
WHERE blob IS NOT NULL
UNION ALL SELECT 'parts', u.bucket, u.key, p.blob, p.size, p.etag, NULL, NULL, u.doc, NULL, p.upload, p.number
FROM parts p JOIN uploads u ON u.id = p.upload
"""
_OF = f"SELECT * FROM ({_ALL}) WHERE blob = :blob OR blob IN (SELECT blob FROM pieces WHERE source = :blob)"  # noqa: S608
_LIKE = f"SELECT * FROM ({_ALL}) WHERE etag = :etag AND size = :size AND blob <> :blob AND kind <> 'parts'"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Named:
    """An object, a version or a part, as its row has it."""

    kind: str
    bucket: str
    key: str
    blob: str
    size: int
    etag: str
    version: str | None
    checksum: str | None
    doc: Mapping[str, Any]
    parts: list[dict[str, Any]] | None
    upload: str | None
    number: int | None

    @property
    def where(self) -> str:
        return place(self.bucket, self.key, self.version, self.number)


class Verdict(NamedTuple):
    """What is wrong with bytes, empty for nothing, and whether that will not pass by itself."""

    told: str
    certain: bool


FINE = Verdict("", True)


def _named(row: sqlite3.Row) -> Named:
    said = dict(row)
    parts = said["parts"]
    return Named(**said | {"doc": json.loads(said["doc"]), "parts": json.loads(parts) if parts else None})


class Contents:
    """Reads the bytes of blobs.

    Parameters
    ----------
    opener : what opens the sealed bytes of an object with that document, None where nobody here can.
    """

    def __init__(
        self, found: sqlite3.Connection, blobs: Path, opener: Callable[[Mapping[str, Any]], Seal | None]
    ) -> None:
        self._found = found
        self._blobs = blobs
        self._opener = opener

    def wrong(self, named: Named) -> Verdict:
        """What is wrong with an object's bytes; nothing where they cannot be opened here."""
        try:
            seal = self._opener(named.doc) if is_sealed(named.blob) else None
        except Exception as error:  # in words of its own
            return Verdict(
                f"its key does not open ({error or type(error).__name__}): is keys.json the right one?", False
            )
        if is_sealed(named.blob) and seal is None:
            return FINE
        try:
            return Verdict(_wrong(named, self._read(named, seal)), True)
        except Damaged as error:
            return Verdict(str(error), True)
        except OSError as error:
            return Verdict(f"it cannot be read ({error.strerror}): look at the disk", False)

    def _read(self, named: Named, seal: Seal | None) -> Iterator[bytes]:
        pieces = self._found.execute(
            "SELECT source, start, size FROM pieces WHERE blob = ? ORDER BY number", (named.blob,)
        ).fetchall()
        spans = [Span(*piece) for piece in pieces] or [Span(named.blob, 0, named.size)]
        whole = not pieces
        for span in cut(spans, 0, named.size) or spans[:1]:
            with self._open(span.source) as raw:
                file: Any = seal.reader(span.source, raw) if seal else raw
                file.seek(span.start)
                left = span.size
                while chunk := file.read(_CHUNK if whole else min(_CHUNK, left)):
                    yield chunk
                    left -= len(chunk)

    def _open(self, blob: str) -> BinaryIO:
        row = self._found.execute("SELECT data FROM inline WHERE blob = ?", (blob,)).fetchone()
        return BytesIO(row["data"]) if row else (self._blobs / blob[:2] / blob).open("rb")


def _wrong(named: Named, chunks: Iterator[bytes]) -> str:
    """What is wrong with bytes, by their number, the ETag and the checksum."""
    algorithm, _, kind = (named.checksum or "").partition(" ")
    expected = named.doc.get(f"Checksum{algorithm}") if algorithm and kind != "COMPOSITE" else None
    sizes = [part["Size"] for part in named.parts] if named.parts else []
    total = Digests(["md5", *([algorithm.lower()] if expected else [])])
    parts = [hashlib.md5(usedforsecurity=False) for _ in sizes]
    count, number, room = 0, 0, sizes[0] if sizes else 0
    for chunk in chunks:
        total.update(chunk)
        count += len(chunk)
        rest = memoryview(chunk)
        while parts and rest:
            while not room and number + 1 < len(parts):
                number += 1
                room = sizes[number]
            taken = rest[: room or len(rest)]
            parts[number].update(taken)
            room, rest = max(0, room - len(taken)), rest[len(taken) :]
    found = total.values()
    if count != named.size:
        return f"{count} bytes are there of {named.size}"
    if not _fits(named.etag, found["md5"], [each.digest() for each in parts]):
        return "its bytes are not those that were put (the MD5 differs)"
    if expected and b64decode(expected) != found[algorithm.lower()]:
        return f"its bytes are not those that were put (the {algorithm} differs)"
    return ""


def _fits(etag: str, whole: bytes, parts: list[bytes]) -> bool:
    """Whether an ETag is that of these digests; one that nothing can be said of fits."""
    if len(etag) == 32:
        return etag == whole.hex()
    if "-" not in etag or str(len(parts)) != etag.partition("-")[2]:
        return True
    return etag.partition("-")[0] == hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()


def examined(found: sqlite3.Connection, contents: Contents, broken: set[str], progress: Progress) -> Iterator[Finding]:
    """Every object, version and part whose bytes are not those that were put; those of `broken` were told already."""
    total = int(found.execute(f"SELECT total(size) FROM ({_ALL})").fetchone()[0])  # noqa: S608
    done, last, verdict = 0, None, FINE
    for row in found.execute(f"SELECT * FROM ({_ALL}) ORDER BY blob, etag, size"):  # noqa: S608
        named = _named(row)
        done += named.size
        if named.blob in broken or _sources(found, named.blob) & broken:
            continue
        same = (named.blob, named.etag, named.size, named.checksum)
        verdict = verdict if same == last else contents.wrong(named)
        last = same
        progress(done, total)
        if verdict.told and verdict.certain:
            yield _lost(found, contents, named, verdict.told, broken)
        elif verdict.told:
            yield Finding(named.where, verdict.told, "Nothing is done about it.")


def _sources(found: sqlite3.Connection, blob: str) -> set[str]:
    return {row["source"] for row in found.execute("SELECT source FROM pieces WHERE blob = ?", (blob,))}


def lost(found: sqlite3.Connection, contents: Contents, bad: Bad, broken: set[str]) -> Iterator[Finding]:
    """One finding for each object, version and part that lies in a blob that is not whole."""
    for row in found.execute(_OF, {"blob": bad.blob}).fetchall():
        yield _lost(found, contents, _named(row), bad.told, broken)


def _lost(found: sqlite3.Connection, contents: Contents, named: Named, told: str, broken: set[str]) -> Finding:
    other = _another(found, contents, named, broken)
    if other is not None:
        remedy = f"It is given the bytes of {other.where}, which are the same."
        return Finding(named.where, f"is not whole: {told}", remedy, _giving(named, other))
    remedy = "Put it again, or restore a backup; its row goes to the report, so that nobody reads what is wrong."
    return Finding(named.where, f"is not whole: {told}", remedy, _taking(named))


def _another(found: sqlite3.Connection, contents: Contents, named: Named, broken: set[str]) -> Named | None:
    """An object that holds the same bytes, whole; sealed ones hold theirs under keys of their own."""
    if MEMBER in named.doc or is_sealed(named.blob):
        return None
    rows = found.execute(_LIKE, {"etag": named.etag, "size": named.size, "blob": named.blob}).fetchall()
    for other in map(_named, rows):
        if is_sealed(other.blob) or other.blob in broken or _sources(found, other.blob) & broken:
            continue
        if not contents.wrong(other).told:
            return other
    return None


def _giving(named: Named, other: Named) -> Callable[[Mender], None]:
    def mend(mender: Mender) -> None:
        if named.kind == "parts":
            t = schema.parts
            here = (t.c.upload == named.upload) & (t.c.number == named.number)
        else:
            t = schema.metadata.tables[named.kind]
            here = (t.c.bucket == named.bucket) & (t.c.key == named.key)
            here &= t.c.version.is_(None) if named.version is None else t.c.version == named.version
        mender.connection.execute(update(t).where(here).values(blob=other.blob))

    return mend


def _taking(named: Named) -> Callable[[Mender], None]:
    def mend(mender: Mender) -> None:
        mender.doubt(named.blob)
        if named.kind == "parts":
            t = schema.parts
            mender.take_away(t, (t.c.upload == named.upload) & (t.c.number == named.number))
        else:
            mender.take_version_away(named.bucket, named.key, named.version)

    return mend
