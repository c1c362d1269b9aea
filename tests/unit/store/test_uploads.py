"""Many uploads, many parts: pages of them, and what completing them costs."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping

import pytest
from sqlalchemy import Connection, event, insert

from potager.kernel import clock
from potager.kernel.names import Scope
from potager.store import schema
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Entry, Objects
from potager.store.sites import SMALLEST
from potager.store.uploads import Part, Upload
from tests.unit.store.test_objects import files
from tests.unit.store.test_sites import begin, content, finish, send

MANY = 10_000


@pytest.fixture(autouse=True)
async def bucket(objects: Objects) -> None:
    await objects.create_bucket("b", Scope("000000000000", "us-east-1"))


async def test_ten_thousand_parts_are_completed_in_few_queries(
    database: Database, objects: Objects, blobs: Blobs
) -> None:
    source = (await blobs.write(b"0123456789", inline=False)).id
    upload = await begin(objects)

    def fill(connection: Connection) -> None:
        numbers = range(1, MANY + 1)
        common = {"size": 1, "etag": "e", "modified": 1.0, "doc": {}}
        parts = [{"upload": upload.id, "number": number, "blob": f"p{number}", **common} for number in numbers]
        connection.execute(insert(schema.parts), parts)
        spans = [{"blob": f"p{n}", "number": 0, "source": source, "start": n % 10, "size": 1} for n in numbers]
        connection.execute(insert(schema.pieces), spans)

    await database.write(fill)
    statements: list[str] = []

    def watched(there: Mapping[int, Part]) -> tuple[list[Part], Entry]:
        return list(there.values()), Entry("b", "k", "", MANY, f"etag-{MANY}", 1.0)

    def watch(connection: Connection) -> None:
        event.listen(connection.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))

    await database.read(watch)
    entry = await objects.uploads.complete(upload, watched)
    assert len(statements) < 120
    assert b"".join([chunk async for chunk in objects.read(entry, 0, 25)]) == b"1234567890" * 2 + b"12345"
    assert await objects.uploads.list("b", "", "", ("", None), 10) == type(await objects.list("b"))()


async def test_pages_of_uploads_hold_each_once_the_oldest_of_a_key_first(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = itertools.count(1_700_000_000)
    monkeypatch.setattr(clock, "now", lambda: next(time) / 7)
    made: dict[str, list[Upload]] = {}
    for key in ("b", "a/1", "a/2", "b", "a/1", "b", "c//d", "b"):
        made.setdefault(key, []).append(await objects.uploads.create("b", key, {}))
    whole = [upload for key in sorted(made) for upload in made[key]]
    for prefix, delimiter, plain, folded in (
        ("", "", whole, []),
        ("", "/", made["b"], ["a/", "c/"]),
        ("a/", "/", made["a/1"] + made["a/2"], []),
        ("", "//", [each for each in whole if each.key != "c//d"], ["c//"]),
    ):
        for limit in (1, 2, 3, 1000):
            rows: list[Upload] = []
            prefixes: list[str] = []
            after: tuple[str, str | None] | None = ("", None)
            while after is not None:
                page = await objects.uploads.list("b", prefix, delimiter, after, limit)
                rows, prefixes = rows + page.entries, prefixes + page.prefixes
                last = page.ended_with
                after = None if page.after is None else (page.after, last.id if last else None)
            assert (rows, prefixes) == (plain, folded)
    first, second, *rest = made["b"]
    await objects.uploads.abort(first)
    behind = await objects.uploads.list("b", "b", "", ("b", first.id), 1000)
    assert behind.entries == [second, *rest]


@pytest.mark.skipif(sys.platform != "linux", reason="holes are punched on Linux")
async def test_parts_left_out_give_their_room_back_to_the_disk(objects: Objects, blobs: Blobs) -> None:
    parts = [os.urandom(SMALLEST) for _ in range(3)]
    for chosen in ((1, 2), (2, 3), (1, 3)):
        upload = await begin(objects)
        for number, data in enumerate(parts, 1):
            await send(objects, blobs, upload, number, data)
        entry = await finish(objects, upload, *chosen)
        (name,) = await files(blobs)
        room = blobs.path(name).stat().st_blocks * 512
        assert room < 2.5 * SMALLEST
        assert await content(objects, entry) == b"".join(parts[number - 1] for number in chosen)
