"""Backups are whole whatever happens beside them, and become a data folder again, from and to every back end."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, text
from sqlalchemy.engine import make_url

from potager.kernel.errors import Damaged, Exists, InUse, Invalid, NotFound
from potager.kernel.names import Scope
from potager.store import backup, bond, references, removal, restore, schema, snapshot
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Entry, Objects
from potager.store.rows import Rows

HERE = Scope("000000000000", "us-east-1")


class House:
    """A data folder, and what a server has of it."""

    def __init__(self, data: Path, url: URL, database: Database) -> None:
        self.data = data
        self.url = url
        self.database = database
        self.blobs = Blobs(data / "blobs")
        self.objects = Objects(database, self.blobs)
        self.rows = Rows(database, b"a secret")

    async def put(self, key: str, data: bytes, bucket: str = "b") -> Entry:
        return await self.objects.put(bucket, key, await self.blobs.write(data))

    async def read(self, entry: Entry) -> bytes:
        return b"".join([chunk async for chunk in self.objects.read(entry)])

    async def everything(self) -> dict[tuple[str, str, str | None], bytes]:
        """Every object and version there is, with its bytes."""
        columns = "bucket, key, blob, size, etag, modified, version"
        both = text(f"SELECT {columns} FROM objects UNION ALL SELECT {columns} FROM versions WHERE blob IS NOT NULL")
        found = await self.database.read(lambda connection: [tuple(row) for row in connection.execute(both)])
        entries = [Entry(*row[:6], version=row[6]) for row in found]
        return {(each.bucket, each.key, each.version): await self.read(each) for each in entries}

    async def close(self) -> None:
        await self.objects.close()
        self.blobs.close()
        await self.database.close()


async def opened(data: Path, url: URL) -> House:
    data.mkdir(exist_ok=True)
    return House(data, url, await Database.open(url))


def kind_of(url: str, name: str) -> URL:
    """The URL of a database of the same kind; a file lies in the data folder of that name."""
    return URL.create("sqlite", database=name) if url.startswith("sqlite") else make_url(url)


def place(url: str) -> Callable[[Path], URL]:
    """Where the rows of a data folder are."""
    return lambda data: kind_of(url, str(data / "potager.db"))


@pytest.fixture
async def house(url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A data folder with some of everything."""
    made = await opened(tmp_path / "data", place(url)(tmp_path / "data"))
    await made.objects.create_bucket("b", HERE)
    await made.objects.create_bucket("v", HERE)
    await made.objects.configure("v", lambda bucket: replace(bucket, versioning="Enabled", doc={"Policy": "{}"}))
    for number in range(20):
        await made.put(f"k{number}", os.urandom(20_000 + number))
    for number in range(3):
        await made.put("k", b"%d" % number, "v")
    await made.objects.delete("v", ["k"])
    await made.objects.copy(("b", "k1"), ("b", "copy"))
    upload = await made.objects.uploads.create("b", "parts", {})
    for number, data in enumerate((b"one", b"two", b""), 1):
        await made.objects.uploads.put_part(upload, number, await made.blobs.write(data), {})
    await made.objects.uploads.complete(
        upload, lambda there: (list(there.values()), Entry("b", "parts", "", 6, "etag-3", 1.0))
    )
    left = await made.objects.uploads.create("b", "unfinished", {})
    with made.objects.uploads.placing(left, 1, 2**13) as where:
        await made.objects.uploads.put_part(left, 1, await made.blobs.write(bytes(2**13), place=where), {})
    await made.rows.write(lambda tx: tx.insert("model", HERE, "m", {"N": [1.5, None]}, arn="arn:m", status="x"))
    await made.rows.write(lambda tx: tx.tag("arn:m", {"k": "ü"}))
    event = {"time": 1.0, "source": "s3", "name": "ObjectCreated", "resource": "b", "doc": {"a": 1}}
    await made.database.write(lambda connection: connection.execute(schema.events.insert(), [event, event]))
    await made.database.write(lambda connection: connection.execute(schema.events.delete()))
    (made.data / "keys.json").write_text("{}")
    (made.data / "lock").touch()
    (made.data / "jobs").mkdir()
    (made.data / "jobs" / "big").write_bytes(bytes(100))
    (made.data / "logs" / "a" / "g").mkdir(parents=True)
    (made.data / "logs" / "a" / "g" / "s.log").write_text("1 whole\n2 tor")
    (made.data / "logs" / "link").symlink_to("/etc/passwd")
    yield made
    await made.close()


