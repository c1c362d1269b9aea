"""Objects as rows: what is known of them, read and written inside a transaction.

    objects      the current object of a key, the only one that most reads look at
    versions     in a bucket that keeps versions: what was current before, and delete markers

`sequence` orders the versions of a key, whatever clocks say: each is one more than the greatest before it. A key whose
greatest is in `versions` has been deleted: that one is a delete marker, and no row of `objects` is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select, update

from potager.kernel import clock, ids
from potager.kernel.errors import NotFound
from potager.store import schema
from potager.store.keys import Listing, folded, successor
from potager.store.prepared import Prepared

ENABLED, SUSPENDED = "Enabled", "Suspended"
"""A bucket's versioning; None where it was never turned on."""

NULL = "null"
"""What S3 calls a version without an id."""

_t = schema.objects
_v = schema.versions
_LISTED = ("bucket", "key", "blob", "size", "etag", "modified", "checksum")
CLASS = "StorageClass"
"""Where a document has the storage class that was named, if another than S3's usual one."""
_ALL = (*_LISTED, "doc", "parts", "version", "sequence")
_HERE = (_t.c.bucket == bindparam("b_bucket")) & (_t.c.key == bindparam("b_key"))
GET = Prepared(select(*(_t.c[name] for name in _ALL)).where(_HERE))
_inline = schema.inline
READ = Prepared(
    select(*(_t.c[name] for name in _ALL), _inline.c.data)
    .select_from(_t.outerjoin(_inline, _inline.c.blob == _t.c.blob))
    .where(_HERE)
)
_BUCKETS = schema.buckets
_OLD = Prepared(
    select(_BUCKETS.c.versioning, _t.c.blob)
    .select_from(_BUCKETS.outerjoin(_t, (_t.c.bucket == _BUCKETS.c.name) & (_t.c.key == bindparam("b_key"))))
    .where(_BUCKETS.c.name == bindparam("b_bucket"))
)
"""The blob of an object: no row without the bucket, a row with NULL without the object. One query for a put."""
_DELETE = Prepared(delete(_t).where(_HERE))
_INSERT = Prepared(insert(_t))
_SET = tuple(name for name in _ALL if name not in ("bucket", "key"))
_UPDATE = Prepared(
    update(_t).where(_HERE).values({name: bindparam(f"v_{name}", type_=_t.c[name].type) for name in _SET})
)
_BUCKET = Prepared(select(_BUCKETS.c.name).where(_BUCKETS.c.name == bindparam("b_bucket")))
_VERSIONING = Prepared(select(_BUCKETS.c.versioning).where(_BUCKETS.c.name == bindparam("b_bucket")))
_KEYS: BindParameter[list[str]] = bindparam("keys", expanding=True)
_THEM = (_t.c.bucket == bindparam("b_bucket")) & _t.c.key.in_(_KEYS)
_THESE = select(_t.c.key, _t.c.blob).where(_THEM)
_DELETE_THESE = delete(_t).where(_THEM)
_KEPT = (_v.c.bucket == bindparam("b_bucket")) & (_v.c.key == bindparam("b_key"))
_OLDER = select(*(_v.c[name] for name in _ALL)).where(_KEPT).order_by(_v.c.sequence.desc()).limit(1)
_LAST = select(func.max(_v.c.sequence)).where(_KEPT)


def classed(storage: str | None) -> dict[str, str]:
    """What a listing shows of an object's document."""
    return {CLASS: storage} if storage else {}


