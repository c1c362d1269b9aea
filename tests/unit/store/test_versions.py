"""Versions of objects: which is current, which files they keep, and their pages."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from sqlalchemy import Connection, event

from potager.kernel.names import Scope
from potager.store import history
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.entries import ENABLED, SUSPENDED
from potager.store.objects import NULL, Entry, IsMarker, NoObject, NoVersion, Objects

HERE = Scope("000000000000", "us-east-1")


@pytest.fixture(autouse=True)
async def bucket(objects: Objects) -> None:
    await objects.create_bucket("b", HERE)
    await versioning(objects, ENABLED)


async def versioning(objects: Objects, status: str) -> None:
    await objects.configure("b", lambda bucket: replace(bucket, versioning=status))


async def put(objects: Objects, blobs: Blobs, key: str, data: bytes = b"x") -> Entry:
    return await objects.put("b", key, await blobs.write(data))


async def test_a_version_is_named_by_its_id_and_a_marker_has_no_bytes(objects: Objects, blobs: Blobs) -> None:
    first, second = [await put(objects, blobs, "k", data) for data in (b"1", b"2")]
    assert await objects.head("b", "k", first.version) == first
    assert await objects.head("b", "k") == second
    (marker,) = await objects.delete("b", ["k"])
    assert marker is not None
    with pytest.raises(NoObject) as caught:
        await objects.head("b", "k")
    assert caught.value.marker == marker
    with pytest.raises(IsMarker):
        await objects.head("b", "k", marker.version)
    with pytest.raises(NoVersion):
        await objects.head("b", "k", NULL)
    assert await objects.delete_version("b", "k", str(marker.version)) == marker
    assert await objects.head("b", "k") == second


async def test_a_document_is_written_anew_in_place(objects: Objects, blobs: Blobs) -> None:
    first, second = [await put(objects, blobs, "k", data) for data in (b"1", b"2")]
    for entry in (first, second):
        done = await objects.describe("b", "k", entry.version, lambda found: replace(found, doc={"_tags": found.etag}))
        assert done == replace(entry, doc={"_tags": entry.etag}) == await objects.head("b", "k", entry.version)


async def test_pages_hold_each_version_once_however_they_are_cut(objects: Objects, blobs: Blobs) -> None:
    """Against a plain list, with prefixes, delimiters and pages of every size."""
    chance = random.Random(7)
    keys = ["a", "a/b", "a/c", "a//d", "b/1", "b/2/3", "c", "ü/1", "😀"]
    expected: dict[str, list[tuple[str | None, bool]]] = {}
    for _ in range(80):
        key = chance.choice(keys)
        await versioning(objects, chance.choice((ENABLED, ENABLED, SUSPENDED)))
        made = (await objects.delete("b", [key]))[0] if chance.random() < 0.3 else await put(objects, blobs, key)
        assert made is not None
        below = [each for each in expected.get(key, []) if made.version is not None or each[0] is not None]
        expected[key] = [(made.version, made.marker), *below]
    whole = [(key, *each) for key in sorted(expected) for each in expected[key]]
    for prefix, delimiter in (("", ""), ("a", ""), ("a/", "/"), ("", "/"), ("b", "/2/"), ("zz", "/")):
        under = [each for each in whole if each[0].startswith(prefix)]
        plain, folded = [], []
        for each in under:
            cut = each[0].find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                plain.append(each)
            elif (name := each[0][: cut + len(delimiter)]) not in folded:
                folded.append(name)
        for limit in (1, 2, 3, 7, 1000):
            rows, prefixes, latest = [], [], []
            after: tuple[str, str | None] | None = ("", None)
            while after is not None:
                page = await objects.versions("b", prefix, delimiter, after, limit)
                assert len(page.entries) + len(page.prefixes) <= limit
                rows += [(each.key, each.entry.version, each.entry.marker) for each in page.entries]
                latest += [each.key for each in page.entries if each.latest]
                prefixes += page.prefixes
                last = page.ended_with
                mark = None if last is None else last.entry.version or NULL
                after = None if page.after is None else (page.after, mark)
            assert (rows, prefixes) == (plain, folded)
            assert latest == sorted({each[0] for each in plain})


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_page_reads_along_an_index(database: Database) -> None:
    """No sort and no walk over a table, whatever a bucket or a key holds."""

    def plans(connection: Connection) -> list[str]:
        statements: list[str] = []
        event.listen(connection, "before_cursor_execute", lambda *said: statements.append(said[2]))
        history.page(connection, "b", "k", "", ("k", "A" * 32), 10)
        asked = [f"EXPLAIN QUERY PLAN {each}" for each in statements]
        return [row[3] for each in asked for row in connection.exec_driver_sql(each, ("k",) * each.count("?"))]

    found = await database.read(plans)
    assert len(found) == 4
    assert all(plan.startswith("SEARCH") for plan in found)
