"""Blobs: whole or not there."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from potager.kernel.errors import LimitReached
from potager.store import drafts as module
from potager.store import removal
from potager.store.blobs import CHUNK, Blobs, Span


async def pieces(data: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def read(blobs: Blobs, blob: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(blob, start, end)])


def files(blobs: Blobs) -> list[Path]:
    return [path for path in blobs.folder.rglob("*") if path.is_file() and path.name != removal.FILE]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
async def test_bytes_come_back_with_their_digests(blobs: Blobs, size: int) -> None:
    data = os.urandom(size)
    for given in (data, pieces(data)):
        made = await blobs.write(given, digests=("md5", "sha256"), inline=False)
        assert made.size == size
        assert made.digests == {"md5": hashlib.md5(data).digest(), "sha256": hashlib.sha256(data).digest()}
        assert await read(blobs, made.id) == data
        assert stat.S_IMODE(blobs.path(made.id).stat().st_mode) == 0o444


@pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 10), (CHUNK - 1, CHUNK + 1), (7, None), (0, 0)])
async def test_spans_come_back_alone(blobs: Blobs, start: int, end: int | None) -> None:
    data = os.urandom(2 * CHUNK + 3)
    made = await blobs.write(data)
    assert await read(blobs, made.id, start, end) == data[start:end]


async def test_a_stream_that_breaks_leaves_nothing(blobs: Blobs) -> None:
    async def broken(size: int) -> AsyncIterator[bytes]:
        async for chunk in pieces(os.urandom(size)):
            yield chunk
        raise ConnectionError

    for size in (10, 4 * CHUNK):
        with pytest.raises(ConnectionError):
            await blobs.write(broken(size))
    await blobs.run(lambda: None)
    blobs.close()
    assert files(blobs) == []


async def test_a_write_that_is_cancelled_leaves_nothing(blobs: Blobs) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield os.urandom(CHUNK)
            started.set()
            await asyncio.sleep(0)

    task = asyncio.ensure_future(blobs.write(endless()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    blobs.close()
    assert files(blobs) == []


@pytest.mark.parametrize("data", [b"x", os.urandom(2 * CHUNK)])
async def test_a_write_that_is_cancelled_in_a_thread_leaves_no_file_open_or_named(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    began, go_on, made = asyncio.Event(), threading.Event(), blobs._draft
    loop, handles = asyncio.get_running_loop(), len(os.listdir("/proc/self/fd"))

    def slow(*given: Any) -> Any:
        draft = made(*given)
        loop.call_soon_threadsafe(began.set)
        go_on.wait()
        return draft

    monkeypatch.setattr(blobs, "_draft", slow)
    task = asyncio.create_task(blobs.write(pieces(data), inline=False))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    blobs.close()
    assert files(blobs) == []
    assert len(os.listdir("/proc/self/fd")) <= handles + 1


async def test_the_end_of_the_sweep_does_not_trouble_a_write(blobs: Blobs) -> None:
    class Ending(Blobs):
        looks = 0

        @property
        def fresh(self) -> set[str] | None:  # type: ignore[override]
            self.looks += 1
            return set() if self.looks % 2 else None

        @fresh.setter
        def fresh(self, given: set[str] | None) -> None: ...

    ending = Ending(blobs.folder)
    assert await read(ending, (await ending.write(b"x", inline=False)).id) == b"x"


async def test_what_is_held_outlives_a_deletion_that_is_waited_for(blobs: Blobs) -> None:
    one = await blobs.write(b"one", inline=False)
    content = await blobs.open_spans([Span(one.id, 0, 3)])
    await blobs.delete([one.id])
    assert b"".join([chunk async for chunk in content]) == b"one"
    blobs.close()
    assert files(blobs) == []


async def test_files_are_removed_after_one_could_not_be(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = await blobs.write(b"one", inline=False), await blobs.write(b"two", inline=False)
    tried, unlink = threading.Event(), Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        tried.set()
        raise OSError(errno.EIO, "the disk does not answer")

    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refused)
        with removal.withheld(blobs.folder):
            blobs.unlink([one.id])
        assert tried.wait(20)
        for thread in threading.enumerate():
            if thread.name == "removal":
                thread.join()
    assert Path.unlink is unlink
    await blobs.delete([two.id])
    assert [path.name for path in files(blobs)] == [one.id]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_is_said_and_leaves_nothing(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(fd: int, data: Any) -> int:
        raise OSError(number, "full")

    with monkeypatch.context() as patched:
        patched.setattr(module.os, "write", full)
        with pytest.raises(LimitReached, match="Free some space"):
            await blobs.write(b"x", inline=False)
        with pytest.raises(LimitReached):
            await blobs.write(pieces(os.urandom(3 * CHUNK)))
    blobs.close()
    assert files(blobs) == []


async def test_a_little_room_is_left_for_the_database(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = await blobs.write(b"kept", inline=False)
    monkeypatch.setattr(module, "RESERVE", 2**62)
    disk = os.statvfs(blobs.folder)
    tight = os.statvfs_result((*disk[:4], disk.f_blocks // 32, *disk[5:]))
    monkeypatch.setattr(module.os, "statvfs", lambda where: tight)
    for inline in (False, True):
        with pytest.raises(LimitReached, match="Free some space"):
            await blobs.write(b"x", inline=inline)
    with pytest.raises(LimitReached):
        await blobs.concatenate("ab" * 16, [Span(kept.id, 0, 4)])
    assert [path.name for path in files(blobs)] == [kept.id]
    monkeypatch.undo()
    await blobs.write(b"x", inline=False)


async def test_what_a_dead_server_was_writing_is_swept_at_start(blobs: Blobs) -> None:
    (blobs.folder / "tmp" / "torn").write_bytes(b"x")
    kept = await blobs.write(b"kept", inline=False)
    again = Blobs(blobs.folder)
    assert [path.name for path in files(again)] == [kept.id]


async def test_a_reader_goes_on_after_the_blob_is_deleted(blobs: Blobs) -> None:
    data = os.urandom(3 * CHUNK)
    made = await blobs.write(data)
    content = await blobs.open(made.id)
    assert not isinstance(content, bytes)
    await blobs.delete([made.id, "absent"])
    assert not blobs.has(made.id)
    assert b"".join([chunk async for chunk in content]) == data


async def test_files_that_are_held_are_discarded_when_they_are_let_go(blobs: Blobs) -> None:
    one, two = await blobs.write(b"one", inline=False), await blobs.write(b"two", inline=False)
    spans = [Span(one.id, 0, 3), Span(two.id, 1, 2), Span(one.id, 1, 1)]
    content = await blobs.open_spans(spans)
    blobs.discard([one.id, two.id])
    assert not isinstance(content, bytes)
    assert b"".join([chunk async for chunk in content]) == b"onewon"
    blobs.close()
    assert files(blobs) == []


async def test_a_reader_that_is_never_read_lets_go(blobs: Blobs) -> None:
    one = await blobs.write(b"one", inline=False)
    content = await blobs.open_spans([Span(one.id, 0, 3)])
    blobs.discard([one.id])
    del content
    blobs.close()
    assert files(blobs) == []


async def test_spans_are_put_together_as_one_file(blobs: Blobs) -> None:
    one, two = await blobs.write(os.urandom(CHUNK + 5)), await blobs.write(b"two", inline=False)
    path = await blobs.concatenate("ab" * 16, [Span(two.id, 0, 2), Span(one.id, 5, CHUNK), Span(two.id, 2, 1)])
    assert path.read_bytes() == b"tw" + blobs.path(one.id).read_bytes()[5:] + b"o"


async def test_spans_are_put_together_where_the_kernel_does_not_help(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: Any) -> int:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(module.os, "copy_file_range", refused)
    one = await blobs.write(os.urandom(2 * CHUNK + 5))
    path = await blobs.concatenate("ab" * 16, [Span(one.id, 1, 2 * CHUNK)])
    assert path.read_bytes() == blobs.path(one.id).read_bytes()[1 : 2 * CHUNK + 1]
