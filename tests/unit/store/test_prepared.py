"""Statements past SQLAlchemy: the same rows and errors as by it, on every back end."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from potager.store import schema
from potager.store.database import Database
from potager.store.prepared import Prepared

_T = schema.objects
_HERE = (_T.c.bucket == bindparam("b")) & (_T.c.key == bindparam("k"))
PUT, GET, DELETE = Prepared(insert(_T)), Prepared(select(_T).where(_HERE)), Prepared(delete(_T).where(_HERE))
ROW = {
    "bucket": "b",
    "key": "k\N{GRINNING FACE}",
    "blob": "0" * 32,
    "size": 2**40,
    "etag": "e",
    "modified": 1.25,
    "checksum": None,
    "doc": {"Metadata": {"x": "ü"}},
    "parts": [{"Size": 1}],
    "version": None,
    "sequence": 0,
}
WHERE = {"b": "b", "k": ROW["key"]}


async def test_values_come_back_as_they_were(database: Database) -> None:
    await database.write(lambda connection: PUT.run(connection, ROW))
    assert await database.read(lambda connection: connection.execute(select(_T)).one()._asdict()) == ROW
    found = await database.read(lambda connection: GET.first(connection, WHERE))
    assert found is not None
    assert list(found) == list(ROW.values())
    looked = await database.look(GET, WHERE)
    assert looked is not None
    assert list(looked) == list(found)


async def test_what_is_not_there_is_none(database: Database) -> None:
    assert await database.look(GET, WHERE) is None
    await database.write(lambda connection: PUT.run(connection, ROW))
    await database.write(lambda connection: DELETE.run(connection, WHERE))
    assert await database.look(GET, WHERE) is None


async def test_an_error_is_sqlalchemys_own_and_undoes_its_write(database: Database) -> None:
    def twice(connection: object) -> None:
        PUT.run(connection, ROW)  # type: ignore[arg-type]
        PUT.run(connection, ROW)  # type: ignore[arg-type]

    with pytest.raises(IntegrityError):
        await database.write(twice)
    assert await database.look(GET, WHERE) is None


async def test_a_look_sees_what_was_committed_and_holds_nothing(database: Database) -> None:
    for size in (1, 2, 3):
        await database.write(lambda connection: DELETE.run(connection, WHERE))
        await database.write(lambda connection, size=size: PUT.run(connection, ROW | {"size": size}))
        row = await database.look(GET, WHERE)
        assert row is not None
        assert row[3] == size


async def test_a_slow_disk_is_waited_for_in_a_thread(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from potager.store import database as module

    looked: list[int] = []
    look = database._backend.look  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(database._backend, "near", True)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(database._backend, "look", lambda *given: (looked.append(1), look(*given))[1])  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(module, "SLOW", -1.0)
    monkeypatch.setattr(module, "WARY", 3600.0)
    for _ in range(3):
        assert await database.look(GET, WHERE) is None
    assert len(looked) == 1
