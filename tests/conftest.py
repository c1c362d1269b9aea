"""Servers for the tests that speak to one: the plugin's own fixtures, under shorter names."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

import potager
from tests import postgres as postgres_servers

for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    # A shell without job control, or `nohup`, starts what runs in the background so that it never hears these; what
    # tests start would not, either.
    if signal.getsignal(number) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres_servers.Server]:
    """A Postgres server for this process's session; without one the test is skipped, or fails where CI wants one."""
    try:
        with postgres_servers.server() as running:
            yield running
    except postgres_servers.Absent as absent:
        if "postgres" in os.environ.get(postgres_servers.REQUIRED, ""):
            pytest.fail(str(absent))
        pytest.skip(str(absent))


@pytest.fixture
def postgres(postgres_server: postgres_servers.Server) -> Iterator[str]:
    """The URL of a fresh Postgres database."""
    url = postgres_server.schema()
    yield url
    postgres_server.drop(url)
