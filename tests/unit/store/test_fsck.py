"""What is broken in a data folder is found, told by bucket and key, and mended where it can be, on every back end."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, insert, text, update
from sqlalchemy.engine import make_url

from potager.kernel.errors import NotFound
from potager.kernel.names import Scope
from potager.store import fsck, schema
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.fsck.opening import opener
from potager.store.keyring import Keyring
from potager.store.objects import Entry, NoObject, Objects
from potager.store.rows import Rows
from potager.store.sealing import S3, Sealing, Wish
from potager.store.vault import Vault

HERE = Scope("000000000000", "us-east-1")
SECRET = b"s" * 32
BIG = 20_000
"""Bytes of an object that is a file."""


class Folder:
    """A data folder that is opened, broken, and looked at."""

    def __init__(self, data: Path, url: URL) -> None:
        self.data = data
        self.url = url

    async def __aenter__(self) -> Folder:
        self.database, self.blobs = await Database.open(self.url), Blobs(self.data / "blobs")
        keyring = Keyring(Rows(self.database, SECRET), Vault(SECRET))
        self.objects = Objects(self.database, self.blobs, sealing=Sealing(Vault(SECRET), keyring))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.objects.close()
        self.blobs.close()
        await self.database.close()

    async def put(self, key: str, data: bytes, bucket: str = "b") -> Entry:
        return await self.objects.put(bucket, key, await self.blobs.write(data))

    async def read(self, key: str, bucket: str = "b") -> bytes:
        entry = await self.objects.head(bucket, key)
        return b"".join([chunk async for chunk in self.objects.read(entry)])

    async def change(self, statement: Any) -> None:
        await self.database.write(lambda connection: connection.execute(statement))

    async def value(self, query: str) -> Any:
        return await self.database.read(lambda connection: connection.scalar(text(query)))

    def file(self, blob: str) -> Path:
        return self.data / "blobs" / blob[:2] / blob

    def check(self, *, repair: bool = False, deep: bool = False) -> list[fsck.Told]:
        return list(fsck.check(self.data, self.url, HERE, opener(SECRET), repair=repair, deep=deep))

    def reported(self) -> list[dict[str, Any]]:
        (file,) = (self.data / "fsck").glob("*/rows.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()]

    def aside(self) -> set[str]:
        return {path.name for path in (self.data / "fsck").glob("*/blobs/*")}


def spoil(path: Path, change: Callable[[bytearray], object]) -> None:
    """Changes a file behind everybody's back."""
    content = bytearray(path.read_bytes())
    change(content)
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o444)


def flip(content: bytearray) -> None:
    content[len(content) // 2] ^= 1


@pytest.fixture
async def folder(url: str, tmp_path: Path) -> Folder:
    """A data folder in which nothing is wrong."""
    data = tmp_path / "data"
    data.mkdir()
    sqlite = url.startswith("sqlite")
    made = Folder(data, URL.create("sqlite", database=str(data / "potager.db")) if sqlite else make_url(url))
    async with made:
        await made.objects.create_bucket("b", HERE)
        await made.objects.create_bucket("v", HERE)
        await made.objects.configure("v", lambda bucket: replace(bucket, versioning="Enabled"))
        await made.put("big", os.urandom(BIG))
        await made.put("small", b"small")
        await made.put("empty", b"")
        for number in range(3):
            await made.put("k", b"%d" % number * BIG, "v")
        upload = await made.objects.uploads.create("b", "parts", {})
        for number, part in enumerate((b"one" * BIG, b"two" * BIG), 1):
            await made.objects.uploads.put_part(upload, number, await made.blobs.write(part), {})
        halves = b"".join(hashlib.md5(part).digest() for part in (b"one" * BIG, b"two" * BIG))
        etag = f"{hashlib.md5(halves).hexdigest()}-2"
        sizes = [{"Size": 3 * BIG}, {"Size": 3 * BIG}]
        await made.objects.uploads.complete(
            upload, lambda there: (list(there.values()), Entry("b", "parts", "", 6 * BIG, etag, 1.0, parts=sizes))
        )
        left = await made.objects.uploads.create("b", "unfinished", {})
        await made.objects.uploads.put_part(left, 1, await made.blobs.write(os.urandom(BIG)), {})
        sealed = await made.objects.write("b", "sealed", os.urandom(3 * BIG), wish=Wish(S3))
        await made.objects.put("b", "sealed", sealed)
    if sqlite:
        (data / "potager.db").chmod(0o600)
    return made


async def test_where_all_is_well_nothing_is_found_and_nothing_is_changed(folder: Folder) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder.data / "blobs").rglob("*")}
    assert folder.check(repair=True, deep=True) == []
    assert {path: path.stat().st_mtime_ns for path in (folder.data / "blobs").rglob("*")} == before
    assert not (folder.data / "fsck").exists()


