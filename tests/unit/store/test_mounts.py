"""Mounted buckets, below the wire: who waits for whom, and what is never written elsewhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from potager.kernel.errors import Invalid
from potager.store.blobs import Content
from potager.store.entries import Entry, NoObject
from potager.store.mounts import Mount, remote


class Slow(Mount):
    """Keeps objects in memory, in as many steps as somebody takes them."""

    where = "memory"

    def __init__(self) -> None:
        super().__init__("b", read_only=False)
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


async def test_of_puts_that_come_while_others_wait_one_is_made() -> None:
    mount = Slow()

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
