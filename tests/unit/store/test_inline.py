"""Small objects: their bytes in rows, and as files once somebody needs those."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store import blobs as module
from potager.store import drafts, inlined, schema, sweep
from potager.store.blobs import INLINE, THREADS, Blobs
from potager.store.database import Database
from potager.store.objects import Bucket, Entry, NoObject, Objects
from potager.store.seals import Damaged
from potager.store.uploads import Part

HERE = Scope("000000000000", "us-east-1")


@pytest.fixture(autouse=True)
async def bucket(objects: Objects) -> None:
    await objects.create_bucket("b", HERE)


async def put(objects: Objects, blobs: Blobs, key: str, data: bytes = b"small", **more: Any) -> Entry:
    return await objects.put("b", key, await blobs.write(data), **more)


async def read(objects: Objects, entry: Entry, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in objects.read(entry, start, end)])


async def fetched(objects: Objects, key: str, start: int = 0, end: int | None = None) -> Any:
    def choose(entry: Entry) -> tuple[int, int, None]:
        return start, entry.size if end is None else end, None

    return (await objects.fetch("b", key, choose))[1]


async def rows(database: Database) -> int:
    count = select(func.count()).select_from(schema.inline)
    return await database.read(lambda connection: connection.scalar(count) or 0)


async def files(blobs: Blobs) -> set[str]:
    """The ids of the files that are left once what was discarded is gone."""
    idle = threading.Barrier(THREADS)
    await asyncio.gather(*(blobs.run(idle.wait) for _ in range(THREADS)))
    return set(blobs.ids())


@pytest.mark.parametrize("size", [0, 1, INLINE, INLINE + 1])
async def test_a_small_object_is_a_row_and_no_file(
    objects: Objects, blobs: Blobs, database: Database, size: int
) -> None:
    data = os.urandom(size)
    entry = await put(objects, blobs, "k", data)
    small = size <= INLINE
    assert (await rows(database), len(await files(blobs))) == ((1, 0) if small else (0, 1))
    assert await read(objects, entry) == await fetched(objects, "k") == data
    assert await read(objects, entry, 1, 3) == await fetched(objects, "k", 1, min(3, size)) == data[1:3]


async def test_a_stream_that_turns_out_small_is_a_row(objects: Objects, blobs: Blobs) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    entry = await objects.put("b", "k", await blobs.write(chunks()))
    assert await read(objects, entry) == b"one two"
    assert await files(blobs) == set()


async def test_the_row_goes_with_the_last_name_of_its_bytes(objects: Objects, blobs: Blobs, database: Database) -> None:
    await put(objects, blobs, "k")
    await objects.copy(("b", "k"), ("b", "copy"))
    await put(objects, blobs, "k", b"other")
    assert await rows(database) == 2
    assert await fetched(objects, "copy") == b"small"
    await objects.delete("b", ["copy"])
    assert await rows(database) == 1
    await objects.delete("b", ["k"])
    assert await rows(database) == 0


async def test_a_put_that_fails_leaves_no_row(objects: Objects, blobs: Blobs, database: Database) -> None:
    def refuse(there: Entry | None) -> None:
        raise Invalid("no")

    with pytest.raises(Invalid):
        await put(objects, blobs, "k", check=refuse)
    assert await rows(database) == 0


async def test_nothing_is_unlinked_or_synced_for_what_is_no_file(
    objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlinked: list[set[str]] = []
    monkeypatch.setattr(blobs, "unlink", lambda ids: unlinked.append(set(ids)))
    await put(objects, blobs, "k")
    await put(objects, blobs, "k", b"other")
    await objects.delete("b", ["k"])
    await files(blobs)
    assert unlinked == []


async def test_a_job_gets_a_file_and_the_row_goes(objects: Objects, blobs: Blobs, database: Database) -> None:
    entry = await put(objects, blobs, "k")
    paths = await asyncio.gather(*(objects.file(entry) for _ in range(5)))
    assert set(paths) == {blobs.path(entry.blob)}
    assert paths[0].read_bytes() == b"small"
    assert await rows(database) == 0
    assert await read(objects, entry, 1) == b"mall"
    assert await fetched(objects, "k") == b"small"
    await objects.delete("b", ["k"])
    assert await files(blobs) == set()


async def test_many_become_files_in_one_transaction(
    objects: Objects, blobs: Blobs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [await put(objects, blobs, f"{number:03}", b"%d" % number) for number in range(50)]
    writes: list[int] = []
    write = database.write

    async def counted(fn: Any) -> Any:
        writes.append(1)
        return await write(fn)

    monkeypatch.setattr(database, "write", counted)
    paths = await objects.files([*entries, entries[0]])
    assert [path.read_bytes() for path in paths] == [*(b"%d" % number for number in range(50)), b"0"]
    assert len(writes) == 1
    assert await rows(database) == 0
    assert await objects.files(entries) == paths[:50]


async def test_an_object_that_is_deleted_while_it_becomes_a_file_leaves_none(
    objects: Objects, blobs: Blobs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await put(objects, blobs, "k")
    lay_down = blobs.lay_down

    async def deleted_meanwhile(data: Any) -> None:
        await lay_down(data)
        await objects.delete("b", ["k"])

    monkeypatch.setattr(blobs, "lay_down", deleted_meanwhile)
    with suppress(NoObject):  # or the path of a file that goes
        await objects.file(entry)
    assert await files(blobs) == set()
    with pytest.raises(NoObject):
        await objects.file(entry)


async def test_a_server_that_dies_between_file_and_row_leaves_one_of_them(
    objects: Objects, blobs: Blobs, database: Database
) -> None:
    entry = await put(objects, blobs, "k")
    await blobs.lay_down({entry.blob: b"small"})
    blobs.fresh = set()
    await sweep.sweep(database, blobs)
    assert await rows(database) == 0
    assert await fetched(objects, "k") == b"small"
    await objects.delete("b", ["k"])
    assert await files(blobs) == set()


async def test_parts_are_files_however_small(objects: Objects, blobs: Blobs, database: Database) -> None:
    def finish(there: Any) -> tuple[list[Part], Entry]:
        parts = [there[number] for number in sorted(there)]
        return parts, Entry("b", "whole", "", sum(part.size for part in parts), "etag-2", 0.0)

    source = await put(objects, blobs, "source", b"0123456789")
    upload = await objects.uploads.create("b", "whole", {})
    await objects.uploads.put_part(upload, 1, await blobs.write(b"first "), {})
    part = await objects.uploads.copy_part(upload, 2, source, 2, 5)
    assert part.size == 3
    entry = await objects.uploads.complete(upload, finish)
    assert await read(objects, entry) == b"first 234"
    assert (await objects.file(entry)).read_bytes() == b"first 234"
    await objects.delete("b", ["whole", "source"])
    assert await files(blobs) == set()
    assert await rows(database) == 0


async def test_versions_keep_their_bytes(objects: Objects, blobs: Blobs, database: Database) -> None:
    def enabled(bucket: Bucket) -> Bucket:
        return replace(bucket, versioning="Enabled")

    await objects.configure("b", enabled)
    first, second = [await put(objects, blobs, "k", data) for data in (b"1", b"2")]
    assert await read(objects, first) == b"1"
    await objects.delete_version("b", "k", str(first.version))
    assert await rows(database) == 1
    assert await fetched(objects, "k") == b"2"
    assert second.version


async def test_a_flipped_bit_is_not_served(objects: Objects, blobs: Blobs, database: Database) -> None:
    entry = await put(objects, blobs, "k", b"small")
    changed = update(schema.inline).values(data=b"smalm")
    await database.write(lambda connection: connection.execute(changed))
    with pytest.raises(Damaged, match="s3://b/k"):
        await fetched(objects, "k", 0, 1)
    with pytest.raises(Damaged):
        await objects.open(entry)


async def test_a_full_disk_keeps_room_for_the_log(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(module.drafts, "check_room", lambda folder, size: asked.append(folder))
    await blobs.write(b"x")
    assert asked == [blobs.folder]
    assert drafts.RESERVE


async def test_rows_are_found_by_the_thousand(database: Database) -> None:
    ids = [f"{number:032}" for number in range(1000)]

    def write(connection: Any) -> None:
        for blob in ids:
            inlined.keep(connection, blob, blob.encode())

    await database.write(write)
    found = await database.read(lambda connection: inlined.every(connection, ids))
    assert found == {blob: blob.encode() for blob in ids}
