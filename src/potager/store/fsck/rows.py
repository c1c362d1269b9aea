"""Rows that other rows contradict."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlalchemy import update

from potager.kernel import ids
from potager.store import schema
from potager.store.entries import promote
from potager.store.fsck.finding import Finding, place
from potager.store.fsck.mending import Mender

_UNOWNED = """
SELECT DISTINCT bucket FROM (SELECT bucket FROM objects UNION SELECT bucket FROM versions)
WHERE bucket NOT IN (SELECT name FROM buckets)
"""
_STRANDED = "SELECT id, bucket, key FROM uploads WHERE bucket NOT IN (SELECT name FROM buckets)"
_LOOSE = "SELECT DISTINCT upload FROM parts WHERE upload NOT IN (SELECT id FROM uploads)"
_NOWHERE = """
SELECT DISTINCT blob FROM pieces WHERE blob NOT IN (SELECT blob FROM objects) AND blob NOT IN (SELECT blob FROM parts)
AND blob NOT IN (SELECT blob FROM versions WHERE blob IS NOT NULL) AND blob NOT IN (SELECT id FROM uploads)
"""
_UNNAMED = """
SELECT blob FROM inline WHERE blob NOT IN (SELECT blob FROM objects) AND blob NOT IN (SELECT blob FROM parts)
AND blob NOT IN (SELECT blob FROM versions WHERE blob IS NOT NULL) AND blob NOT IN (SELECT source FROM pieces)
"""
_BEHIND = """
SELECT o.bucket, o.key, max(v.sequence) AS last FROM objects o JOIN versions v ON v.bucket = o.bucket AND v.key = o.key
GROUP BY o.bucket, o.key HAVING max(v.sequence) >= o.sequence
"""
_HEADLESS = """
SELECT v.bucket, v.key FROM versions v WHERE v.blob IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.bucket = v.bucket AND o.key = v.key)
AND v.sequence = (SELECT max(sequence) FROM versions w WHERE w.bucket = v.bucket AND w.key = v.key)
"""
_TWICE = """
SELECT bucket, key, version, sequence FROM versions v
WHERE EXISTS (SELECT 1 FROM versions w WHERE w.bucket = v.bucket AND w.key = v.key
              AND w.version IS v.version AND w.sequence > v.sequence)
OR EXISTS (SELECT 1 FROM objects o WHERE o.bucket = v.bucket AND o.key = v.key AND o.version IS v.version)
"""


def examined(found: sqlite3.Connection) -> Iterator[Finding]:
    """What is wrong among the rows of a snapshot."""
    for row in found.execute(_UNOWNED):
        yield _unowned(row["bucket"])
    for row in found.execute(_STRANDED):
        yield _stranded(row["id"], place(row["bucket"], row["key"]))
    for row in found.execute(_LOOSE):
        yield _loose(row["upload"])
    for row in found.execute(_NOWHERE):
        yield _nowhere(row["blob"])
    for row in found.execute(_UNNAMED):
        yield _unnamed(row["blob"])
    for row in found.execute(_BEHIND):
        yield _behind(row["bucket"], row["key"], row["last"])
    for row in found.execute(_HEADLESS):
        yield _headless(row["bucket"], row["key"])
    for row in found.execute(_TWICE):
        yield _twice(row["bucket"], row["key"], row["version"], row["sequence"])


def _unowned(bucket: str) -> Finding:
    told = "holds objects, and there is no such bucket"
    return Finding(bucket, told, "The bucket is made anew.", lambda mender: mender.bucket(bucket))


def _stranded(upload: str, where: str) -> Finding:
    def mend(mender: Mender) -> None:
        mender.take_away(schema.parts, schema.parts.c.upload == upload)
        mender.take_away(schema.pieces, schema.pieces.c.blob == upload)
        mender.take_away(schema.uploads, schema.uploads.c.id == upload)

    return Finding(where, "is being uploaded to a bucket that is not there", "The upload goes to the report.", mend)


def _loose(upload: str) -> Finding:
    def mend(mender: Mender) -> None:
        mender.take_away(schema.parts, schema.parts.c.upload == upload)

    return Finding(f"upload {upload}", "has parts, and is not there", "Its parts go to the report.", mend)


def _nowhere(blob: str) -> Finding:
    def mend(mender: Mender) -> None:
        mender.take_away(schema.pieces, schema.pieces.c.blob == blob)

    return Finding(f"blob {blob}", "is made of pieces, and nothing names it", "The pieces go to the report.", mend)


def _unnamed(blob: str) -> Finding:
    def mend(mender: Mender) -> None:
        mender.take_away(schema.inline, schema.inline.c.blob == blob)

    return Finding(f"blob {blob}", "lies in a row, and nothing names it", "The row goes to the report.", mend)


def _behind(bucket: str, key: str, last: int) -> Finding:
    t = schema.objects

    def mend(mender: Mender) -> None:
        here = (t.c.bucket == bucket) & (t.c.key == key)
        mender.connection.execute(update(t).where(here).values(sequence=last + 1))

    told = "is the current object, and stands behind an older version"
    return Finding(place(bucket, key), told, "It is put before its versions.", mend)


def _headless(bucket: str, key: str) -> Finding:
    def mend(mender: Mender) -> None:
        promote(mender.connection, bucket, key)

    told = "has versions, no delete marker and no current object"
    return Finding(place(bucket, key), told, "Its youngest version becomes the current object.", mend)


def _twice(bucket: str, key: str, version: str | None, sequence: int) -> Finding:
    t = schema.versions

    def mend(mender: Mender) -> None:
        here = (t.c.bucket == bucket) & (t.c.key == key) & (t.c.sequence == sequence)
        mender.connection.execute(update(t).where(here).values(version=ids.version(sequence)))

    told = f"has two versions called '{version or 'null'}'"
    return Finding(place(bucket, key), told, "The older one is given another id.", mend)
