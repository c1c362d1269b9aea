"""The tables. A fresh database is made from these; an older one gets here by `migrations/`, to the same schema.

    rows, tags                  every resource as a JSON document (`rows.py`)
    buckets, objects            what S3 shows (`objects.py`); an object names the blob that holds its bytes
    uploads, parts              multipart uploads under way (`uploads.py`)
    pieces                      a blob put together from spans of other blobs, until somebody needs it as one file

Times are seconds since 1970 as 64-bit floats. Texts sort by their UTF-8 bytes on every back end, as S3 sorts keys.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

HEAD = "0001"
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
    PrimaryKeyConstraint("bucket", "key", name="objects_key"),
    Index("objects_blob", "blob"),
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
    Index("uploads_bucket", "bucket", "key", "id"),
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