async def test_files_that_nothing_names_are_removed(folder: Folder) -> None:
    async with folder:
        orphan = folder.file((await folder.blobs.write(os.urandom(BIG))).id)
    for stray in ("tmp/1", "plain/2"):
        (folder.data / "blobs" / stray).write_bytes(b"left")
    (folder.data / "blobs" / "ab" / "notes.txt").write_text("mine")
    assert {told.mended for told in folder.check()} == {False}
    assert orphan.exists()
    told = folder.check(repair=True)
    assert len(told) == 4
    assert all(each.mended for each in told)
    assert {str(orphan)} < {each.finding.where for each in told}
    assert not orphan.exists()
    assert folder.aside() == {"notes.txt"}
    assert folder.check(deep=True) == []


@pytest.mark.parametrize("how", ["gone", "torn", "flipped"])
async def test_an_object_whose_bytes_are_lost_goes_out_of_sight_and_not_away(folder: Folder, how: str) -> None:
    async with folder:
        blob = (await folder.objects.head("b", "big")).blob
    path = folder.file(blob)
    if how == "gone":
        path.unlink()
    else:
        spoil(path, flip if how == "flipped" else lambda content: content.__delitem__(slice(100, None)))
    if how == "flipped":
        assert folder.check() == []
    (told,) = folder.check(deep=True)
    assert told.finding.where == "b/big"
    assert "Put it again, or restore a backup" in told.finding.remedy
    assert all(each.mended for each in folder.check(repair=True, deep=True))
    assert folder.check(deep=True) == []
    (line,) = folder.reported()
    assert (line["table"], line["row"]["bucket"], line["row"]["key"], line["row"]["blob"]) == (
        "objects",
        "b",
        "big",
        blob,
    )
    assert folder.aside() == (set() if how == "gone" else {blob})
    async with folder:
        with pytest.raises(NoObject):
            await folder.objects.head("b", "big")
        assert await folder.read("small") == b"small"


@pytest.mark.parametrize("how", ["gone", "flipped"])
async def test_bytes_that_another_object_has_are_taken_from_there(folder: Folder, how: str) -> None:
    async with folder:
        data = await folder.read("big")
        await folder.put("same", data)
        blob = (await folder.objects.head("b", "big")).blob
    if how == "gone":
        folder.file(blob).unlink()
    else:
        spoil(folder.file(blob), flip)
    told = folder.check(repair=True, deep=True)
    assert all(each.mended for each in told)
    assert "It is given the bytes of b/same" in told[0].finding.remedy
    assert folder.check(deep=True) == []
    async with folder:
        assert await folder.read("big") == data
        assert await folder.read("same") == data


async def test_a_flipped_bit_is_found_in_a_part_in_a_row_in_a_version_and_under_a_seal(folder: Folder) -> None:
    async with folder:
        entry = await folder.objects.head("b", "parts")
        source = (
            await folder.value(f"SELECT source FROM pieces WHERE blob = '{entry.blob}' AND number = 1") or entry.blob
        )
        small = await folder.objects.head("b", "small")
        await folder.change(update(schema.inline).where(schema.inline.c.blob == small.blob).values(data=b"smell"))
        version = await folder.value("SELECT blob FROM versions WHERE bucket = 'v' ORDER BY sequence LIMIT 1")
        sealed = await folder.objects.head("b", "sealed")
        unfinished = await folder.value("SELECT blob FROM parts")
    for blob in (source, version, sealed.blob, unfinished):
        spoil(folder.file(blob), flip)
    where = [each.finding.where for each in folder.check(deep=True)]
    assert sorted(each.partition(" (version")[0] for each in where) == [
        "b/parts",
        "b/sealed",
        "b/small",
        "b/unfinished (part 1 of an upload)",
        "v/k",
    ]
    assert all(each.mended for each in folder.check(repair=True, deep=True))
    assert folder.check(deep=True) == []
    assert {sealed.blob, unfinished, version} < folder.aside()
    tables = {line["table"] for line in folder.reported()}
    assert {"objects", "parts", "inline"} <= tables
    async with folder:
        assert await folder.read("big")
        assert await folder.read("k", "v") == b"2" * BIG


async def test_the_current_object_of_a_key_with_versions_leaves_the_one_before_in_its_place(folder: Folder) -> None:
    async with folder:
        current = await folder.objects.head("v", "k")
    folder.file(current.blob).unlink()
    assert all(each.mended for each in folder.check(repair=True))
    async with folder:
        assert await folder.read("k", "v") == b"1" * BIG
    assert folder.check(deep=True) == []


