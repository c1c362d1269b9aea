"""The socket of a program that may be anybody's."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from potager.images.notebook.__main__ import options
from potager.prepare.notebooks.runner import opened


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Listens at `tmp_path/elsewhere`, by a path that is short enough."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind("elsewhere")
        sock.listen()
        yield sock


def test_a_socket_is_reached_however_long_its_path_is(tmp_path: Path, listener: socket.socket) -> None:
    ml = tmp_path / ("x" * 120) / "ml"
    ml.mkdir(parents=True)
    os.rename(tmp_path / "elsewhere", ml / "server.sock")
    with opened(ml) as sock:
        assert sock.getpeername() == "elsewhere"


@pytest.mark.parametrize("what", ["link", "file", "folder", "folders linked", "nothing"])
def test_what_is_no_socket_of_the_programs_is_not_reached(tmp_path: Path, listener: socket.socket, what: str) -> None:
    ml = tmp_path / "ml"
    ml.mkdir()
    if what == "link":
        (ml / "server.sock").symlink_to(tmp_path / "elsewhere")
    elif what == "file":
        (ml / "server.sock").touch()
    elif what == "folder":
        (ml / "server.sock").mkdir()
    elif what == "folders linked":
        os.rename(tmp_path / "elsewhere", tmp_path / "server.sock")
        ml.rmdir()
        ml.symlink_to(tmp_path)
    with pytest.raises(OSError):
        opened(ml)
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_kernels_listen_on_no_port_where_a_sockets_path_may_be_so_long() -> None:
    short, long = (options("/a/", 60, Path("/n"), Path(runtime)) for runtime in ("/tmp/jupyter", "/" + "x" * 60))
    assert short["KernelManager"]["transport"] == "ipc"
    assert long["KernelManager"]["transport"] == "tcp"
    assert short["ServerApp"]["sock"] == "server.sock"
    assert "ip" not in short["ServerApp"]
    assert "port" not in short["ServerApp"]
