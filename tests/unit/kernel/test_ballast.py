from __future__ import annotations

import errno
from pathlib import Path

import pytest

from potager.kernel.ballast import Ballast


def test_a_ballast_holds_room_until_it_is_spent(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 2**16)
    assert not ballast.spend()
    ballast.make()
    ballast.make()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 2**16
    assert ballast.spend()
    assert not ballast.spend()


def test_a_disk_without_plenty_is_left_as_it_is(tmp_path: Path) -> None:
    Ballast(tmp_path / "ballast", 2**60).make()
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_finds_the_disk_full_is_done_again_with_the_room_held_for_it(tmp_path: Path) -> None:
    ballast, tries = Ballast(tmp_path / "ballast", 2**16), []

    def write() -> None:
        tries.append(ballast.path.exists())
        if ballast.path.exists():
            raise OSError(errno.ENOSPC, "No space left on device")

    ballast.make()
    ballast.spared(write)
    assert tries == [True, False]


def test_any_other_error_and_a_disk_that_stays_full_are_raised(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 2**16)

    def fail(number: int) -> None:
        raise OSError(number, "no")

    with pytest.raises(OSError, match="no"):
        ballast.spared(lambda: fail(errno.ENOSPC))
    ballast.make()
    with pytest.raises(OSError, match="no"):
        ballast.spared(lambda: fail(errno.EACCES))
    assert ballast.path.exists()
