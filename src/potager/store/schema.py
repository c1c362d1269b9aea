"""The tables. A fresh database is made from these; an older one gets here by `migrations/`, to the same schema.

    rows, tags                  every resource as a JSON document (`rows.py`)
    buckets, objects            what S3 shows (`objects.py`); an object names the blob that holds its bytes
    versions                    what was current in a bucket that keeps versions, and delete markers (`entries.py`)
    uploads, parts              multipart uploads under way (`uploads.py`)
    pieces                      a blob put together from spans of other blobs, until somebody needs it as one file
    inline                      the bytes of small blobs, which are no files until somebody needs them as such
    events, cursors             what happened, for those who asked to be told, in the order in which it was committed;
                                and how far each of them has come
    metrics, points             what is counted and measured: a row a metric, and a summary a period (`metrics.py`)

Times are seconds since 1970 as 64-bit floats. Texts sort by their UTF-8 bytes on every back end, as S3 sorts keys.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

HEAD = "0002"
"""The newest migration, the one that a fresh database is stamped with."""

metadata = MetaData()


def _text() -> Text:
    return Text().with_variant(Text(collation="C"), "postgresql")


def _real() -> Double[float]:
    return Double()


rows = Table(
    "rows",
    metadata,
    Column("kind", _text(), nullable=False),
    Column("account", _text(), nullable=False),
    Column("region", _text(), nullable=False),
    Column("name", _text(), nullable=False),
    Column("arn", _text(), nullable=False),
    Column("status", _text()),
    Column("doc", JSON(none_as_null=True), nullable=False),
    Column("created", _real(), nullable=False),
    Column("modified", _real(), nullable=False),
    Column("version", Integer(), nullable=False),
    Column("owner", _text()),
    Column("lease_until", _real()),
    PrimaryKeyConstraint("kind", "account", "region", "name", name="rows_key"),
    Index("rows_created", "kind", "account", "region", "created", "name"),
    Index("rows_status", "kind", "status"),
    Index("rows_arn", "arn"),
)

tags = Table(
    "tags",
    metadata,
    Column("arn", _text(), nullable=False),
    Column("key", _text(), nullable=False),
    Column("value", _text(), nullable=False),
    PrimaryKeyConstraint("arn", "key", name="tags_key"),
    sqlite_with_rowid=False,
)

buckets = Table(
    "buckets",
    metadata,
    Column("name", _text(), nullable=False),
    Column("account", _text(), nullable=False),
    Column("region", _text(), nullable=False),
    Column("created", _real(), nullable=False),
    Column("versioning", _text()),
    Column("doc", JSON(none_as_null=True), nullable=False, server_default="{}"),
    PrimaryKeyConstraint("name", name="buckets_key"),
    sqlite_with_rowid=False,
)

objects = Table(
    "objects",
    metadata,
    Column("bucket", _text(), nullable=False),
    Column("key", _text(), nullable=False),
    Column("blob", _text(), nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("etag", _text(), nullable=False),
    Column("modified", _real(), nullable=False),
    Column("checksum", _text()),
    Column("doc", JSON(none_as_null=True), nullable=False),
    Column("parts", JSON(none_as_null=True)),
    Column("version", _text()),
    Column("sequence", BigInteger(), nullable=False, server_default="0"),
    PrimaryKeyConstraint("bucket", "key", name="objects_key"),
    Index("objects_blob", "blob"),
    sqlite_with_rowid=False,
)

versions = Table(
    "versions",
    metadata,
    Column("bucket", _text(), nullable=False),
    Column("key", _text(), nullable=False),
    Column("sequence", BigInteger(), nullable=False),
    Column("version", _text()),
    Column("blob", _text()),
    Column("size", BigInteger(), nullable=False),
    Column("etag", _text(), nullable=False),
    Column("modified", _real(), nullable=False),
    Column("checksum", _text()),
    Column("doc", JSON(none_as_null=True), nullable=False),
    Column("parts", JSON(none_as_null=True)),
    PrimaryKeyConstraint("bucket", "key", "sequence", name="versions_key"),
    Index("versions_version", "bucket", "key", "version"),
    Index("versions_newest", "bucket", "key", text("sequence DESC")),
    Index("versions_blob", "blob"),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", _text(), nullable=False),
    Column("bucket", _text(), nullable=False),
    Column("key", _text(), nullable=False),
    Column("initiated", _real(), nullable=False),
    Column("doc", JSON(none_as_null=True), nullable=False),
    PrimaryKeyConstraint("id", name="uploads_key"),
    Index("uploads_bucket", "bucket", "key", "initiated", "id"),
)

parts = Table(
    "parts",
    metadata,
    Column("upload", _text(), nullable=False),
    Column("number", Integer(), nullable=False),
    Column("blob", _text(), nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("etag", _text(), nullable=False),
    Column("modified", _real(), nullable=False),
    Column("doc", JSON(none_as_null=True), nullable=False),
    PrimaryKeyConstraint("upload", "number", name="parts_key"),
    Index("parts_blob", "blob"),
    sqlite_with_rowid=False,
)

pieces = Table(
    "pieces",
    metadata,
    Column("blob", _text(), nullable=False),
    Column("number", Integer(), nullable=False),
    Column("source", _text(), nullable=False),
    Column("start", BigInteger(), nullable=False),
    Column("size", BigInteger(), nullable=False),
    PrimaryKeyConstraint("blob", "number", name="pieces_key"),
    Index("pieces_source", "source"),
    sqlite_with_rowid=False,
)

inline = Table(
    "inline",
    metadata,
    Column("blob", _text(), nullable=False),
    Column("data", LargeBinary(), nullable=False),
    PrimaryKeyConstraint("blob", name="inline_key"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), nullable=False, autoincrement=True),
    Column("time", _real(), nullable=False),
    Column("source", _text(), nullable=False),
    Column("name", _text(), nullable=False),
    Column("resource", _text(), nullable=False),
    Column("doc", JSON(none_as_null=True), nullable=False),
    PrimaryKeyConstraint("id", name="events_key"),
    sqlite_autoincrement=True,
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", _text(), nullable=False),
    Column("event", BigInteger(), nullable=False),
    PrimaryKeyConstraint("name", name="cursors_key"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("id", BigInteger(), nullable=False, autoincrement=False),
    Column("account", _text(), nullable=False),
    Column("region", _text(), nullable=False),
    Column("namespace", _text(), nullable=False),
    Column("name", _text(), nullable=False),
    Column("dimensions", _text(), nullable=False),
    Column("unit", _text(), nullable=False),
    Column("last", BigInteger(), nullable=False),
    PrimaryKeyConstraint("id", name="metrics_key"),
    Index("metrics_name", "account", "region", "namespace", "name", "dimensions"),
)

points = Table(
    "points",
    metadata,
    Column("metric", BigInteger(), nullable=False),
    Column("at", BigInteger(), nullable=False),
    Column("period", Integer(), nullable=False),
    Column("count", _real(), nullable=False),
    Column("sum", _real(), nullable=False),
    Column("least", _real(), nullable=False),
    Column("greatest", _real(), nullable=False),
    Column("buckets", LargeBinary(), nullable=False),
    PrimaryKeyConstraint("metric", "at", "period", name="points_key"),
    Index("points_period", "period", "at"),
    sqlite_with_rowid=False,
)
