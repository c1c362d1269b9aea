import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from potager.kernel import remains


@pytest.fixture
def ml(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "ml" / "output" / "data").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "failure").write_text("secret")
    yield tmp_path / "ml"
    remains.wipe(tmp_path / "ml")  # pytest does not get to the bottom of it


def test_what_a_program_wrote_is_read(ml: Path) -> None:
    (ml / "output" / "failure").write_text(" because\n")
    assert remains.failure(ml) == "because"
    assert remains.folder(ml, "output/data") == ml / "output" / "data"


def test_a_long_text_is_cut(ml: Path) -> None:
    (ml / "output" / "failure").write_text("x" * 100_000)
    assert len(remains.failure(ml)) == 8192


def test_what_is_not_there_is_nothing(ml: Path) -> None:
    assert remains.failure(ml) == ""
    assert remains.folder(ml, "model") is None


def test_a_link_is_not_followed_wherever_it_stands(ml: Path) -> None:
    (ml / "output" / "failure").symlink_to(ml.parent / "secret" / "failure")
    (ml / "model").symlink_to(ml.parent / "secret")
    assert remains.failure(ml) == ""
    assert remains.folder(ml, "model") is None
    (ml / "output" / "failure").unlink()
    (ml / "output" / "data").rmdir()
    (ml / "output").rmdir()
    (ml / "output").symlink_to(ml.parent / "secret")
    assert remains.failure(ml) == ""


def test_a_pipe_is_not_waited_for(ml: Path) -> None:
    os.mkfifo(ml / "output" / "failure")
    assert remains.failure(ml) == ""


def nested(folder: Path, depth: int) -> None:
    """Folders in one another, deeper than a path can tell, and a file in the last one."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)


def test_what_lies_too_deep_is_passed_over(ml: Path) -> None:
    (ml / "output" / "data" / "a").write_text("a")
    nested(ml / "output" / "data", 2500)
    assert [file.name for file in remains.files(ml, "output/data")] == ["a"]
    remains.wipe(ml / "output")  # pytest, which removes this folder some runs later, cannot go so deep


def test_a_folder_is_removed_however_deep_and_whatever_it_forbids(ml: Path) -> None:
    nested(ml, 2500)
    (ml / "link").symlink_to(ml.parent / "secret")
    (ml / "closed" / "below").mkdir(parents=True)
    (ml / "closed" / "below").chmod(0o000)
    (ml / "closed").chmod(0o555)
    ml.chmod(0o000)
    remains.wipe(ml)
    assert not ml.exists()
    assert (ml.parent / "secret" / "failure").read_text() == "secret"
    remains.wipe(ml)
