"""Servers for the tests that speak to one: the plugin's own fixtures, under shorter names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import potager


@pytest.fixture(scope="session")
def server() -> Iterator[potager.Local]:
    """A live private server for the whole session: `.client(name, region=None)`, `.url`, `.data`, `.env`."""
    with potager.local() as running:
        yield running


@pytest.fixture
def fresh_server() -> Iterator[potager.Local]:
    """A live private server for one test: `.kill()` is `kill -9`, `.start()` brings it back where it was."""
    with potager.local() as running:
        yield running
