import os
from pathlib import Path

import pytest

from potager.kernel import remains


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    (tmp_path / "ml" / "output" / "data").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "failure").write_text("secret")
    return tmp_path / "ml"


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
