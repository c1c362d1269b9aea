"""The database's own promises: batches and failures, on every back end."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text

from potager.kernel.errors import Invalid, LimitReached
from potager.store.brief import MOST
from potager.store.database import Database


def note(connection: Connection, value: str) -> None:
    connection.execute(text("INSERT INTO tags VALUES ('a', :value, '')"), {"value": value})


async def keys(database: Database) -> list[str]:
    return await database.read(lambda connection: list(connection.scalars(text("SELECT key FROM tags ORDER BY key"))))


async def test_a_write_that_fails_in_a_batch_fails_alone(database: Database) -> None:
    def bad(connection: Connection) -> None:
        note(connection, "bad")
        raise Invalid("no")

    writes = [database.write(lambda connection, n=n: note(connection, f"{n:02d}")) for n in range(30)]
    writes[10:10] = [database.write(bad)]
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(each) for each in done if each is not None] == [Invalid]
    assert await keys(database) == [f"{n:02d}" for n in range(30)]


async def test_a_write_whose_asker_is_cancelled_is_made_or_not_and_others_go_on(database: Database) -> None:
    task = asyncio.ensure_future(database.write(lambda connection: note(connection, "cancelled")))
    await asyncio.sleep(0)
    task.cancel()
    await database.write(lambda connection: note(connection, "next"))
    assert set(await keys(database)) - {"cancelled"} == {"next"}


async def test_a_reader_sees_one_moment(database: Database) -> None:
    loop = asyncio.get_running_loop()

    def read(connection: Connection) -> tuple[int, int]:
        count = text("SELECT count(*) FROM tags")
        before = connection.scalar(count)
        asyncio.run_coroutine_threadsafe(database.write(lambda each: note(each, "meanwhile")), loop).result()
        return int(before or 0), int(connection.scalar(count) or 0)

    assert await database.read(read) == (0, 0)
    assert await keys(database) == ["meanwhile"]


async def test_writes_that_wait_are_made_before_it_closes(url: str) -> None:
    database = await Database.open(url)
    waiting = [
        asyncio.ensure_future(database.write(lambda connection, n=n: note(connection, f"{n:03d}"))) for n in range(200)
    ]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*waiting)
    again = await Database.open(url)
    assert len(await keys(again)) == 200
    await again.close()


async def test_a_write_after_the_end_is_refused_and_does_not_wait_for_ever(url: str) -> None:
    database = await Database.open(url)
    await database.close()
    with pytest.raises(RuntimeError, match="closed"):
        await database.write(lambda connection: note(connection, "late"))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_full_disk_is_said_and_writing_goes_on_once_there_is_room(database: Database) -> None:
    def limit(connection: Connection, pages: int) -> int:
        return int(connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar() or 0)

    await database.write(lambda connection: limit(connection, 1))
    writes = (database.write(lambda connection, n=n: note(connection, f"{n}" * 30_000)) for n in range(5))
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert LimitReached in {type(each) for each in done}
    assert {type(each) for each in done} <= {LimitReached, type(None)}
    await database.write(lambda connection: limit(connection, 2**30))
    await database.write(lambda connection: note(connection, "there is room"))
    assert "there is room" in await keys(database)


async def test_a_brief_write_is_whole_or_undone_alone(database: Database) -> None:
    def bad(connection: Connection) -> None:
        note(connection, "bad")
        raise Invalid("no")

    await database.write(lambda connection: note(connection, "a"))
    await database.write(lambda connection: note(connection, "b"), brief=True)
    with pytest.raises(Invalid, match="no"):
        await database.write(bad, brief=True)
    assert await keys(database) == ["a", "b"]
    await database.write(lambda connection: note(connection, "c"))
    assert await keys(database) == ["a", "b", "c"]


async def test_brief_writes_of_one_round_share_a_transaction_and_one_that_fails_fails_alone(database: Database) -> None:
    def bad(connection: Connection) -> None:
        note(connection, "bad")
        raise Invalid("no")

    await database.write(lambda connection: note(connection, "first"))
    writes = [database.write(lambda connection, n=n: note(connection, f"{n:02d}"), brief=True) for n in range(90)]
    writes[10:10] = [database.write(bad, brief=True)]
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(each) for each in done if each is not None] == [Invalid]
    assert await keys(database) == [*(f"{n:02d}" for n in range(90)), "first"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_brief_writes_that_wait_when_it_closes_are_made(url: str) -> None:
    database = await Database.open(url)
    going, free = threading.Event(), threading.Event()
    await database.write(lambda connection: note(connection, "a"))
    long = asyncio.ensure_future(database.write(lambda connection: (going.set(), free.wait(60))))
    await asyncio.to_thread(going.wait, 60)
    waiting = asyncio.ensure_future(database.write(lambda connection: note(connection, "b"), brief=True))
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(long, waiting, database.close())
    again = await Database.open(url)
    assert await keys(again) == ["a", "b"]
    await again.close()


async def test_brief_writes_and_others_take_turns(database: Database) -> None:
    writes = [
        database.write(lambda connection, n=n: note(connection, f"{n:04d}"), brief=n % 3 > 0) for n in range(2 * MOST)
    ]
    await asyncio.gather(*writes)
    assert await keys(database) == [f"{n:04d}" for n in range(2 * MOST)]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_brief_write_is_made_here_and_waits_for_the_writers_turn_to_end(database: Database) -> None:
    made: list[str] = []

    def write(connection: Connection) -> None:
        made.append(threading.current_thread().name)

    await database.write(write, brief=True)  # the first one opens the writer's connection
    await database.write(write, brief=True)
    going, free = threading.Event(), threading.Event()
    long = asyncio.ensure_future(database.write(lambda connection: (going.set(), free.wait(60))))
    await asyncio.to_thread(going.wait, 60)
    waiting = asyncio.ensure_future(database.write(write, brief=True))
    await asyncio.sleep(0)
    assert len(made) == 2
    free.set()
    await asyncio.gather(long, waiting)
    here = threading.current_thread().name
    assert made == ["database-write", here, here]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_brief_write_waits_in_the_writers_thread_for_another_program(database: Database, url: str) -> None:
    await database.write(lambda connection: note(connection, "a"))
    other = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(database.write(lambda connection: note(connection, "b"), brief=True))
    await asyncio.sleep(0)
    assert not waiting.done()
    other.execute("ROLLBACK")
    other.close()
    await waiting
    assert await keys(database) == ["a", "b"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_brief_writes_do_not_let_the_log_grow(database: Database, url: str) -> None:
    log, page = Path(f"{make_url(url).database}-wal"), 4096
    await database.write(lambda connection: note(connection, "first"))
    for n in range(3000):
        await database.write(lambda connection, n=n: note(connection, f"{n:04d}{'x' * 3000}"), brief=True)
    assert log.stat().st_size < (4000 + MOST * 16) * page
