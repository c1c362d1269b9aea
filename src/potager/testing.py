"""A pytest plugin, there as soon as Potager is installed: servers for tests of programs that call AWS.

potager_server        one private server for the whole session (`potager.Local`)
potager_env           the same, with the AWS_* variables of the test set, so that plain `boto3.client("s3")` lands there
potager_fresh_server  a private server for one test, to kill and start again

    def test_uploads(potager_env):
        upload("claims.csv")                              # the program under test, unmodified
        s3 = potager_env.client("s3")
        assert s3.head_object(Bucket="claims", Key="claims.csv")
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from potager.cli.local import Local


@pytest.fixture(scope="session")
def potager_server() -> Iterator[Local]:
    """A private server, shared by the tests of the session."""
    import potager

    with potager.local() as server:
        yield server


@pytest.fixture
def potager_env(potager_server: Local, monkeypatch: pytest.MonkeyPatch) -> Local:
    """The session's server, with the environment of the test leading every AWS client to it."""
    from potager.cli.environment import direct, misleading

    for name in misleading(os.environ):
        monkeypatch.delenv(name, raising=False)
    for name, value in (potager_server.env | direct(os.environ)).items():
        monkeypatch.setenv(name, value)
    return potager_server


@pytest.fixture
def potager_fresh_server() -> Iterator[Local]:
    """A private server for one test alone: `kill` it, `start` it again, look into its `data`."""
    import potager

    with potager.local() as server:
        yield server