class NoBucket(NotFound):
    """The bucket is not there."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"There is no bucket '{bucket}'. Create it first.")
        self.bucket = bucket


class NoObject(NotFound):
    """The bucket is there, the key is not, or no more."""

    def __init__(self, bucket: str, key: str, marker: Entry | None = None) -> None:
        super().__init__(f"There is no object '{key}' in bucket '{bucket}'.")
        self.bucket = bucket
        self.key = key
        self.marker = marker
        """The delete marker that stands in its place, if one does."""


class NoVersion(NotFound):
    """The bucket is there, that version of the key is not."""

    def __init__(self, bucket: str, key: str, version: str | None) -> None:
        super().__init__(f"There is no version '{version or 'null'}' of '{key}' in bucket '{bucket}'.")
        self.bucket = bucket
        self.key = key
        self.version = version


class IsMarker(NotFound):
    """The version is there, but it is a delete marker: it has no bytes."""

    def __init__(self, marker: Entry) -> None:
        name = marker.version or NULL
        super().__init__(f"Version '{name}' of '{marker.key}' in bucket '{marker.bucket}' is a delete marker.")
        self.marker = marker


@dataclass(frozen=True, slots=True)
class Entry:
    """One object or version of an object, without its bytes.

    Parameters
    ----------
    blob : whose bytes; read them through `Objects.read`, or as one file through `Objects.file`. "" for a delete marker.
    etag : without its quotes.
    modified : seconds since 1970.
    checksum : algorithm and type, such as `CRC32 FULL_OBJECT`; None without one.
    doc : ContentType, Metadata and the like, by the names of GetObject's output; in a listing the storage class alone.
    parts : of a multipart upload, each with its `Size` and checksum; None for other objects and in a listing.
    version : its id; None for S3's version "null", which a bucket without versions has of every object.
    sequence : its place among the versions of its key.
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
    version: str | None = None
    sequence: int = 0

    @property
    def marker(self) -> bool:
        """Whether it says that the object was deleted."""
        return not self.blob


Check = Callable[[Entry | None], None]
"""Raises what forbids a change, given what is there now; called inside the transaction that would make it."""


Note = Callable[[Connection, str, Entry], None]
"""Writes down what became of an object, by S3's name of the event, in the transaction that does it."""


def silent(connection: Connection, name: str, entry: Entry) -> None:
    """The `Note` where nobody asked to be told."""


async def nothing_noted(bucket: str) -> Note:
    """What tells of changes in a bucket, where nothing does."""
    return silent


def get(connection: Connection, bucket: str, key: str) -> Entry | None:
    """The object, None when it is not there."""
    found = GET.first(connection, {"b_bucket": bucket, "b_key": key})
    return None if found is None else Entry(*found)


def here(bucket: str, key: str) -> dict[str, str]:
    """What `GET` and `READ` ask for."""
    return {"b_bucket": bucket, "b_key": key}


def read(row: Sequence[Any]) -> tuple[Entry, bytes | None]:
    """A row of `READ`: the object, and its bytes as they rest where those lie in a row."""
    return Entry(*row[:-1]), row[-1]


def find(connection: Connection, bucket: str, key: str) -> Entry:
    """The object; `NoBucket` or `NoObject` when it is not there."""
    entry = get(connection, bucket, key)
    if entry is None:
        require(connection, bucket)
        raise NoObject(bucket, key, latest(connection, bucket, key))
    return entry


def named(connection: Connection, bucket: str, key: str, version: str | None) -> Entry:
    """The object by its version's id or `NULL`, the current one without; never a delete marker (`IsMarker`)."""
    if version is None:
        return find(connection, bucket, key)
    entry = find_version(connection, bucket, key, None if version == NULL else version)
    if entry.marker:
        raise IsMarker(entry)
    return entry


def holds(connection: Connection, bucket: str) -> bool:
    """Whether there is an object, a version or a delete marker in a bucket."""
    return any(
        connection.scalar(select(table.c.key).where(table.c.bucket == bucket).limit(1)) is not None
        for table in (_t, _v)
    )


def require(connection: Connection, bucket: str) -> None:
    """`NoBucket` when the bucket is not there."""
    if _BUCKET.first(connection, {"b_bucket": bucket}) is None:
        raise NoBucket(bucket)


