"""A database, blobs and objects of one's own, on every back end that there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Objects
from potager.store.rows import Rows


@pytest.fixture(params=["sqlite"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh database; a back end joins the conformance tests by joining `params`."""
    opened = await Database.open(f"sqlite:///{tmp_path / 'rows.db'}")
    yield opened
    await opened.close()


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database, b"a secret of thirty-two bytes ...")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
async def objects(database: Database, blobs: Blobs) -> AsyncIterator[Objects]:
    made = Objects(database, blobs)
    yield made
    await made.close()
    blobs.close()
