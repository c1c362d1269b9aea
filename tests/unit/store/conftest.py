"""A database, blobs and objects of one's own, on every back end that there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from potager.store.blobs import Blobs
from potager.store.database import Database
from potager.store.objects import Objects
from potager.store.rows import Rows
from tests.postgres import Server


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh database can be; a back end joins the conformance tests by joining `params`."""
    return request.getfixturevalue("postgres") if request.param == "postgres" else sqlite_url(tmp_path)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = await Database.open(url)
    yield opened
    await opened.close()


@pytest.fixture
def another_url(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """As `url`, beside it."""
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'others.db'}"
        return
    server: Server = request.getfixturevalue("postgres_server")
    made = server.schema()
    yield made
    server.drop(made)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'rows.db'}"


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
