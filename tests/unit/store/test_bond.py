"""A database and a folder of blobs that do not belong together are never served, on every back end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import text

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store import bond
from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Objects


async def test_those_that_are_bound_belong_together_from_then_on(
    database: Database, blobs: Blobs, tmp_path: Path
) -> None:
    for _ in range(2):
        await bond.bind(database, blobs, tmp_path / "bond")
    assert (tmp_path / "bond").stat().st_mode & 0o777 == 0o600
    assert await database.read(lambda c: c.scalar(text("SELECT count(*) FROM rows WHERE kind = 'house'"))) == 1


async def test_another_database_is_refused(database: Database, blobs: Blobs, another_url: str, tmp_path: Path) -> None:
    await bond.bind(database, blobs, tmp_path / "bond")
    await blobs.write(os.urandom(20_000))
    other, others = await Database.open(another_url), Blobs(tmp_path / "others")
    try:
        with pytest.raises(Invalid, match=r"does not belong to .*Give the one that was used before"):
            await bond.bind(other, blobs, tmp_path / "bond")  # it is new, as one that was lost and made again
        await bond.bind(other, others, tmp_path / "other bond")
        with pytest.raises(Invalid, match="does not belong"):
            await bond.bind(other, blobs, tmp_path / "bond")
    finally:
        others.close()
        await other.close()


async def test_a_database_is_bound_to_a_folder_that_holds_what_it_names_and_to_no_other(
    database: Database, objects: Objects, blobs: Blobs, tmp_path: Path
) -> None:
    await bond.bind(database, blobs, tmp_path / "bond")
    await objects.create_bucket("b", Scope("0", "us-east-1"))
    await objects.put("b", "k", await blobs.write(os.urandom(20_000)))
    empty = Blobs(tmp_path / "empty")
    try:
        with pytest.raises(Invalid, match="does not belong"):
            await bond.bind(database, empty, tmp_path / "other bond")
    finally:
        empty.close()
    (tmp_path / "bond").unlink()  # as restored
    await bond.bind(database, blobs, tmp_path / "bond")
    assert (tmp_path / "bond").exists()


async def test_a_database_whose_objects_lie_in_its_rows_is_not_given_to_a_new_folder(
    database: Database, objects: Objects, blobs: Blobs, tmp_path: Path
) -> None:
    await bond.bind(database, blobs, tmp_path / "bond")
    await objects.create_bucket("b", Scope("0", "us-east-1"))
    await objects.put("b", "k", await blobs.write(b"small"))
    with pytest.raises(Invalid, match="does not belong"):  # whose keys would open nothing that is encrypted
        await bond.bind(database, blobs, tmp_path / "other bond")


async def test_a_folder_without_blobs_may_begin_anew(database: Database, blobs: Blobs, tmp_path: Path) -> None:
    (tmp_path / "bond").write_text("of a database that is gone\n")
    await bond.bind(database, blobs, tmp_path / "bond")
    await bond.bind(database, blobs, tmp_path / "bond")
