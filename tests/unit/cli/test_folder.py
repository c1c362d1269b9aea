from __future__ import annotations

import stat
from pathlib import Path

import pytest

from potager.cli import folder
from potager.cli.folder import Running
from potager.kernel.errors import InUse, Invalid

SERVER = Running("http://127.0.0.1:1", 4711, 0.0, "000000000000", "us-east-1")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "PATIENCE", 0.0)


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with folder.lock(tmp_path / "a/data"):
        assert stat.S_IMODE((tmp_path / "a/data").stat().st_mode) == 0o700


def test_a_second_server_is_told_who_has_the_folder(tmp_path: Path) -> None:
    with folder.lock(tmp_path), folder.announced(tmp_path, SERVER):
        with (
            pytest.raises(InUse, match=r"process 4711 at http://127\.0\.0\.1:1\. Stop it first"),
            folder.lock(tmp_path),
        ):
            pass
        assert folder.running(tmp_path) == SERVER
    assert folder.running(tmp_path) is None


def test_a_server_that_is_still_starting_has_the_folder_too(tmp_path: Path) -> None:
    with folder.lock(tmp_path):
        assert folder.held(tmp_path)
        assert folder.running(tmp_path) is None
        with pytest.raises(InUse, match="another server is starting or stopping here"), folder.lock(tmp_path):
            pass


def test_what_a_killed_server_said_is_stale(tmp_path: Path) -> None:
    with folder.lock(tmp_path), folder.announced(tmp_path, SERVER):
        left = (tmp_path / "server.json").read_text()
    (tmp_path / "server.json").write_text(left)
    assert folder.running(tmp_path) is None
    with folder.lock(tmp_path):
        assert not (tmp_path / "server.json").exists()


def test_asking_for_the_server_makes_nothing(tmp_path: Path) -> None:
    assert folder.running(tmp_path / "absent") is None
    assert not (tmp_path / "absent").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match=r"file/data: cannot make the data folder: Not a directory"):
        folder.make(tmp_path / "file/data")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "note"
    folder.write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        folder.write_atomically(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
