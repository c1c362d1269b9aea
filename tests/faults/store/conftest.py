"""A server to be killed, for each test of the store's faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.store.mortal import Mortal


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    server = Mortal(tmp_path / "data")
    try:
        yield server
    finally:
        server.close()
