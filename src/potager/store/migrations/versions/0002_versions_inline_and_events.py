"""Versions of objects, what a bucket is configured to do, small blobs inside the database, events, metrics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text() -> sa.Text:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _real() -> sa.Double[float]:
    return sa.Double()


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


def upgrade() -> None:
    op.add_column("buckets", sa.Column("versioning", _text()))
    op.add_column("buckets", sa.Column("doc", _json(), nullable=False, server_default="{}"))
    op.add_column("objects", sa.Column("version", _text()))
    op.add_column("objects", sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="0"))
    op.drop_index("uploads_bucket", "uploads")
    op.create_index("uploads_bucket", "uploads", ["bucket", "key", "initiated", "id"])
    op.create_table(
        "versions",
        sa.Column("bucket", _text(), nullable=False),
        sa.Column("key", _text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("version", _text()),
        sa.Column("blob", _text()),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", _text(), nullable=False),
        sa.Column("modified", _real(), nullable=False),
        sa.Column("checksum", _text()),
        sa.Column("doc", _json(), nullable=False),
        sa.Column("parts", _json()),
        sa.PrimaryKeyConstraint("bucket", "key", "sequence", name="versions_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("versions_version", "versions", ["bucket", "key", "version"])
    op.create_index("versions_newest", "versions", ["bucket", "key", sa.text("sequence DESC")])
    op.create_index("versions_blob", "versions", ["blob"])
    op.create_table(
        "inline",
        sa.Column("blob", _text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("blob", name="inline_key"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True),
        sa.Column("time", _real(), nullable=False),
        sa.Column("source", _text(), nullable=False),
        sa.Column("name", _text(), nullable=False),
        sa.Column("resource", _text(), nullable=False),
        sa.Column("doc", _json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="events_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cursors",
        sa.Column("name", _text(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="cursors_key"),
    )
    op.create_table(
        "metrics",
        sa.Column("id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("account", _text(), nullable=False),
        sa.Column("region", _text(), nullable=False),
        sa.Column("namespace", _text(), nullable=False),
        sa.Column("name", _text(), nullable=False),
        sa.Column("dimensions", _text(), nullable=False),
        sa.Column("unit", _text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="metrics_key"),
    )
    op.create_index("metrics_name", "metrics", ["account", "region", "namespace", "name", "dimensions"])
    op.create_table(
        "points",
        sa.Column("metric", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("count", _real(), nullable=False),
        sa.Column("sum", _real(), nullable=False),
        sa.Column("least", _real(), nullable=False),
        sa.Column("greatest", _real(), nullable=False),
        sa.Column("buckets", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("metric", "at", "period", name="points_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("points_period", "points", ["period", "at"])
