"""A folder that a program writes, put under a prefix as often as one likes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from potager.kernel.names import Scope
from potager.store.mirror import Mirror, again_and_again
from potager.store.objects import NoBucket, Objects


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    (tmp_path / "ml" / "out" / "deep").mkdir(parents=True)
    return tmp_path / "ml"


@pytest.fixture(autouse=True)
async def bucket(objects: Objects) -> None:
    await objects.create_bucket("bucket", Scope("000000000000", "us-east-1"))


async def content(objects: Objects, prefix: str = "") -> dict[str, bytes]:
    async def whole(chunks: AsyncIterator[bytes]) -> bytes:
        return b"".join([chunk async for chunk in chunks])

    return {entry.key: await whole(objects.read(entry)) async for entry in objects.walk("bucket", prefix)}


async def test_files_come_to_stand_under_the_prefix(objects: Objects, ml: Path) -> None:
    (ml / "out" / "a.csv").write_bytes(b"a")
    (ml / "out" / "deep" / "b").write_bytes(b"b" * 3_000_000)
    assert await Mirror(objects, ml, "out", "s3://bucket/p/q/").sync() == 2
    assert await content(objects) == {"p/q/a.csv": b"a", "p/q/deep/b": b"b" * 3_000_000}


async def test_only_what_is_new_is_put_again(objects: Objects, ml: Path) -> None:
    mirror = Mirror(objects, ml, "out", "s3://bucket/p")
    (ml / "out" / "a").write_bytes(b"1")
    (ml / "out" / "b").write_bytes(b"1")
    assert await mirror.sync() == 2
    (ml / "out" / "a").write_bytes(b"22")
    (ml / "out" / "c").write_bytes(b"3")
    (ml / "out" / "b").unlink()
    assert await mirror.sync() == 2
    assert await mirror.sync() == 0
    assert await content(objects) == {"p/a": b"22", "p/b": b"1", "p/c": b"3"}


async def test_links_and_pipes_are_not_followed(objects: Objects, ml: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_bytes(b"secret")
    (ml / "out" / "link").symlink_to(tmp_path / "secret")
    (ml / "out" / "linked").symlink_to(tmp_path / "folder")
    os.mkfifo(ml / "out" / "pipe")
    (ml / "out" / "plain").write_bytes(b"plain")
    (ml / "other").symlink_to(tmp_path / "folder")
    assert await Mirror(objects, ml, "out", "s3://bucket/").sync() == 1
    assert await Mirror(objects, ml, "other", "s3://bucket/").sync() == 0
    assert await content(objects) == {"plain": b"plain"}


async def test_a_file_in_place_of_the_folder_is_put_by_its_name(objects: Objects, ml: Path) -> None:
    (ml / "one.json").write_bytes(b"{}")
    assert await Mirror(objects, ml, "one.json", "s3://bucket/p").sync() == 1
    assert await content(objects) == {"p/one.json": b"{}"}


async def test_a_folder_that_is_not_there_holds_nothing(objects: Objects, ml: Path) -> None:
    assert await Mirror(objects, ml, "none", "s3://bucket/p").sync() == 0


async def test_a_bucket_that_is_not_there_is_said(objects: Objects, ml: Path) -> None:
    (ml / "out" / "a").write_bytes(b"a")
    with pytest.raises(NoBucket):
        await Mirror(objects, ml, "out", "s3://none/p").sync()


async def test_a_file_is_put_once_it_has_rested(objects: Objects, ml: Path) -> None:
    mirror = Mirror(objects, ml, "out", "s3://bucket/p")
    (ml / "out" / "a").write_bytes(b"1")
    assert await mirror.sync(rested=True) == 0
    (ml / "out" / "a").write_bytes(b"22")
    assert await mirror.sync(rested=True) == 0
    assert await mirror.sync(rested=True) == 1
    assert await mirror.sync(rested=True) == 0
    (ml / "out" / "b").write_bytes(b"3")
    assert await mirror.sync() == 1
    assert await content(objects) == {"p/a": b"22", "p/b": b"3"}


async def test_what_was_laid_out_from_the_prefix_is_not_put_there_again(objects: Objects, ml: Path) -> None:
    mirror = Mirror(objects, ml, "out", "s3://bucket/p")
    (ml / "out" / "a").write_bytes(b"1")
    await mirror.know()
    (ml / "out" / "b").write_bytes(b"2")
    assert await mirror.sync() == 1
    assert await content(objects) == {"p/b": b"2"}


async def test_a_look_that_fails_is_not_the_last_one() -> None:
    looks, enough = [0], asyncio.Event()

    async def sync() -> None:
        looks[0] += 1
        if looks[0] == 1:
            raise RuntimeError("the database is locked")
        enough.set()

    task = asyncio.create_task(again_and_again(sync, "job a: its outputs", every=0.0))
    await enough.wait()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_what_no_key_can_name_is_passed_over(objects: Objects, ml: Path) -> None:
    deep = ml / "out" / ("d" * 200) / ("e" * 200) / ("f" * 200) / ("g" * 200) / ("h" * 200)
    deep.mkdir(parents=True)
    (deep / ("i" * 200)).touch()
    with open(os.fsencode(ml / "out") + b"/\xff", "wb"):
        pass
    (ml / "out" / "a").write_bytes(b"1")
    mirror = Mirror(objects, ml, "out", "s3://bucket/p")
    assert await mirror.sync() == 1
    assert await content(objects) == {"p/a": b"1"}
