"""Buckets and objects, and which files they leave. Small ones, which are no files, have tests of their own."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from potager.kernel.errors import Exists, InUse, Invalid, NotFound, Unavailable
from potager.kernel.names import Scope
from potager.store import entries, sweep
from potager.store.blobs import THREADS, Blobs
from potager.store.database import Database
from potager.store.objects import Bucket, Entry, NoBucket, NoObject, Objects

HERE = Scope("000000000000", "us-east-1")


@pytest.fixture(autouse=True)
async def bucket(objects: Objects) -> None:
    await objects.create_bucket("b", HERE)


async def put(objects: Objects, blobs: Blobs, key: str, data: bytes = b"x", **more: Any) -> Entry:
    return await objects.put("b", key, await blobs.write(data, inline=False), **more)


async def read(objects: Objects, entry: Entry, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in objects.read(entry, start, end)])


async def files(blobs: Blobs) -> set[str]:
    """The ids of the files that are left once what was discarded is gone."""
    idle = threading.Barrier(THREADS)
    await asyncio.gather(*(blobs.run(idle.wait) for _ in range(THREADS)))
    return set(blobs.ids())


async def test_a_bucket_is_there_once_and_goes_when_it_is_empty(objects: Objects, blobs: Blobs) -> None:
    with pytest.raises(Exists):
        await objects.create_bucket("b", Scope("111111111111", "us-east-1"))
    await put(objects, blobs, "k")
    with pytest.raises(InUse):
        await objects.delete_bucket("b")
    await objects.delete("b", ["k"])
    await objects.delete_bucket("b")
    for ask in (objects.bucket("b"), objects.delete_bucket("b"), objects.head("b", "k"), objects.list("b")):
        with pytest.raises(NoBucket):
            await ask


async def test_memory_says_of_a_bucket_what_the_database_says(
    objects: Objects, database: Database, blobs: Blobs
) -> None:
    day = datetime(2030, 1, 1, tzinfo=UTC)
    said = await objects.configure("b", lambda bucket: replace(bucket, doc={"Rules": ({"Date": day},)}))
    assert said == await objects.bucket("b") == await Objects(database, blobs).bucket("b")


@pytest.mark.parametrize("change", ["configure", "delete_bucket"])
async def test_memory_is_right_after_a_change_whose_asker_went_away(
    objects: Objects, database: Database, blobs: Blobs, change: str
) -> None:
    holds, go_on = threading.Event(), threading.Event()

    def hold(connection: object) -> None:
        holds.set()
        go_on.wait()

    holding = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(holds.wait)
    given = {"change": lambda bucket: replace(bucket, versioning="Enabled")} if change == "configure" else {}
    task = asyncio.create_task(getattr(objects, change)("b", **given))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asked = asyncio.gather(*(objects.bucket("b") for _ in range(3)), return_exceptions=True)
    for _ in range(20):
        await asyncio.sleep(0)
    go_on.set()
    await holding
    for each in await asked:
        assert isinstance(each, NoBucket) if change == "delete_bucket" else each.versioning == "Enabled"


async def test_an_object_comes_back_as_it_was_put(objects: Objects, blobs: Blobs) -> None:
    entry = await put(objects, blobs, "a/b", b"hello", content_type="text/plain", doc={"Metadata": {"x": "ü"}})
    assert await objects.head("b", "a/b") == entry
    assert entry.doc == {"ContentType": "text/plain", "Metadata": {"x": "ü"}}
    assert await read(objects, entry, 1, 3) == b"el"
    assert await objects.file(entry) == blobs.path(entry.blob)
    with pytest.raises(NoObject):
        await objects.head("b", "a")


async def test_what_is_replaced_or_deleted_frees_its_file(objects: Objects, blobs: Blobs) -> None:
    first = await put(objects, blobs, "k", b"1")
    second = await put(objects, blobs, "k", b"2")
    assert await files(blobs) == {second.blob}
    with pytest.raises(NoObject):
        await read(objects, first)
    await objects.delete("b", ["k", "absent"])
    assert await files(blobs) == set()


async def test_a_put_that_fails_frees_its_file(objects: Objects, blobs: Blobs) -> None:
    def refuse(there: Entry | None) -> None:
        raise Invalid("no")

    with pytest.raises(Invalid):
        await put(objects, blobs, "k", check=refuse)
    with pytest.raises(NotFound):
        await objects.put("absent", "k", await blobs.write(b"x", inline=False))
    assert await files(blobs) == set()


async def test_a_put_that_fails_before_it_is_written_frees_its_file(objects: Objects, blobs: Blobs) -> None:
    def broken(bucket: Bucket) -> None:
        raise Unavailable("The database does not answer.")

    objects.observe = broken
    with pytest.raises(Unavailable):
        await put(objects, blobs, "k")
    assert await files(blobs) == set()


async def test_of_many_puts_to_one_key_the_last_one_stays_with_one_file(objects: Objects, blobs: Blobs) -> None:
    done = await asyncio.gather(*(put(objects, blobs, "k", bytes([n])) for n in range(30)))
    entry = await objects.head("b", "k")
    assert entry in done
    assert await files(blobs) == {entry.blob}


async def test_of_many_puts_where_nothing_may_be_one_is_made(objects: Objects, blobs: Blobs) -> None:
    def nothing(there: Entry | None) -> None:
        if there is not None:
            raise Exists("there")

    puts = (put(objects, blobs, "k", bytes([n]), check=nothing) for n in range(10))
    done = await asyncio.gather(*puts, return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Entry"] + ["Exists"] * 9
    assert len(await files(blobs)) == 1


async def test_a_copy_shares_the_file_until_the_last_name_is_gone(objects: Objects, blobs: Blobs) -> None:
    entry = await put(objects, blobs, "k", b"shared")
    copy = await objects.copy(("b", "k"), ("b", "c"))
    await objects.delete("b", ["k"])
    assert await files(blobs) == {entry.blob}
    assert await read(objects, copy) == b"shared"
    await objects.delete("b", ["c"])
    assert await files(blobs) == set()


async def test_a_copy_onto_itself_keeps_the_file(objects: Objects, blobs: Blobs) -> None:
    await put(objects, blobs, "k", b"x")
    entry = await objects.copy(("b", "k"), ("b", "k"), lambda entry: replace(entry, doc={"Metadata": {"a": "b"}}))
    assert await read(objects, entry) == b"x"
    assert (await objects.head("b", "k")).doc == {"Metadata": {"a": "b"}}


async def test_walking_passes_every_object_under_a_prefix(objects: Objects, blobs: Blobs, monkeypatch: Any) -> None:
    blob = await blobs.write(b"x", inline=False)
    await objects.put("b", "first", blob)
    for n in range(25):
        await objects.copy(("b", "first"), ("b", f"p/{n:02d}"))
    from potager.store import keys

    monkeypatch.setattr(keys, "MOST", 7)
    assert [entry.key async for entry in objects.walk("b", "p/")] == [f"p/{n:02d}" for n in range(25)]
    with pytest.raises(NoBucket):
        _ = [entry async for entry in objects.walk("absent")]


class TestUploads:
    async def upload(self, objects: Objects, blobs: Blobs, key: str, *parts: bytes) -> Entry:
        upload = await objects.uploads.create("b", key, {"ContentType": "a/b"})
        for number, data in enumerate(parts, 1):
            await objects.uploads.put_part(upload, number, await blobs.write(data, inline=False), {})
        size = sum(map(len, parts))
        return await objects.uploads.complete(
            upload, lambda there: (list(there.values()), Entry("b", key, "", size, "etag-2", 1.0, doc=upload.doc))
        )

    async def test_an_object_of_parts_reads_as_one(self, objects: Objects, blobs: Blobs) -> None:
        parts = [os.urandom(2**20 + 3), b"", os.urandom(10), os.urandom(2**20)]
        entry = await self.upload(objects, blobs, "k", *parts)
        whole = b"".join(parts)
        assert entry == await objects.head("b", "k")
        assert await read(objects, entry) == whole
        assert await read(objects, entry, 2**20, 2**20 + 20) == whole[2**20 : 2**20 + 20]

    async def test_an_object_of_parts_becomes_one_file_when_one_is_asked_for(
        self, objects: Objects, blobs: Blobs
    ) -> None:
        entry = await self.upload(objects, blobs, "k", b"one", b"two")
        copy = await objects.copy(("b", "k"), ("b", "c"))
        paths = set(await asyncio.gather(*(objects.file(each) for each in [entry, copy] * 5)))
        assert [path.read_bytes() for path in paths] == [b"onetwo"]
        assert await files(blobs) == {entry.blob}
        assert await read(objects, copy, 2, 4) == b"et"
        await objects.delete("b", ["k", "c"])
        assert await files(blobs) == set()

    async def test_parts_live_as_long_as_a_name_needs_them(self, objects: Objects, blobs: Blobs) -> None:
        entry = await self.upload(objects, blobs, "k", b"one", b"two")
        upload = await objects.uploads.create("b", "u", {})
        part = await objects.uploads.copy_part(upload, 1, entry, 2, 5)
        await objects.delete("b", ["k"])
        made = await objects.uploads.complete(upload, lambda there: ([part], Entry("b", "u", "", 3, "e-1", 1.0)))
        assert await read(objects, made) == b"etw"
        assert len(await files(blobs)) == 2
        assert (await objects.file(made)).read_bytes() == b"etw"
        assert await files(blobs) == {made.blob}

    async def test_an_abort_or_a_deleted_bucket_frees_the_parts(self, objects: Objects, blobs: Blobs) -> None:
        for end in (objects.uploads.abort, lambda upload: objects.delete_bucket("b")):
            upload = await objects.uploads.create("b", "k", {})
            await objects.uploads.put_part(upload, 1, await blobs.write(b"x", inline=False), {})
            await objects.uploads.put_part(upload, 1, await blobs.write(b"y", inline=False), {})
            assert len(await files(blobs)) == 2  # the part that stands, and the upload's own file, which is empty
            await end(upload)
            assert await files(blobs) == set()

    async def test_completing_twice_at_once_makes_one_object(self, objects: Objects, blobs: Blobs) -> None:
        upload = await objects.uploads.create("b", "k", {})
        await objects.uploads.put_part(upload, 1, await blobs.write(b"x", inline=False), {})
        tries = (
            objects.uploads.complete(upload, lambda there: ([there[1]], Entry("b", "k", "", 1, "e", 1.0)))
            for _ in range(5)
        )
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == ["Entry"] + ["NoUpload"] * 4

    async def test_an_empty_object_can_be_a_part(self, objects: Objects, blobs: Blobs) -> None:
        empty = await put(objects, blobs, "k", b"")
        upload = await objects.uploads.create("b", "u", {})
        part = await objects.uploads.copy_part(upload, 1, empty, 0, 0)
        await objects.delete("b", ["k"])
        made = await objects.uploads.complete(upload, lambda there: ([part], Entry("b", "u", "", 0, "e-1", 1.0)))
        assert await read(objects, made) == b""
        assert (await objects.file(made)).read_bytes() == b""

    async def test_pieces_that_become_a_file_while_they_are_read_are_there(
        self, objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for ask in ("read", "copy a part"):
            made, opened = await self.upload(objects, blobs, "k", b"one", b"two"), blobs.open_spans

            async def late(*given: Any, made: Entry = made, opened: Any = opened) -> Any:
                monkeypatch.setattr(blobs, "open_spans", opened)
                await objects.file(made)
                await files(blobs)
                return await opened(*given)

            monkeypatch.setattr(blobs, "open_spans", late)
            if ask == "read":
                assert await read(objects, made) == b"onetwo"
                continue
            upload = await objects.uploads.create("b", "u", {})
            part = await objects.uploads.copy_part(upload, 1, made, 2, 5)
            end = Entry("b", "u", "", 3, "e-1", 1.0)
            finished = await objects.uploads.complete(upload, lambda there, end=end: (list(there.values()), end))
            assert part.size == 3
            assert await read(objects, finished) == b"etw"

    async def test_a_part_of_a_source_that_is_gone_is_refused(self, objects: Objects, blobs: Blobs) -> None:
        entry = await put(objects, blobs, "k", b"x")
        upload = await objects.uploads.create("b", "u", {})
        await objects.delete("b", ["k"])
        await files(blobs)
        with pytest.raises(NoObject):
            await objects.uploads.copy_part(upload, 1, entry, 0, 1)


class TestSweep:
    async def test_what_nothing_names_goes_and_the_rest_stays(
        self, database: Database, objects: Objects, blobs: Blobs
    ) -> None:
        orphan = await blobs.write(b"orphan", inline=False)
        kept = await put(objects, blobs, "k", b"kept")
        made = await TestUploads().upload(objects, blobs, "m", b"one", b"two")
        upload = await objects.uploads.create("b", "u", {})
        part = await objects.uploads.put_part(upload, 1, await blobs.write(b"part", inline=False), {})
        before = await files(blobs)
        later = Blobs(blobs.folder)
        fresh = await later.write(b"its row is still to be written", inline=False)
        assert await sweep.sweep(database, later) == 1
        assert await files(later) == before - {orphan.id} | {fresh.id}
        assert {kept.blob, part.blob} < before
        assert await read(objects, made) == b"onetwo"

    async def test_a_server_killed_between_commit_and_unlinking_is_mended(
        self, database: Database, objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(blobs, "discard", lambda ids: None)
        await put(objects, blobs, "k", b"1")
        second = await put(objects, blobs, "k", b"2")
        assert len(await files(blobs)) == 2
        await sweep.sweep(database, Blobs(blobs.folder))
        assert await files(blobs) == {second.blob}

    async def test_a_sweep_that_breaks_off_lets_go_of_what_it_watched(
        self, database: Database, objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await put(objects, blobs, "k", b"kept")
        await blobs.write(b"orphan", inline=False)
        later = Blobs(blobs.folder)

        async def broken(orphans: list[str]) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr(later, "delete", broken)
        assert await sweep.sweep(database, later) == 0
        assert later.fresh is None

    async def test_a_database_that_names_nothing_at_all_costs_no_blob(self, database: Database, blobs: Blobs) -> None:
        left = await blobs.write(b"its database was lost", inline=False)
        later = Blobs(blobs.folder)
        assert await sweep.sweep(database, later) == 0
        assert await files(later) == {left.id}
        assert later.fresh is None


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_no_file_goes_before_the_log_of_the_change_is_on_the_disk(
    objects: Objects, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    first = await put(objects, blobs, "k", b"1")
    fsync, unlink = os.fsync, Path.unlink

    def synced(fd: int) -> None:
        order.append(Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        fsync(fd)

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        order.append(path.name)
        unlink(path, missing_ok)

    blob = await blobs.write(b"2", inline=False)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "unlink", unlinked)
    await objects.put("b", "k", blob)
    await files(blobs)
    assert order == ["rows.db-wal", first.blob]


async def test_objects_outlive_the_server(tmp_path: Path, another_url: str) -> None:
    for turn in range(2):
        database, blobs = await Database.open(another_url), Blobs(tmp_path / "again")
        objects = Objects(database, blobs)
        objects.start()
        if turn == 0:
            await objects.create_bucket("b", HERE)
            await put(objects, blobs, "k", b"kept")
        assert await read(objects, await objects.head("b", "k")) == b"kept"
        await objects.close()
        blobs.close()
        await database.close()


async def test_a_bucket_that_keeps_versions_keeps_what_was_there(
    database: Database, objects: Objects, blobs: Blobs
) -> None:
    await objects.create_bucket("claims", Scope("1", "us-east-1"))
    await objects.configure("claims", lambda bucket: replace(bucket, versioning="Enabled"))
    first = await objects.put("claims", "a", await blobs.write(b"one", inline=False))
    second = await objects.put("claims", "a", await blobs.write(b"two", inline=False))
    assert first.version != second.version
    await objects.delete("claims", ["a"])
    with pytest.raises(NoObject):
        await objects.head("claims", "a")
    with pytest.raises(InUse):
        await objects.delete_bucket("claims")
    marker = await database.read(lambda connection: entries.latest(connection, "claims", "a"))
    assert marker is not None
    assert marker.marker
    assert [marker.sequence, second.sequence, first.sequence] == [3, 2, 1]

    for version in (marker.version, second.version):
        await database.write(lambda c, version=version: entries.remove_version(c, "claims", "a", version))
    assert await objects.head("claims", "a") == first
    found, freed = await database.write(lambda c: entries.remove_version(c, "claims", "a", first.version))
    assert (found, freed) == (first, [first.blob])
    await objects.delete_bucket("claims")


async def test_a_bucket_that_keeps_versions_no_more_has_one_null_version(objects: Objects, blobs: Blobs) -> None:
    await objects.create_bucket("claims", Scope("1", "us-east-1"))
    await objects.put("claims", "a", await blobs.write(b"before", inline=False))
    await objects.configure("claims", lambda bucket: replace(bucket, versioning="Enabled"))
    kept = await objects.put("claims", "a", await blobs.write(b"kept", inline=False))
    await objects.configure("claims", lambda bucket: replace(bucket, versioning="Suspended"))
    null = await objects.put("claims", "a", await blobs.write(b"null", inline=False))
    assert kept.version is not None
    assert null.version is None
    again = await objects.put("claims", "a", await blobs.write(b"again", inline=False))
    assert again.sequence > null.sequence > kept.sequence
    await blobs.run(lambda: None)
    assert {entry.blob for entry in (kept, again)} <= set(blobs.ids())
