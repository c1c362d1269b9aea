"""Servers for the tests that speak to one: the plugin's own fixtures, under shorter names."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

import potager

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell without job control starts what runs in the background so; what tests start would never hear Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
