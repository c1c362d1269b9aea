"""All rows of a database, of one moment, as an SQLite file of the present schema; such a file made a database again.

    take       beside a running server: SQLite's own backup, or one REPEATABLE READ transaction of Postgres
    put_back   into a database that is empty, in one transaction

Either back end may be on either side. JSON travels as the text that it is.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, URL, Connection, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from potager.kernel.errors import Damaged, Exists, Invalid, NotFound
from potager.store import bond as bonds
from potager.store import migrations, schema
from potager.store.database import backend

BATCH = 1000
"""Rows that are read and written at once."""


def take(url: URL, target: Path) -> None:
    """Makes `target` a snapshot of the rows at `url`; `NotFound` where there is no database."""
    if url.get_backend_name() == "sqlite":
        _from_file(Path(url.database or ""), target)
    else:
        with viewed(url) as source, opened(target) as copy:
            migrations.upgrade(copy, _revision(source))
            _transfer(source, copy)
    _settle(target)


def put_back(source: Path, url: URL, bond: str) -> None:
    """Makes the database at `url` what a snapshot holds; `Exists` where it holds anything already.

    bond : the id that it has from then on (`bond.py`).
    """
    if url.get_backend_name() == "sqlite":
        target = Path(url.database or "")
        if target.exists():
            raise Exists(f"{target} is there already. Restore into an empty folder.")
        shutil.copyfile(source, target)
        target.chmod(0o600)
        with opened(target) as connection:
            bonds.keep(connection, bond)
        return
    made = backend(url)
    with made.claimed() as connection:
        if inspect(connection).get_table_names():
            raise Exists(f"{made.name} is not empty. Restore into an empty one, or into another schema.")
        with opened(source) as snapshot:
            migrations.upgrade(connection, _revision(snapshot))
            _transfer(snapshot, connection)
            migrations.upgrade(connection)
            bonds.keep(connection, bond)
            connection.commit()


@contextmanager
def viewed(url: URL) -> Generator[Connection]:
    """The rows of a live database on Postgres, of one moment; nothing is locked."""
    made = backend(url)
    engine = made.engine
    try:
        with engine.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection:
            if "alembic_version" not in inspect(connection).get_table_names():
                raise NotFound(f"{made.name} holds nothing of Potager's yet.")
            yield connection
    except SQLAlchemyError as error:
        raise made.unusable(error) from error
    finally:
        engine.dispose()


def version(url: URL) -> str:
    """Which version of Postgres holds the rows at `url`; `Invalid` or `NotFound` where none does."""
    with viewed(url) as connection:
        return str(connection.scalar(text("SHOW server_version")))


@contextmanager
def opened(file: Path) -> Generator[Connection]:
    """A snapshot's rows, to read or to write; what is changed is committed at the end."""
    engine = create_engine(URL.create("sqlite", database=str(file)))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def counts(file: Path) -> dict[str, int]:
    """How many rows each table of a snapshot has."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  ours
            for table in sorted(schema.metadata.tables)
        }


def absent(file: object) -> str:
    """What is said where there is no file of rows."""
    return (
        f"There is no database {file}. Name the data folder of a server with --data; where its rows are on Postgres, "
        "name that with --database."
    )


def _from_file(file: Path, target: Path) -> None:
    if not file.exists():
        raise NotFound(absent(file))
    try:
        with closing(sqlite3.connect(file, timeout=60)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
    except sqlite3.DatabaseError as error:
        raise Damaged(
            f"{file} cannot be read ({error}), so no backup was made. Look at the disk, and keep the backups that "
            "you have."
        ) from error


def _settle(file: Path) -> None:
    """Brings a snapshot to the present schema, and to be one file."""
    with opened(file) as connection:
        migrations.migrate(connection, str(file))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _revision(connection: Connection) -> str:
    revision: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    if revision not in migrations.versions():
        raise Invalid(
            f"The rows have schema {revision}, and this Potager knows those up to {schema.HEAD}: use a newer one."
        )
    return revision


def _transfer(source: Connection, target: Connection) -> None:
    """Copies every row of every table; both have the same schema, and the target's tables are empty."""
    found = inspect(target)
    for table in found.get_table_names():
        if table == "alembic_version":
            continue
        types = {column["name"]: column["type"] for column in found.get_columns(table)}
        _copy(source, target, table, types)
    _transfer_counter(source, target, "events", "id")


def _copy(source: Connection, target: Connection, table: str, types: Mapping[str, Any]) -> None:
    documents = {name for name, kind in types.items() if isinstance(kind, JSON)}
    columns = ", ".join(f'"{name}"' for name in types)
    read = ", ".join(f'CAST("{name}" AS TEXT) AS "{name}"' if name in documents else f'"{name}"' for name in types)
    postgres = target.dialect.name == "postgresql"
    given = ", ".join(f"CAST(:{name} AS JSON)" if postgres and name in documents else f":{name}" for name in types)
    insert = text(f'INSERT INTO "{table}" ({columns}) VALUES ({given})')  # noqa: S608  names of our own tables
    select = text(f'SELECT {read} FROM "{table}"')  # noqa: S608
    rows = source.execution_options(stream_results=True, yield_per=BATCH).execute(select)
    for batch in rows.mappings().partitions(BATCH):
        target.execute(insert, [dict(row) for row in batch])


def _transfer_counter(source: Connection, target: Connection, table: str, column: str) -> None:
    """Has numbers go on where they were, so that none is given twice."""
    if table not in inspect(target).get_table_names():
        return
    if source.dialect.name == "sqlite":
        last = source.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table}).scalar()
    else:
        sequence = f"pg_get_serial_sequence('{table}', '{column}')"
        known = source.execute(text(f"SELECT pg_sequence_last_value({sequence}::regclass)"))
        last = known.scalar()
    if not last:
        return
    if target.dialect.name == "sqlite":
        target.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table})
        target.execute(text("INSERT INTO sqlite_sequence VALUES (:table, :last)"), {"table": table, "last": last})
    else:
        target.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), :last)"), {"last": last})