def make(house: House, target: Path) -> backup.Manifest:
    return backup.make(house.data, house.url, target, "0.0")


async def restored(target: Path, data: Path, url: str) -> House:
    restore.restore(target, data, place(url))
    return await opened(data, place(url)(data))


@pytest.mark.parametrize("other", [False, True], ids=["same-kind", "other-kind"])
async def test_all_that_was_there_is_there_again(
    house: House, url: str, tmp_path: Path, other: bool, request: pytest.FixtureRequest
) -> None:
    where = request.getfixturevalue("another_url")
    if other:
        where = request.getfixturevalue("postgres") if url.startswith("sqlite") else "sqlite"
    made = make(house, tmp_path / "backup")
    assert made.missing == []
    assert made.rows["buckets"] == 2
    before = await house.everything()
    assert len(before) == 20 + 3 + 1 + 1
    again = await restored(tmp_path / "backup", tmp_path / "again", where)
    try:
        assert await again.everything() == before
        bucket = await again.objects.bucket("v")
        assert (bucket.versioning, bucket.doc) == ("Enabled", {"Policy": "{}"})
        row = await again.rows.find("model", HERE, "m")
        assert (row.doc, row.status) == ({"N": [1.5, None]}, "x")
        assert await again.rows.read(lambda tx: tx.tags("arn:m")) == {"k": "ü"}
        ((upload,), (part,)) = await uploads(again)
        made_of = await again.objects.uploads.complete(
            upload, lambda there: ([there[1]], Entry("b", "unfinished", "", part, "e-1", 1.0))
        )
        assert await again.read(made_of) == bytes(2**13)
        event = {"time": 1.0, "source": "s3", "name": "n", "resource": "b", "doc": {}}
        await again.database.write(lambda connection: connection.execute(schema.events.insert(), event))
        assert await again.database.read(lambda c: c.scalar(text("SELECT id FROM events"))) == 3
        null = text("SELECT count(*) FROM objects WHERE parts IS NULL")
        assert await again.database.read(lambda c: c.scalar(null)) == 23
        names = {str(path.relative_to(again.data)) for path in again.data.rglob("*") if path.is_file()}
        others = {name for name in names if not name.startswith(("blobs/", "potager.db", "ballast"))}
        assert others == {"bond", "keys.json", "logs/a/g/s.log"}
        await bond.bind(again.database, again.blobs, again.data / "bond")
        assert (again.data / "logs" / "a" / "g" / "s.log").read_text() == "1 whole\n"
        assert again.data.stat().st_mode & 0o777 == 0o700
        for path in (again.data / "blobs").glob("*/*"):
            assert path.stat().st_mode & 0o777 in (0o444, 0o600)
    finally:
        await again.close()


async def uploads(house: House) -> tuple[list[Any], list[int]]:
    found = (await house.objects.uploads.list("b", "", "", ("", None), 10)).entries
    parts = [part for each in found for part in (await house.objects.uploads.parts(each))[0]]
    return found, [part.size for part in parts]


async def test_a_backup_made_beside_a_crowd_names_nothing_that_it_does_not_hold(
    house: House, url: str, another_url: str, tmp_path: Path
) -> None:
    done = asyncio.Event()

    async def client(number: int) -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            await house.put(f"crowd/{number}/{turn % 3}", os.urandom(500 if turn % 2 else 20_000))
            await house.objects.delete("b", [f"crowd/{number}/{(turn + 1) % 3}", f"k{turn % 20}"])
            await house.objects.copy(("b", "copy"), ("b", f"crowd/{number}/copy"))

    clients = [asyncio.ensure_future(client(number)) for number in range(4)]
    try:
        for _ in range(4):
            made = await asyncio.to_thread(make, house, tmp_path / "backup")
            assert made.missing == []
    finally:
        done.set()
        await asyncio.gather(*clients)
    again = await restored(tmp_path / "backup", tmp_path / "again", another_url)
    try:
        sizes = text("SELECT bucket, key, version, size FROM objects")
        said = await again.database.read(lambda c: {tuple(row[:3]): row[3] for row in c.execute(sizes)})
        found = await again.everything()
        assert {place: len(found[place]) for place in said} == said
    finally:
        await again.close()


