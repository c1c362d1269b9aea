"""What is said of archives that cannot be unpacked."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from potager.kernel.archive import BadArchive, unpack
from potager.kernel.errors import LimitReached


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    file = tmp_path / "model.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        member = tarfile.TarInfo("weights")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    return file


def test_an_archive_is_not_blamed_for_a_full_disk(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with pytest.raises(LimitReached, match="disk is full"):
        unpack(archive, tmp_path / "model")


def test_a_broken_archive_is_told_as_one(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(BadArchive, match="not a tar archive"):
        unpack(archive, tmp_path / "model")
