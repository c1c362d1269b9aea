"""Buckets of AWS's own that clients count on: read-only, in nobody's list, and out of the way of anybody's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from potager.kernel.errors import Denied, Unavailable
from potager.kernel.names import Scope
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.mounts.given import ACCOUNT, Given
from potager.store.objects import NoBucket, Objects

HERE = Scope("000000000000", "us-east-1")


class Asked:
    """Gives files, and counts how often."""

    def __init__(self) -> None:
        self.files = {"a.json": b"[]", "b/c.bin": b"bytes"}
        self.times = 0

    def __call__(self) -> Mapping[str, bytes]:
        self.times += 1
        return self.files


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "given"


@pytest.fixture
def objects(database: Database, tmp_path: Path, root: Path, asked: Asked) -> Objects:
    given = Given(r"given-([a-z]+)", "The catalogue", root, asked, {"Policy": "{}"})
    return Objects(database, Blobs(tmp_path / "blobs"), given=given)


async def test_it_is_a_bucket_of_nobody_here_with_the_region_of_its_name(objects: Objects) -> None:
    bucket = await objects.bucket("given-mars")
    assert (bucket.account, bucket.region, bucket.doc) == (ACCOUNT, "mars", {"Policy": "{}"})
    assert await objects.buckets() == []
    with pytest.raises(NoBucket):
        await objects.bucket("given-")


async def test_its_objects_are_read_as_those_of_any_bucket_and_made_once(objects: Objects, asked: Asked) -> None:
    assert [entry.key for entry in (await objects.list("given-mars")).entries] == ["a.json", "b/c.bin"]
    entry = await objects.head("given-venus", "b/c.bin")
    assert (await objects.file(entry)).read_bytes() == b"bytes"
    assert asked.times == 1


async def test_nothing_is_written_to_it(objects: Objects) -> None:
    with pytest.raises(Denied, match="'given-mars' is The catalogue, mounted read-only"):
        await objects.keep("given-mars", "a.json", b"{}")
    with pytest.raises(Denied):
        await objects.delete("given-mars", ["a.json"])


async def test_a_file_that_says_the_same_stays_what_it_was_and_another_is_replaced(
    objects: Objects, root: Path, asked: Asked
) -> None:
    root.mkdir()
    (root / "a.json").write_bytes(b"[]")
    (root / "b").mkdir()
    (root / "b/c.bin").write_bytes(b"of an earlier version")
    before = (root / "a.json").stat()
    assert (await objects.head("given-mars", "b/c.bin")).size == len(b"bytes")
    after = (root / "a.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_bucket_of_ones_own_of_that_name_goes_before(objects: Objects) -> None:
    await objects.head("given-mars", "a.json")
    await objects.create_bucket("given-mars", HERE)
    assert (await objects.bucket("given-mars")).account == HERE.account
    assert (await objects.list("given-mars")).entries == []
    await objects.keep("given-mars", "mine", b"x")
    assert (await objects.head("given-mars", "mine")).size == 1
    await objects.delete("given-mars", ["mine"])
    await objects.delete_bucket("given-mars")
    assert (await objects.head("given-mars", "a.json")).size == 2


async def test_where_it_cannot_be_written_it_is_unavailable_until_it_can(objects: Objects, root: Path) -> None:
    root.write_bytes(b"in the way")
    with pytest.raises(Unavailable, match="The catalogue cannot be written"):
        await objects.head("given-mars", "a.json")
    root.unlink()
    assert (await objects.head("given-mars", "a.json")).size == 2
