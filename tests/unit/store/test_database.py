"""The database's own promises: batches and failures, on every back end."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Connection, text

from potager.kernel.errors import Invalid, LimitReached
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