def put(connection: Connection, entry: Entry, check: Check | None = None) -> tuple[Entry, list[str]]:
    """Makes an object the current one of its key; the object as it is then, and the blobs that lost a name by it.

    What was there is replaced, or stays as a version where the bucket keeps versions.
    """
    here = {"b_bucket": entry.bucket, "b_key": entry.key}
    versioning, there = _old(connection, entry.bucket, entry.key)
    old = get(connection, entry.bucket, entry.key) if there and (check is not None or versioning) else None
    if check is not None:
        check(old)
    freed = [] if there is None else [there]
    if versioning is None:
        entry = replace(entry, version=None, sequence=0)
    else:
        sequence = _next(connection, entry.bucket, entry.key, old)
        entry = replace(entry, version=_version(versioning, sequence), sequence=sequence)
        freed = _keep(connection, entry.bucket, entry.key, old, nulls=versioning == SUSPENDED)
    if there is not None:
        _UPDATE.run(connection, here | {f"v_{name}": getattr(entry, name) for name in _SET})
    else:
        _INSERT.run(connection, {name: getattr(entry, name) for name in _ALL})
    return entry, [blob for blob in freed if blob != entry.blob]


def remove(connection: Connection, bucket: str, key: str) -> tuple[Entry | None, list[str]]:
    """Deletes the current object, if it is there; the blobs that lost a name by it. `NoBucket` without the bucket.

    Where the bucket keeps versions it stays as one, below a delete marker, which is given; None elsewhere.
    """
    here = {"b_bucket": bucket, "b_key": key}
    versioning, there = _old(connection, bucket, key)
    old = get(connection, bucket, key) if there and versioning else None
    if there is not None:
        _DELETE.run(connection, here)
    if versioning is None:
        return None, [] if there is None else [there]
    sequence = _next(connection, bucket, key, old)
    freed = _keep(connection, bucket, key, old, nulls=versioning == SUSPENDED)
    marker = Entry(bucket, key, "", 0, "", clock.now(), version=_version(versioning, sequence), sequence=sequence)
    _insert_version(connection, marker)
    return marker, freed


def remove_all(connection: Connection, bucket: str, keys: Sequence[str]) -> dict[str, str] | None:
    """Deletes a thousand current objects at most in two statements; the blob of each that was there, by its key.

    None, and nothing is done, where the bucket keeps versions: `remove` is for those. `NoBucket` without the bucket.
    """
    found = _VERSIONING.first(connection, {"b_bucket": bucket})
    if found is None:
        raise NoBucket(bucket)
    if found[0] is not None:
        return None
    here = {"b_bucket": bucket, "keys": list(keys)}
    gone = {row.key: row.blob for row in connection.execute(_THESE, here)}
    if gone:
        connection.execute(_DELETE_THESE, here)
    return gone


def get_version(connection: Connection, bucket: str, key: str, version: str | None) -> Entry | None:
    """That version, which may be a delete marker; None when it is not there."""
    current = get(connection, bucket, key)
    if current is not None and current.version == version:
        return current
    which = _v.c.version.is_(None) if version is None else _v.c.version == version
    found = connection.execute(
        select(*(_v.c[name] for name in _ALL)).where(_v.c.bucket == bucket, _v.c.key == key, which)
    ).first()
    return None if found is None else _kept(found)


def find_version(connection: Connection, bucket: str, key: str, version: str | None) -> Entry:
    """That version, which may be a delete marker; `NoBucket` or `NoVersion` when it is not there."""
    found = get_version(connection, bucket, key, version)
    if found is None:
        require(connection, bucket)
        raise NoVersion(bucket, key, version)
    return found


def latest(connection: Connection, bucket: str, key: str) -> Entry | None:
    """The current object of a key, or the delete marker in its place; None when there is neither."""
    current = get(connection, bucket, key)
    if current is not None:
        return current
    found = connection.execute(_OLDER, {"b_bucket": bucket, "b_key": key}).first()
    return None if found is None else _kept(found)


def older(connection: Connection, bucket: str, key: str) -> list[Entry]:
    """What is kept of a key beside its current object, delete markers too, the youngest first."""
    query = select(*(_v.c[name] for name in _ALL)).where(_KEPT).order_by(_v.c.sequence.desc())
    return [_kept(row) for row in connection.execute(query, {"b_bucket": bucket, "b_key": key})]


