"""From every schema that was ever released to the present one, with all that is in it, on every back end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from potager.kernel.errors import Damaged, Invalid
from potager.kernel.names import Scope
from potager.store import entries, migrations, schema
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Objects
from potager.store.rows import Rows

HERE = Scope("000000000000", "us-east-1")

FIRST: dict[str, list[dict[str, Any]]] = {
    "buckets": [
        {"name": "claims", "account": HERE.account, "region": HERE.region, "created": 1.5},
        {"name": "empty", "account": HERE.account, "region": "eu-west-1", "created": 2.5},
    ],
    "objects": [
        {
            "bucket": "claims",
            "key": key,
            "blob": blob,
            "size": 6,
            "etag": etag,
            "modified": 3.25,
            "checksum": checksum,
            "doc": json.dumps({"ContentType": "a/b", "Metadata": {"ü": "😀"}}),
            "parts": parts,
        }
        for key, blob, etag, checksum, parts in (
            ("a", "a" * 32, "e1", None, None),
            ("ü/😀", "b" * 32, "e2-2", "CRC32 COMPOSITE", json.dumps([{"Size": 4}, {"Size": 2}])),
        )
    ],
    "uploads": [{"id": "u1", "bucket": "claims", "key": "k", "initiated": 4.0, "doc": "{}"}],
    "parts": [
        {"upload": "u1", "number": 7, "blob": "c" * 32, "size": 3, "etag": "e3", "modified": 5.0, "doc": '{"x":"y"}'}
    ],
    "pieces": [
        {"blob": "b" * 32, "number": 0, "source": "d" * 32, "start": 0, "size": 4},
        {"blob": "b" * 32, "number": 1, "source": "e" * 32, "start": 1, "size": 2},
        {"blob": "u1", "number": 0, "source": "f" * 32, "start": 0, "size": 0},
    ],
    "rows": [
        {
            "kind": "training-job",
            "account": HERE.account,
            "region": HERE.region,
            "name": "fraud",
            "arn": "arn:1",
            "status": "Completed",
            "doc": json.dumps({"A": [1.5, None, "ü"]}),
            "created": 6.0,
            "modified": 7.0,
            "version": 3,
            "owner": "embedded",
            "lease_until": 8.0,
        }
    ],
    "tags": [{"arn": "arn:1", "key": "team", "value": "fraud"}],
}
"""A row or more of every table of the first schema, as its columns were."""


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine that is not the house's, for a look at the tables themselves."""
    made = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    yield made
    made.dispose()


def at(engine: Engine, revision: str) -> None:
    """Brings a database to a revision."""
    with engine.begin() as connection:
        migrations.upgrade(connection, revision)


def fill(engine: Engine) -> None:
    """A database as the first release left it, with data."""
    at(engine, "0001")
    with engine.begin() as connection:
        assert set(inspect(connection).get_table_names()) == {*FIRST, "alembic_version"}
        for table, rows in FIRST.items():
            columns = ", ".join(f'"{name}"' for name in rows[0])
            values = ", ".join(f":{name}" for name in rows[0])
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), rows)


def described(engine: Engine) -> object:
    """All that a schema says."""
    found = inspect(engine)
    tables = {
        name: (
            [
                (column["name"], str(column["type"]), getattr(column["type"], "collation", None), column["nullable"])
                for column in found.get_columns(name)
            ],
            found.get_pk_constraint(name),
            sorted((index["name"], index["column_names"]) for index in found.get_indexes(name)),
        )
        for name in found.get_table_names()
    }
    with engine.connect() as connection:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if engine.dialect.name != "sqlite":
            return tables, version
        made = {
            name: "WITHOUT ROWID" in sql
            for name, sql in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        }
    return tables, made, version


async def test_migrations_and_a_fresh_start_come_to_the_same_schema(url: str, engine: Engine) -> None:
    await (await Database.open(url)).close()
    fresh = described(engine)
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {table}"))
    at(engine, "head")
    assert described(engine) == fresh


def test_the_stamp_of_a_fresh_database_is_the_newest_migration() -> None:
    assert migrations.versions()[-1] == schema.HEAD


