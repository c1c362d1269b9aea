"""Objects as rows: what is known of them, read and written inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from potager.kernel.errors import NotFound
from potager.store import schema
from potager.store.keys import Listing, folded, successor

_t = schema.objects
_LISTED = ("bucket", "key", "blob", "size", "etag", "modified", "checksum")
_ALL = (*_LISTED, "doc", "parts")
_HERE = (_t.c.bucket == bindparam("b_bucket")) & (_t.c.key == bindparam("b_key"))
_GET = select(*(_t.c[name] for name in _ALL)).where(_HERE)
_BUCKETS = schema.buckets
_OLD = (
    select(_t.c.blob)
    .select_from(_BUCKETS.outerjoin(_t, (_t.c.bucket == _BUCKETS.c.name) & (_t.c.key == bindparam("b_key"))))
    .where(_BUCKETS.c.name == bindparam("b_bucket"))
)
"""The blob of an object: no row without the bucket, a row with NULL without the object. One query for a put."""
_DELETE = delete(_t).where(_HERE)
_INSERT = insert(_t)
_SET = tuple(name for name in _ALL if name not in ("bucket", "key"))
_UPDATE = update(_t).where(_HERE).values({name: bindparam(f"v_{name}", type_=_t.c[name].type) for name in _SET})
_BUCKET = select(_BUCKETS.c.name).where(_BUCKETS.c.name == bindparam("b_bucket"))


class NoBucket(NotFound):
    """The bucket is not there."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"There is no bucket '{bucket}'. Create it first.")
        self.bucket = bucket


class NoObject(NotFound):
    """The bucket is there, the key is not, or no more."""

    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"There is no object '{key}' in bucket '{bucket}'.")
        self.bucket = bucket
        self.key = key


@dataclass(frozen=True, slots=True)
class Entry:
    """One object, without its bytes.

    Parameters
    ----------
    blob : whose bytes; read them through `Objects.read`, or as one file through `Objects.file`.
    etag : without its quotes.
    modified : seconds since 1970.
    checksum : algorithm and type, such as `CRC32 FULL_OBJECT`; None without one.
    doc : ContentType, Metadata and the like, by the names of GetObject's output; empty in a listing.
    parts : of a multipart upload, each with its `Size` and checksum; None for other objects and in a listing.
    """

    bucket: str
    key: str
    blob: str
    size: int
    etag: str
    modified: float
    checksum: str | None = None
    doc: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parts: list[dict[str, Any]] | None = None


Check = Callable[[Entry | None], None]
"""Raises what forbids a change, given what is there now; called inside the transaction that would make it."""


def get(connection: Connection, bucket: str, key: str) -> Entry | None:
    """The object, None when it is not there."""
    found = connection.execute(_GET, {"b_bucket": bucket, "b_key": key}).first()
    return None if found is None else Entry(*found)


def find(connection: Connection, bucket: str, key: str) -> Entry:
    """The object; `NoBucket` or `NoObject` when it is not there."""
    entry = get(connection, bucket, key)
    if entry is None:
        require(connection, bucket)
        raise NoObject(bucket, key)
    return entry


def require(connection: Connection, bucket: str) -> None:
    """`NoBucket` when the bucket is not there."""
    if connection.execute(_BUCKET, {"b_bucket": bucket}).first() is None:
        raise NoBucket(bucket)


def put(connection: Connection, entry: Entry, check: Check | None = None) -> list[str]:
    """Writes the object in the place of what was there; the blobs that lost a name by it."""
    here = {"b_bucket": entry.bucket, "b_key": entry.key}
    old = _old(connection, entry.bucket, entry.key)
    if check is not None:
        check(get(connection, entry.bucket, entry.key) if old else None)
    if old:
        connection.execute(_UPDATE, here | {f"v_{name}": getattr(entry, name) for name in _SET})
    else:
        connection.execute(_INSERT, {name: getattr(entry, name) for name in _ALL})
    return [blob for blob in old if blob != entry.blob]


def remove(connection: Connection, bucket: str, key: str) -> list[str]:
    """Deletes the object if it is there; the blobs that lost a name by it. `NoBucket` without the bucket."""
    old = _old(connection, bucket, key)
    if old:
        connection.execute(_DELETE, {"b_bucket": bucket, "b_key": key})
    return old


def _old(connection: Connection, bucket: str, key: str) -> list[str]:
    """The object's blob, none without the object; `NoBucket` without the bucket."""
    found = connection.execute(_OLD, {"b_bucket": bucket, "b_key": key}).first()
    if found is None:
        raise NoBucket(bucket)
    return [] if found.blob is None else [found.blob]


def page(connection: Connection, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
    """A page of the bucket's objects, folded at the delimiter."""
    columns = [_t.c[name] for name in _LISTED]
    under = [_t.c.bucket == bucket]
    if prefix and (end := successor(prefix)):
        under.append(_t.c.key < end)

    def fetch(key: str, inclusive: bool, most: int) -> list[Entry]:
        behind = _t.c.key >= key if inclusive else _t.c.key > key
        query = select(*columns).where(*under, behind).order_by(_t.c.key).limit(most)
        return [Entry(*row) for row in connection.execute(query)]

    return folded(fetch, prefix, delimiter, after, limit)
