"""Versions of objects in the order in which S3 lists them: by key, the youngest first.

Two tables are read side by side, each along an index, and merged: a page costs the same however many versions a
bucket or a key has.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select

from potager.kernel import ids
from potager.store import entries, schema
from potager.store.entries import CLASS, NULL, Entry, classed
from potager.store.keys import Listing, folded_marked, successor

_LISTED = ("bucket", "key", "blob", "size", "etag", "modified", "checksum", "version", "sequence")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an object, or a delete marker; `latest` is the one that a request without an id is about."""

    entry: Entry
    latest: bool

    @property
    def key(self) -> str:
        return self.entry.key


def page(
    connection: Connection, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
) -> Listing[Version]:
    """A page of the bucket's versions, folded at the delimiter, behind a key and one of its versions (None: all)."""
    key, version = after
    below = None if version is None else _sequence(connection, bucket, key, version)
    end = successor(prefix) if prefix else ""

    def fetch(key: str, inclusive: bool, below: int | None, most: int) -> list[Version]:
        seen = key if below is not None else None  # the latest of that key was on the page before
        rows = heapq.merge(
            *(_rows(connection, table, bucket, key, inclusive, below, end, most) for table in _TABLES),
            key=lambda entry: (entry.key, -entry.sequence),
        )
        return list(_marked(islice(rows, most), seen))

    return folded_marked(fetch, prefix, delimiter, (key, below), limit, lambda each: each.entry.sequence)


_TABLES = (schema.objects, schema.versions)


def _sequence(connection: Connection, bucket: str, key: str, version: str) -> int:
    """The place of a version that may be gone. One called "null" tells no place: its key is begun anew then."""
    if version != NULL:
        return ids.sequence(version)
    found = entries.get_version(connection, bucket, key, None)
    return 2**62 if found is None else found.sequence


def _rows(
    connection: Connection,
    table: Table,
    bucket: str,
    key: str,
    inclusive: bool,
    below: int | None,
    end: str,
    most: int,
) -> list[Entry]:
    columns = table.c
    storage = columns.doc[CLASS].as_string().label(CLASS)
    query = select(*(columns[name] for name in _LISTED), storage).where(columns.bucket == bucket).limit(most)
    found: list[Any] = []
    if below is not None:
        here = query.where(columns.key == key, columns.sequence < below).order_by(columns.sequence.desc())
        found += connection.execute(here)
    behind = query.where(columns.key >= key if inclusive else columns.key > key)
    if end:
        behind = behind.where(columns.key < end)
    if len(found) < most:
        found += connection.execute(behind.order_by(columns.key, columns.sequence.desc()))
    return [_entry(row) for row in found[:most]]


def _entry(row: Any) -> Entry:
    entry = Entry(*row[:7], doc=classed(row[-1]), version=row.version, sequence=row.sequence)
    return entry if entry.blob else replace(entry, blob="")


def _marked(found: Iterator[Entry], seen: str | None) -> Iterator[Version]:
    for entry in found:
        yield Version(entry, entry.key != seen)
        seen = entry.key