async def test_what_the_first_release_kept_is_all_there(url: str, engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    database, blobs = await Database.open(url), Blobs(tmp_path / "blobs")
    objects, rows = Objects(database, blobs), Rows(database, b"a secret")
    try:
        bucket = await objects.bucket("claims")
        assert (bucket.region, bucket.created, bucket.versioning, bucket.doc) == (HERE.region, 1.5, None, {})
        assert [each.name for each in await objects.buckets()] == ["claims", "empty"]
        plain, parted = (await objects.list("claims")).entries
        assert (plain.key, parted.key) == ("a", "ü/😀")
        found = await objects.head("claims", "ü/😀")
        assert (found.etag, found.size, found.checksum, found.modified) == ("e2-2", 6, "CRC32 COMPOSITE", 3.25)
        assert found.doc == {"ContentType": "a/b", "Metadata": {"ü": "😀"}}
        assert found.parts == [{"Size": 4}, {"Size": 2}]
        assert (found.version, found.sequence) == (None, 0)
        upload = await objects.uploads.find("claims", "k", "u1")
        ((part,), more) = await objects.uploads.parts(upload)
        assert (part.number, part.blob, part.etag, part.doc, more) == (7, "c" * 32, "e3", {"x": "y"}, False)
        row = await rows.find("training-job", HERE, "fraud")
        assert (row.doc, row.status, row.version) == ({"A": [1.5, None, "ü"]}, "Completed", 3)
        assert await rows.read(lambda tx: tx.tags("arn:1")) == {"team": "fraud"}
        pieces = text("SELECT blob, number, source, start, size FROM pieces ORDER BY blob, number")
        kept = await database.read(lambda connection: [tuple(each) for each in connection.execute(pieces)])
        assert kept == [tuple(each.values()) for each in FIRST["pieces"]]

        again = await objects.copy(("claims", "a"), ("empty", "a"))
        assert again.blob == plain.blob
        assert await database.write(lambda connection: entries.remove(connection, "claims", "a")) == (None, ["a" * 32])
    finally:
        await objects.close()
        blobs.close()
        await database.close()


async def test_a_migration_that_breaks_off_leaves_the_database_as_it_was(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    fill(engine)
    before, create = described(engine), op.create_table

    def broken(name: str, *given: Any, **named: Any) -> Any:
        if name == "inline":
            raise OSError("the power is gone")
        return create(name, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(op, "create_table", broken)
        with pytest.raises(OSError, match="power"):
            await Database.open(url)
    assert described(engine) == before
    await (await Database.open(url)).close()
    assert described(engine) != before


async def test_a_database_of_a_newer_potager_is_refused_by_name(url: str, engine: Engine) -> None:
    await (await Database.open(url)).close()
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Invalid, match=r"has schema 9999, and this Potager knows those up to .* a newer one made it"):
        await Database.open(url)


async def test_a_database_of_another_program_is_refused_and_left_alone(url: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE payroll (id INTEGER)"))
    with pytest.raises(Invalid, match="not Potager's, such as 'payroll'"):
        await Database.open(url)
    assert inspect(engine).get_table_names() == ["payroll"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damage", ["all of it", "a page"])
async def test_a_damaged_file_is_told_in_a_sentence_with_the_remedy(url: str, tmp_path: Path, damage: str) -> None:
    database = await Database.open(url)
    many = [{"arn": f"{n}", "key": "k", "value": "v" * 500} for n in range(2000)]
    await database.write(lambda connection: connection.execute(schema.tags.insert(), many))
    await database.close()
    assert await values(url) == 2000
    file = tmp_path / "rows.db"
    content = bytearray(file.read_bytes())
    begin = 0 if damage == "all of it" else 4096
    content[begin:] = b"\xff" * (len(content) - begin)
    file.write_bytes(content)
    with pytest.raises(Damaged, match=r"rows\.db is damaged .*potager restore"):
        await values(url)


async def values(url: str) -> int:
    """How many values the tags of a database have, every one of them read."""
    opened = await Database.open(url)
    try:
        return await opened.read(lambda connection: len(list(connection.scalars(text("SELECT value FROM tags")))))
    finally:
        await opened.close()
