from __future__ import annotations

from pathlib import Path

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
