"""Servers for the tests that speak to one: the plugin's own fixtures, under shorter names."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

import potager

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
