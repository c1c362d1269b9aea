"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text() -> sa.Text:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _real() -> sa.Double[float]:
    return sa.Double()


def upgrade() -> None:
    op.create_table(
        "buckets",
        sa.Column("name", _text(), nullable=False),
        sa.Column("account", _text(), nullable=False),
        sa.Column("region", _text(), nullable=False),
        sa.Column("created", _real(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="buckets_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "objects",
        sa.Column("bucket", _text(), nullable=False),
        sa.Column("key", _text(), nullable=False),
        sa.Column("blob", _text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", _text(), nullable=False),
        sa.Column("modified", _real(), nullable=False),
        sa.Column("checksum", _text()),
        sa.Column("doc", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("parts", sa.JSON(none_as_null=True)),
        sa.PrimaryKeyConstraint("bucket", "key", name="objects_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("objects_blob", "objects", ["blob"])

    op.create_table(
        "parts",
        sa.Column("upload", _text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("blob", _text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", _text(), nullable=False),
        sa.Column("modified", _real(), nullable=False),
        sa.Column("doc", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("upload", "number", name="parts_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("parts_blob", "parts", ["blob"])

    op.create_table(
        "pieces",
        sa.Column("blob", _text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", _text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("blob", "number", name="pieces_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("pieces_source", "pieces", ["source"])

    op.create_table(
        "rows",
        sa.Column("kind", _text(), nullable=False),
        sa.Column("account", _text(), nullable=False),
        sa.Column("region", _text(), nullable=False),
        sa.Column("name", _text(), nullable=False),
        sa.Column("arn", _text(), nullable=False),
        sa.Column("status", _text()),
        sa.Column("doc", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created", _real(), nullable=False),
        sa.Column("modified", _real(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", _text()),
        sa.Column("lease_until", _real()),
        sa.PrimaryKeyConstraint("kind", "account", "region", "name", name="rows_key"),
    )
    op.create_index("rows_arn", "rows", ["arn"])
    op.create_index("rows_created", "rows", ["kind", "account", "region", "created", "name"])
    op.create_index("rows_status", "rows", ["kind", "status"])

    op.create_table(
        "tags",
        sa.Column("arn", _text(), nullable=False),
        sa.Column("key", _text(), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.PrimaryKeyConstraint("arn", "key", name="tags_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "uploads",
        sa.Column("id", _text(), nullable=False),
        sa.Column("bucket", _text(), nullable=False),
        sa.Column("key", _text(), nullable=False),
        sa.Column("initiated", _real(), nullable=False),
        sa.Column("doc", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="uploads_key"),
    )
    op.create_index("uploads_bucket", "uploads", ["bucket", "key", "id"])