def remove_version(
    connection: Connection, bucket: str, key: str, version: str | None
) -> tuple[Entry | None, list[str]]:
    """Deletes one version for good; that version, None when it was not there, and the blobs that lost a name by it.

    The version below the current one takes its place, unless that is a delete marker.
    """
    found = get_version(connection, bucket, key, version)
    if found is None:
        require(connection, bucket)
        return None, []
    here = {"b_bucket": bucket, "b_key": key}
    current = get(connection, bucket, key)
    if current is not None and current.sequence == found.sequence:
        _DELETE.run(connection, here)
        current = None
    else:
        connection.execute(delete(_v).where(_KEPT, _v.c.sequence == found.sequence), here)
    if current is None:
        promote(connection, bucket, key)
    return found, [] if found.marker else [found.blob]


def promote(connection: Connection, bucket: str, key: str) -> None:
    """Makes the youngest version the current object, where no object is; a delete marker stays what it is."""
    here = {"b_bucket": bucket, "b_key": key}
    found = connection.execute(_OLDER, here).first()
    if found is None or found.blob is None:
        return
    connection.execute(delete(_v).where(_KEPT, _v.c.sequence == found.sequence), here)
    _INSERT.run(connection, {name: getattr(found, name) for name in _ALL})


def describe(connection: Connection, entry: Entry) -> None:
    """Writes another document for an object or version that is there; all else stays."""
    for table in (_t, _v):
        here = (table.c.bucket == entry.bucket) & (table.c.key == entry.key) & (table.c.sequence == entry.sequence)
        if connection.execute(update(table).where(here).values(doc=dict(entry.doc))).rowcount:
            return


def _version(versioning: str, sequence: int) -> str | None:
    return ids.version(sequence) if versioning == ENABLED else None


def _next(connection: Connection, bucket: str, key: str, current: Entry | None) -> int:
    """The place of a new version, above all others."""
    last: int | None = connection.scalar(_LAST, {"b_bucket": bucket, "b_key": key})
    return 1 + max(last or 0, current.sequence if current else 0)


def _keep(connection: Connection, bucket: str, key: str, old: Entry | None, *, nulls: bool) -> list[str]:
    """Keeps what was current as a version; with `nulls` what is called "null" goes instead. The blobs that it frees."""
    freed: list[str] = []
    if nulls:
        gone = (_v.c.bucket == bucket) & (_v.c.key == key) & _v.c.version.is_(None)
        freed += [blob for blob in connection.scalars(select(_v.c.blob).where(gone)) if blob]
        connection.execute(delete(_v).where(gone))
    if old is not None and nulls and old.version is None:
        freed.append(old.blob)
    elif old is not None:
        _insert_version(connection, old)
    return freed


def _insert_version(connection: Connection, entry: Entry) -> None:
    values = {name: getattr(entry, name) for name in _ALL}
    connection.execute(insert(_v), values | {"blob": entry.blob or None, "doc": dict(entry.doc)})


def _kept(row: Any) -> Entry:
    """A row of `versions` as an entry."""
    entry = Entry(*row)
    return entry if entry.blob else replace(entry, blob="")


def _old(connection: Connection, bucket: str, key: str) -> tuple[str | None, str | None]:
    """The bucket's versioning and the object's blob, None without the object; `NoBucket` without the bucket."""
    found = _OLD.first(connection, {"b_bucket": bucket, "b_key": key})
    if found is None:
        raise NoBucket(bucket)
    return found[0], found[1]


def page(connection: Connection, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Listing[Entry]:
    """A page of the bucket's objects, folded at the delimiter."""
    columns = [*(_t.c[name] for name in _LISTED), _t.c.doc[CLASS].as_string()]
    under = [_t.c.bucket == bucket]
    if prefix and (end := successor(prefix)):
        under.append(_t.c.key < end)

    def fetch(key: str, inclusive: bool, most: int) -> list[Entry]:
        behind = _t.c.key >= key if inclusive else _t.c.key > key
        query = select(*columns).where(*under, behind).order_by(_t.c.key).limit(most)
        return [Entry(*row[:-1], doc=classed(row[-1])) for row in connection.execute(query)]

    return folded(fetch, prefix, delimiter, after, limit)
