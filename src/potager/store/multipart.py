"""Multipart uploads and their parts as rows, read and written inside a transaction: what `uploads.py` is made of."""

from __future__ import annotations

import math
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, tuple_

from potager.kernel.errors import NotFound
from potager.store import entries, references, schema
from potager.store.drafts import Span
from potager.store.keys import Listing, folded_marked, successor
from potager.store.sites import Site

_uploads, _parts = schema.uploads, schema.parts
_UPLOAD = [_uploads.c[name] for name in ("id", "bucket", "key", "initiated", "doc")]
_PART = [_parts.c[name] for name in ("number", "blob", "size", "etag", "modified", "doc")]


class NoUpload(NotFound):
    """The upload is not there: never begun, completed or aborted."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way; `doc` is what its object's will be, `initiated` in seconds since 1970."""

    id: str
    bucket: str
    key: str
    initiated: float
    doc: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is there; `doc` holds its checksums by their names on the wire."""

    number: int
    blob: str
    size: int
    etag: str
    modified: float
    doc: Mapping[str, Any]


def begin(connection: Connection, upload: Upload) -> None:
    """Writes an upload down."""
    connection.execute(insert(_uploads), {column.name: getattr(upload, column.name) for column in _UPLOAD})


def put(connection: Connection, upload: str, part: Part) -> list[str]:
    """Makes it a part of an upload, in the place of one of its number; the blobs that lost a name by it."""
    here = (_parts.c.upload == upload) & (_parts.c.number == part.number)
    old = list(connection.scalars(select(_parts.c.blob).where(here)))
    connection.execute(delete(_parts).where(here))
    values = {column.name: getattr(part, column.name) for column in _PART}
    connection.execute(insert(_parts), values | {"upload": upload})
    return old


def forget(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    """Deletes uploads and their parts; the blobs that lost a name by it."""
    ids = select(_uploads.c.id).where(which)
    here = _parts.c.upload.in_(ids)
    blobs = list(connection.scalars(select(_parts.c.blob).where(here)))
    sites = schema.pieces.c.blob.in_(ids)
    blobs += connection.scalars(select(schema.pieces.c.source).where(sites))
    connection.execute(delete(schema.pieces).where(sites))
    connection.execute(delete(_parts).where(here))
    connection.execute(delete(_uploads).where(which))
    return blobs


def find(connection: Connection, bucket: str, key: str, upload: str) -> Upload:
    """The upload of that id, if it is of that bucket and key; else `NoBucket` or `NoUpload`."""
    here = (_uploads.c.id == upload) & (_uploads.c.bucket == bucket) & (_uploads.c.key == key)
    found = connection.execute(select(*_UPLOAD).where(here)).first()
    if found is None:
        entries.require(connection, bucket)
        raise gone(bucket, key, upload)
    return Upload(*found)


def gone(bucket: str, key: str, upload: str) -> NoUpload:
    """The error for an upload that is not there."""
    return NoUpload(f"There is no upload '{upload}' of '{key}' in bucket '{bucket}'.")


def listed(connection: Connection, upload: str, after: int, limit: int | None) -> list[Part]:
    """Parts with a number above `after`, in order."""
    here = (_parts.c.upload == upload) & (_parts.c.number > after)
    query = select(*_PART).where(here).order_by(_parts.c.number).limit(limit)
    return [Part(*row) for row in connection.execute(query)]


def pieces(connection: Connection, blob: str, size: int) -> list[Span]:
    """The pieces of a blob, one where it is a file."""
    return references.spans(connection, blob) or [Span(blob, 0, size)]


def pieces_of(connection: Connection, parts: Sequence[Part]) -> list[list[Span]]:
    """The pieces of each part, in a few queries however many they are."""
    found = references.spans_of(connection, [part.blob for part in parts])
    return [found.get(part.blob) or [Span(part.blob, 0, part.size)] for part in parts]


def left_out(
    connection: Connection, there: Mapping[int, Part], wanted: Sequence[Part], moved: Mapping[str, Span], site: Site
) -> list[Span]:
    """Where in the upload's file the parts stand that its object does without."""
    chosen = {part.number for part in wanted}
    left = [part for number, part in there.items() if number not in chosen]
    spans = [span for pieces in pieces_of(connection, left) for span in pieces]
    return [
        span
        for span in [*spans, *(moved[part.blob] for part in left if part.blob in moved)]
        if span.source == site.blob
    ]


def placed(connection: Connection, upload: str) -> list[tuple[Part, list[Span]]]:
    """All parts, each with its pieces."""
    parts = listed(connection, upload, 0, None)
    return list(zip(parts, pieces_of(connection, parts), strict=True))


def new_id(initiated: float) -> str:
    """The id of an upload, which tells when it was begun: so a listing goes on behind one that has ended meanwhile."""
    return urlsafe_b64encode(secrets.token_bytes(40) + struct.pack(">d", initiated)).decode()


def _initiated(connection: Connection, upload: str) -> float | None:
    """When an upload was begun; None for what is no upload's id."""
    found = connection.scalar(select(_uploads.c.initiated).where(_uploads.c.id == upload))
    if found is not None:
        return found
    with suppress(ValueError):
        raw = urlsafe_b64decode(upload)
        told = struct.unpack(">d", raw[-8:])[0] if len(raw) == len(upload) * 3 // 4 == 48 else math.nan
        return told if math.isfinite(told) else None
    return None


def page(
    connection: Connection, bucket: str, prefix: str, delimiter: str, after: tuple[str, str | None], limit: int
) -> Listing[Upload]:
    """As `Uploads.list`. Several uploads may have one key: when they were begun, then their ids, order them."""
    end = successor(prefix) if prefix else ""
    columns = _uploads.c
    order = (columns.key, columns.initiated, columns.id)

    def fetch(key: str, inclusive: bool, mark: tuple[float, str] | None, most: int) -> list[Upload]:
        query = select(*_UPLOAD).where(columns.bucket == bucket).order_by(*order).limit(most)
        found: list[Any] = []
        if mark is not None:
            later = tuple_(columns.initiated, columns.id) > tuple_(*mark)
            found += connection.execute(query.where(columns.key == key, later))
        behind = query.where(columns.key >= key if inclusive else columns.key > key)
        if len(found) < most:
            found += connection.execute(behind.where(columns.key < end) if end else behind)
        return [Upload(*row) for row in found[:most]]

    begun = None if after[1] is None else _initiated(connection, after[1])
    mark = None if begun is None else (begun, after[1])
    return folded_marked(fetch, prefix, delimiter, (after[0], mark), limit, lambda each: (each.initiated, each.id))
