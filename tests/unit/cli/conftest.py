"""Servers with a stub in the gateway's place."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from potager.cli import child
from potager.cli.child import Child

STUB = (sys.executable, str(Path(__file__).with_name("stub.py")))


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests says nothing."""
    for name in ("DATA", "CONFIG", "HOST", "PORT", "REGION", "ACCOUNT_ID", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"POTAGER_{name}", raising=False)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The program that is `potager` with a stub in the gateway's place; servers started from here on are that."""
    monkeypatch.setattr(child, "PROGRAM", STUB)
    return STUB


Start = Callable[..., Child]


@pytest.fixture
def start(stub: tuple[str, ...], tmp_path: Path) -> Iterator[Start]:
    """Starts stub servers, on `tmp_path / "data"` unless told otherwise; stopped when the test ends."""
    children: list[Child] = []

    def begin(*options: str, data: Path = tmp_path / "data", **more: object) -> Child:
        server = Child(data, ["--port", "0", *options], **more)  # type: ignore[arg-type]
        children.append(server)
        server.start()
        return server

    yield begin
    for server in children:
        server.kill()
