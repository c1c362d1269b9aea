"""What only Postgres can do to a database: go away, come back, be somebody else's, be full."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from potager.kernel.errors import Fault, InUse, Invalid, LimitReached, Unavailable
from potager.store import postgres as back_end
from potager.store.database import Database, located
from tests import postgres as postgres_servers
from tests.postgres import Server


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[Database]:
    opened = await Database.open(postgres)
    yield opened
    await opened.close()


@pytest.fixture
def own(postgres_server: Server) -> Server:
    """A server that the test may stop and start."""
    if os.environ.get(postgres_servers.VARIABLE):
        pytest.skip(f"the server that {postgres_servers.VARIABLE} names is not ours to stop")
    return postgres_server


def note(connection: Connection, value: str) -> str:
    connection.execute(text("INSERT INTO tags VALUES ('a', :value, '')"), {"value": value})
    return value


async def keys(database: Database) -> list[str]:
    return await database.read(lambda connection: list(connection.scalars(text("SELECT key FROM tags ORDER BY key"))))


def cut(server: Server, which: str = "%") -> None:
    """Ends the connections of Potager's, as a network that breaks does."""
    with server.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND application_name LIKE %s AND backend_type = 'client backend'",
            (which,),
        )


async def test_reads_and_writes_go_on_after_every_connection_was_cut(
    database: Database, postgres_server: Server
) -> None:
    await database.write(lambda connection: note(connection, "before"))
    assert await keys(database) == ["before"]
    cut(postgres_server)
    await database.write(lambda connection: note(connection, "between"))
    cut(postgres_server)
    assert await keys(database) == ["before", "between"]


async def test_a_connection_cut_within_a_write_has_it_made_once(database: Database, postgres_server: Server) -> None:
    tries: list[int] = []

    def write(connection: Connection) -> None:
        tries.append(1)
        note(connection, "once")
        if len(tries) == 1:
            cut(postgres_server, "potager%")
        note(connection, "twice")

    others = (database.write(lambda connection, n=n: note(connection, f"{n}")) for n in range(5))
    await asyncio.gather(database.write(write), *others)
    assert len(tries) == 2
    assert await keys(database) == ["0", "1", "2", "3", "4", "once", "twice"]


@pytest.mark.parametrize("made", [True, False])
async def test_a_commit_that_is_not_confirmed_is_looked_up_not_guessed(
    database: Database, postgres_server: Server, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    """The answer to COMMIT is lost, either behind it or before it."""
    from sqlalchemy.engine import default

    commit, calls = default.DefaultDialect.do_commit, list[int]()

    def broken(dialect: Any, connection: Any) -> None:
        if calls:
            commit(dialect, connection)
            return
        if made:
            commit(dialect, connection)
        calls.append(1)
        cut(postgres_server, "potager%")
        connection.execute("SELECT 1")  # finds the connection gone

    ran: list[int] = []

    def write(connection: Connection) -> str:
        ran.append(1)
        return note(connection, "once")

    monkeypatch.setattr(type(database._backend.engine.dialect), "do_commit", broken)  # pyright: ignore
    assert await database.write(write) == "once"
    assert len(ran) == (1 if made else 2)
    assert await keys(database) == ["once"]


async def test_a_postgres_that_restarts_keeps_what_was_acknowledged(database: Database, own: Server) -> None:
    await database.write(lambda connection: note(connection, "before"))
    own.stop()
    waiting = asyncio.ensure_future(database.write(lambda connection: note(connection, "meanwhile")))
    reading = asyncio.ensure_future(keys(database))
    own.start()  # in this thread, with which it ends
    await waiting
    assert set(await reading) >= {"before"}
    assert await keys(database) == ["before", "meanwhile"]


async def test_a_postgres_that_stays_away_is_told_and_nothing_waits_for_ever(
    database: Database, own: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_end, "PATIENCE", 0.0)
    own.stop()
    try:
        with pytest.raises(Unavailable, match=r"does not answer .* Nothing was changed"):
            await database.write(lambda connection: note(connection, "lost"))
        with pytest.raises(Unavailable, match="does not answer"):
            await keys(database)
    finally:
        own.start()  # in this thread, with which it ends
    await database.write(lambda connection: note(connection, "after"))
    assert await keys(database) == ["after"]


async def test_a_second_server_on_one_database_is_refused_by_name(
    database: Database, postgres: str, postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_end, "TAKEN", 0.0)
    with pytest.raises(InUse, match=rf"in use by another server: process {os.getpid()} on "):
        await Database.open(postgres)
    beside = postgres_server.schema()
    await (await Database.open(beside)).close()
    postgres_server.drop(beside)


async def test_a_server_that_lost_its_database_to_another_one_writes_no_more(
    database: Database, postgres: str, postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_end, "TAKEN", 0.0)
    cut(postgres_server, "potager%")
    other = await Database.open(postgres)
    try:
        with pytest.raises(Unavailable, match="This server lost the database to it"):
            await database.write(lambda connection: note(connection, "no"))
        with pytest.raises(Unavailable, match="stop this one"):
            await keys(database)
        await other.write(lambda connection: note(connection, "yes"))
        assert await keys(other) == ["yes"]
    finally:
        await other.close()


async def test_a_full_disk_and_other_troubles_are_in_the_houses_words(database: Database) -> None:
    for state, kind, said in (
        ("53100", LimitReached, "disk .* is full"),
        ("53200", Unavailable, "cannot do it now"),
        ("42501", Unavailable, "rights of an owner"),
    ):
        raising = text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
        with pytest.raises(kind, match=said):
            await database.write(lambda connection, raising=raising: connection.execute(raising))
    with pytest.raises(Invalid, match="NUL"):
        await database.write(lambda connection: note(connection, "a\0b"))
    with pytest.raises(Invalid, match="NUL"):
        await database.read(lambda connection: connection.execute(text("SELECT :x"), {"x": "\0"}))
    await database.write(lambda connection: note(connection, "goes on"))
    assert await keys(database) == ["goes on"]


async def test_what_is_committed_is_on_the_disk_even_where_the_server_would_rather_not(postgres: str) -> None:
    database = await Database.open(postgres.replace("options=", "options=-csynchronous_commit%3Doff%20"))
    try:
        show = text("SHOW synchronous_commit")
        assert await database.write(lambda connection: connection.scalar(show)) == "on"
    finally:
        await database.close()


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match="read-only"):
        await database.read(lambda connection: note(connection, "no"))


async def test_texts_sort_by_their_bytes(database: Database) -> None:
    for key in ("a", "B", "ä", "z", "_", "\U0001f600", "\uffff"):
        await database.write(lambda connection, key=key: note(connection, key))
    assert await keys(database) == ["B", "_", "a", "z", "ä", "\uffff", "\U0001f600"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:hunter2@/nobody?host=/nonexistent",
        "postgresql://someone:hunter2@127.0.0.1:1/nobody",
        "postgresql://someone@127.0.0.1:1/nobody?password=hunter2",
    ],
)
async def test_a_postgres_that_is_not_there_is_told_without_the_password(url: str) -> None:
    with pytest.raises(Fault, match=r"the Postgres database nobody on .* cannot be used: .*`database`") as caught:
        await Database.open(url)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in f"{error}{error!r}"
        error = error.__cause__


def test_a_short_scheme_is_understood(tmp_path: Any) -> None:
    assert located("postgres://a@b/c", tmp_path) == make_url("postgresql://a@b/c")
    assert located("sqlite", tmp_path / "100%?").database == str(tmp_path / "100%?" / "potager.db")
