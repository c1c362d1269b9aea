from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from potager.cli import keys
from potager.kernel.errors import Invalid
from potager.kernel.settings import Settings


def test_keys_are_random_at_first_and_stay_the_same(tmp_path: Path) -> None:
    first = keys.settle(Settings(data=tmp_path))
    assert re.fullmatch(r"AKIA[A-Z0-9]{16}", first.access_key_id)
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", first.secret_access_key)
    assert len(first.secret) == 32
    assert keys.settle(Settings(data=tmp_path)) == first == keys.read(tmp_path)


def test_only_the_owner_can_read_the_keys(tmp_path: Path) -> None:
    keys.settle(Settings(data=tmp_path))
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_a_given_pair_replaces_the_random_one_and_keeps_the_servers_secret(tmp_path: Path) -> None:
    before = keys.settle(Settings(data=tmp_path))
    given = keys.settle(Settings(data=tmp_path, access_key_id="admin", secret_access_key="opensesame"))
    assert (given.access_key_id, given.secret_access_key) == ("admin", "opensesame")
    assert given.secret == before.secret
    assert keys.settle(Settings(data=tmp_path)) == given


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Give both or neither"):
        keys.settle(Settings(data=tmp_path, access_key_id="admin"))
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"access_key_id": "a", "secret_access_key": "b", "secret": "zz"}']
)
def test_a_damaged_file_is_named_and_not_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(Invalid, match=r"keys\.json: cannot read the keys"):
        keys.settle(Settings(data=tmp_path))
    assert (tmp_path / "keys.json").read_text() == content