async def test_rows_that_other_rows_contradict_are_mended(folder: Folder) -> None:
    loose = {"upload": "gone", "number": 1, "blob": "a" * 32, "size": 0, "etag": "e", "modified": 1.0, "doc": {}}
    stranded = {"id": "stranded", "bucket": "nowhere", "key": "k", "initiated": 1.0, "doc": {}}
    async with folder:
        await folder.change(text("DELETE FROM buckets WHERE name = 'b'"))
        await folder.change(text("UPDATE objects SET sequence = 1 WHERE bucket = 'v'"))
        await folder.change(insert(schema.uploads).values(stranded))
        await folder.change(insert(schema.parts).values(loose))
        piece = {"blob": "c" * 32, "number": 0, "source": "d" * 32, "start": 0, "size": 0}
        await folder.change(insert(schema.pieces).values(piece))
        await folder.change(insert(schema.inline).values(blob="e" * 32, data=b"left"))
    told = folder.check(repair=True)
    assert all(each.mended for each in told)
    assert {"b", "v/k", "nowhere/k", "upload gone", "blob " + "c" * 32, "blob " + "e" * 32} <= {
        each.finding.where for each in told
    }
    assert folder.check(deep=True) == []
    assert {line["table"] for line in folder.reported()} == {"uploads", "parts", "pieces", "inline"}
    async with folder:
        assert await folder.read("small") == b"small"
        assert await folder.read("k", "v") == b"2" * BIG
        assert (await folder.objects.head("v", "k")).sequence == 3


async def test_versions_without_an_order_are_put_in_order(folder: Folder) -> None:
    async with folder:
        await folder.change(text("DELETE FROM objects WHERE bucket = 'v'"))
        await folder.change(text("UPDATE versions SET version = 'same' WHERE bucket = 'v'"))
    told = folder.check(repair=True)
    assert {each.finding.told for each in told if each.finding.where == "v/k"} >= {
        "has versions, no delete marker and no current object"
    }
    assert all(each.mended for each in told)
    assert folder.check(deep=True) == []
    async with folder:
        assert await folder.read("k", "v") == b"1" * BIG
        assert await folder.value("SELECT count(DISTINCT version) FROM versions WHERE bucket = 'v'") == 1


async def test_modes_that_are_too_wide_are_narrowed(folder: Folder) -> None:
    async with folder:
        blob = (await folder.objects.head("b", "big")).blob
    folder.file(blob).chmod(0o644)
    (folder.data / "keys.json").write_text("{}")
    (folder.data / "keys.json").chmod(0o644)
    told = {each.finding.where for each in folder.check(repair=True) if each.mended}
    assert {str(folder.file(blob)), str(folder.data / "keys.json")} <= told
    assert folder.file(blob).stat().st_mode & 0o777 == 0o444
    assert (folder.data / "keys.json").stat().st_mode & 0o777 == 0o600


async def test_another_database_costs_no_blob(folder: Folder, tmp_path: Path) -> None:
    others = folder.data.with_name("others")
    (others / "blobs").mkdir(parents=True)
    Blobs(others / "blobs").close()
    strange = others / "blobs" / "ab" / ("ab" + "0" * 30)
    strange.write_bytes(b"of another database")
    (told,) = fsck.check(others, folder.url, HERE, opener(None), repair=True)
    assert "holds none of the" in told.finding.told
    assert not told.mended
    assert strange.exists()
    empty = URL.create("sqlite", database=str(tmp_path / "empty.db"))
    await (await Database.open(empty)).close()
    (told,) = fsck.check(others, empty, HERE, opener(None), repair=True)
    assert "nothing names" in told.finding.told
    assert not told.mended
    assert strange.exists()
    with pytest.raises(NotFound):
        list(fsck.check(others, URL.create("sqlite", database=str(tmp_path / "none.db")), HERE, opener(None)))
    assert not (tmp_path / "none.db").exists()


async def test_a_key_that_does_not_open_costs_no_object(folder: Folder) -> None:
    told = list(fsck.check(folder.data, folder.url, HERE, opener(b"x" * 32), repair=True, deep=True))
    assert [(each.finding.where, each.mended) for each in told] == [("b/sealed", False)]
    assert "is keys.json the right one?" in told[0].finding.told
    async with folder:
        assert await folder.objects.head("b", "sealed")


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_damaged_database_is_told_and_nothing_is_mended_by_it(folder: Folder) -> None:
    async with folder:
        many = [{"arn": f"{n}", "key": "k", "value": "v" * 500} for n in range(2000)]
        await folder.database.write(lambda connection: connection.execute(schema.tags.insert(), many))
    file = folder.data / "potager.db"
    content = bytearray(file.read_bytes())
    content[-40 * 4096 : -20 * 4096] = b"\xff" * (20 * 4096)
    file.write_bytes(content)
    (told,) = folder.check(repair=True)
    assert (told.finding.where, told.mended) == ("the database", False)
    assert "Restore a backup" in told.finding.remedy