async def test_files_go_once_the_backup_is_over_and_not_before(house: House) -> None:
    entry = await house.put("k", os.urandom(20_000))
    path = house.blobs.path(entry.blob)
    with removal.withheld(house.data / "blobs"):
        await house.put("k", b"by this")
        await house.objects.delete("b", ["k0"])
        await house.blobs.run(lambda: None)
        assert path.exists()
    for _ in range(6000):
        if not await house.database.read(lambda c: references.unnamed(c, list(house.blobs.ids()))):
            break
        await asyncio.sleep(0.01)
    assert not path.exists()
    assert await house.database.read(lambda c: references.unnamed(c, list(house.blobs.ids()))) == []


async def test_the_same_folder_again_copies_what_is_new_and_drops_what_is_old(house: House, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    first = make(house, target)
    kept = {path: path.stat().st_ino for path in (target / "blobs").glob("*/*")}
    await house.objects.delete("b", ["k0", "k1"])
    await house.put("new", os.urandom(20_000))
    second = make(house, target)
    now = {path: path.stat().st_ino for path in (target / "blobs").glob("*/*")}
    final = [path for path in now.keys() & kept.keys() if not path.stat().st_mode & 0o200]
    assert len(final) > 20
    assert all(now[path] == kept[path] for path in final)
    assert len(now) == len(kept) - 1 + 1  # k1 lives on in its copy
    assert [path.name for path in (target / "snapshots").iterdir()] == [second.snapshot]
    assert first.snapshot != second.snapshot
    assert backup.read(target) == second


async def test_what_was_torn_is_no_backup_and_what_was_there_before_still_is(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "backup"

    def torn(*given: Any) -> None:
        raise OSError("the cable was pulled")

    with monkeypatch.context() as patched:
        patched.setattr(backup, "_counted", torn)
        with pytest.raises(OSError, match="cable"):
            make(house, target)
    with pytest.raises(Invalid, match="broken off: it has no manifest"):
        restore.restore(target, tmp_path / "again", place("sqlite"))
    whole = make(house, target)
    await house.objects.delete("b", ["k0"])
    with monkeypatch.context() as patched:
        patched.setattr(backup, "_counted", torn)
        with pytest.raises(OSError, match="cable"):
            make(house, target)
    assert backup.read(target) == whole
    restore.restore(target, tmp_path / "again", place("sqlite"))
    assert len(list((tmp_path / "again" / "blobs").glob("*/*"))) == whole.blobs
    make(house, target)
    assert len(list((target / "snapshots").iterdir())) == 1


@pytest.mark.parametrize("what", ["blob", "rows", "file", "lost", "manifest"])
async def test_a_backup_that_changed_since_is_refused_and_nothing_is_restored(
    house: House, tmp_path: Path, what: str
) -> None:
    target = tmp_path / "backup"
    made = make(house, target)
    inside = target / "snapshots" / made.snapshot
    path = {
        "blob": max((target / "blobs").glob("*/*"), key=lambda path: path.stat().st_size),
        "rows": inside / "rows.db",
        "file": inside / "data" / "keys.json",
        "lost": min((target / "blobs").glob("*/*")),
        "manifest": target / "manifest.json",
    }[what]
    content = bytearray(path.read_bytes())
    path.unlink()
    if what == "manifest":
        path.write_bytes(content[:100])
    elif what != "lost":
        content[-1] ^= 1
        path.write_bytes(content)
    with pytest.raises((Damaged, Invalid), match=path.name):
        restore.restore(target, tmp_path / "again", place("sqlite"))
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob(".again*"))


async def test_a_blob_that_was_lost_before_is_told_and_the_rest_is_backed_up(house: House, tmp_path: Path) -> None:
    entry = await house.objects.head("b", "k3")
    house.blobs.path(entry.blob).unlink()
    made = make(house, tmp_path / "backup")
    assert made.missing == [entry.blob]
    with pytest.raises(Damaged, match=f"such as {entry.blob}.*--partial"):
        restore.restore(tmp_path / "backup", tmp_path / "again", place("sqlite"))
    restore.restore(tmp_path / "backup", tmp_path / "again", place("sqlite"), partial=True)
    assert (tmp_path / "again" / "potager.db").exists()


async def test_places_that_will_not_do_are_refused(house: House, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for target, kind in ((house.data / "backup", Invalid), (tmp_path, Invalid), (tmp_path / "full", Exists)):
        with pytest.raises(kind):
            make(house, target)
    with pytest.raises(Invalid, match="no data folder"):
        backup.make(tmp_path / "full", house.url, tmp_path / "backup", "0.0")
    (tmp_path / "none" / "blobs").mkdir(parents=True)
    with pytest.raises(NotFound, match="There is no database"):
        backup.make(tmp_path / "none", place("sqlite")(tmp_path / "none"), tmp_path / "backup", "0.0")
    make(house, tmp_path / "backup")
    with pytest.raises(Exists, match="is not empty"):
        restore.restore(tmp_path / "backup", tmp_path / "full", place("sqlite"))
    with backup._locked(tmp_path / "backup"), pytest.raises(InUse, match="another backup"):
        make(house, tmp_path / "backup")


async def test_nobody_else_can_read_a_backup(house: House, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    made = make(house, target)
    assert target.stat().st_mode & 0o777 == 0o700
    for path in (target / "snapshots" / made.snapshot).rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert json.loads((target / "manifest.json").read_text())["format"] == 1


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_rows_are_not_put_into_a_database_that_holds_some(house: House, url: str, tmp_path: Path) -> None:
    make(house, tmp_path / "backup")
    with pytest.raises(InUse, match="in use by another server"):
        restore.restore(tmp_path / "backup", tmp_path / "again", place(url))
    await house.database.close()
    with pytest.raises(Exists, match="is not empty"):
        restore.restore(tmp_path / "backup", tmp_path / "again", place(url))
    house.database = await Database.open(url)
    assert not (tmp_path / "again").exists()


async def test_what_a_killed_restore_left_is_removed_by_the_next_and_one_that_goes_on_is_let_be(
    house: House, tmp_path: Path
) -> None:
    make(house, tmp_path / "backup")
    for name in (".data2.restoring-dead", ".data2.restoring-alive", ".data3.restoring-other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys.json").write_text("{}")
    handle = os.open(tmp_path / ".data2.restoring-alive", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        restore.restore(tmp_path / "backup", tmp_path / "data2", place("sqlite"))
    finally:
        os.close(handle)
    left = {each.name for each in tmp_path.glob(".*")}
    assert left >= {".data2.restoring-alive", ".data3.restoring-other"}
    assert ".data2.restoring-dead" not in left
    assert (tmp_path / "data2" / "blobs").is_dir()


async def test_a_database_of_an_older_schema_is_backed_up_in_the_present_one(url: str, tmp_path: Path) -> None:
    from sqlalchemy import create_engine

    from potager.store import migrations

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        migrations.upgrade(connection, "0001")
        connection.execute(text("INSERT INTO buckets (name, account, region, created) VALUES ('b', 'a', 'r', 1.5)"))
    engine.dispose()
    snapshot.take(make_url(url), tmp_path / "rows-taken.db")
    with snapshot.opened(tmp_path / "rows-taken.db") as rows:
        assert rows.execute(text("SELECT name, created, versioning, doc FROM buckets")).all() == [
            ("b", 1.5, None, "{}")
        ]
    assert snapshot.counts(tmp_path / "rows-taken.db")["buckets"] == 1
