"""Mounted buckets, below the wire: who waits for whom, and what is never written elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from potager.kernel.errors import Invalid, Unavailable
from potager.kernel.names import Scope
from potager.store.blobs import Blobs, Content
from potager.store.database import Database
from potager.store.entries import Entry, NoObject
from potager.store.mounts import declared, remote
from potager.store.mounts.declared import Mounts
from potager.store.mounts.folder import FolderMount
from potager.store.objects import NoBucket, Objects

HERE = Scope("000000000000", "us-east-1")


class Slow(FolderMount):
    """Keeps objects in memory, in as many steps as somebody takes them."""

    def __init__(self, folder: Path) -> None:
        super().__init__("b", folder, read_only=False)
        self.there: dict[str, Entry] = {}
        self.steps = asyncio.Semaphore(0)

    async def head(self, key: str) -> Entry:
        await asyncio.sleep(0)
        if key not in self.there:
            raise NoObject("b", key)
        return self.there[key]

    async def _put(self, entry: Entry, content: Content) -> Entry:
        await self.steps.acquire()
        if entry.etag == "broken":
            raise Invalid("It cannot be put.")
        self.there[entry.key] = entry
        return entry


def absent(there: Entry | None) -> None:
    if there is not None:
        raise Invalid("It is there.")


async def test_of_puts_that_come_while_others_wait_one_is_made(tmp_path: Path) -> None:
    mount = Slow(tmp_path)

    def put(etag: str) -> asyncio.Task[Entry]:
        return asyncio.create_task(mount.put(Entry("b", "k", "", 1, etag, 0.0), b"x", absent))

    first, second = put("broken"), put("second")
    await asyncio.sleep(0)
    mount.steps.release()
    with pytest.raises(Invalid):
        await first
    others = [put(f"later {number}") for number in range(3)]  # while the second one is only about to go on
    for _ in range(20):
        await asyncio.sleep(0)
    for _ in others:
        mount.steps.release()
    done = await asyncio.gather(second, *others, return_exceptions=True)
    assert [each.etag for each in done if isinstance(each, Entry)] == ["second"]


def test_room_is_made_by_what_was_used_least_and_not_by_what_is_being_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_FETCHED", 100)
    (tmp_path / "ab").mkdir()
    for name, size, used in (("old", 50, 1), ("new", 50, 2), ("next.0a1b", 80, 3)):
        (tmp_path / "ab" / name).write_bytes(bytes(size))
        os.utime(tmp_path / "ab" / name, (used, used))
    remote._make_room(tmp_path, 50)
    assert {path.name for path in tmp_path.glob("??/*")} == {"new", "next.0a1b"}
    remote._make_room(tmp_path, 200)
    assert {path.name for path in tmp_path.glob("??/*")} == {"next.0a1b"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is declared as the bucket `claims`."""
    (tmp_path / "srv").mkdir()
    (tmp_path / declared.FILE).write_text(json.dumps({"claims": {"folder": str(tmp_path / "srv")}}))
    return tmp_path / "srv"


@pytest.fixture
def mounting(database: Database, blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    monkeypatch.setattr(declared, "AGAIN", 0.0)
    return Objects(database, blobs, Mounts(tmp_path, HERE))


@pytest.mark.usefixtures("folder")
async def test_whoever_asks_while_a_mount_comes_waits_for_it(mounting: Objects) -> None:
    mounts = await asyncio.gather(*(mounting.mount("claims") for _ in range(3)))
    assert len({id(each) for each in mounts}) == 1
    assert mounts[0] is not None


@pytest.mark.usefixtures("folder")
async def test_a_mount_comes_once_the_database_answers_again(
    mounting: Objects, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(fn: object) -> None:
        raise Unavailable("The database does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(database, "write", away)
        with pytest.raises(Unavailable):
            await mounting.mount("claims")
    assert await mounting.mount("claims") is not None


async def test_nothing_comes_to_lie_here_of_a_bucket_whose_mount_cannot_be_read(
    mounting: Objects, folder: Path, database: Database, blobs: Blobs, tmp_path: Path
) -> None:
    await mounting.keep("claims", "a.csv", b"1,2")
    said = (tmp_path / declared.FILE).read_bytes()
    (tmp_path / declared.FILE).write_bytes(said[:-1])
    later = Objects(database, blobs, Mounts(tmp_path, HERE))
    await later.create_bucket("own", HERE)
    await later.keep("own", "k", b"x")
    with pytest.raises(Unavailable, match=r"mend mounts\.json"):
        await later.keep("claims", "b.csv", b"3,4")
    with pytest.raises(Unavailable):
        await later.list("claims")
    (tmp_path / declared.FILE).write_bytes(said)
    await later.keep("claims", "b.csv", b"3,4")
    assert {path.name for path in folder.iterdir()} == {"a.csv", "b.csv"}
    (tmp_path / declared.FILE).unlink()
    with pytest.raises(NoBucket):
        await later.list("claims")
