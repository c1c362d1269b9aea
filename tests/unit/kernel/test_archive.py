"""What is said of archives that cannot be unpacked."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from potager.kernel.archive import BadArchive, first, unpack
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


def packed(*files: tuple[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def test_a_file_is_read_out_of_an_archive_s_beginning() -> None:
    whole = packed(("evaluation.json", b"{}"), ("weights", os.urandom(100_000)))
    assert first(whole, "evaluation.json", 10_000) == b"{}"
    assert first(whole[:10_000], "evaluation.json", 10_000) == b"{}"
    assert first(whole, "other", 10**6) is None
    assert first(whole[:20_000], "weights", 10**6) is None


@pytest.mark.parametrize("head", [b"", b"no archive", b"\x1f\x8b", packed()[:30]])
def test_of_what_is_no_archive_nothing_is_read(head: bytes) -> None:
    assert first(head, "evaluation.json", 1000) is None


def test_a_file_that_is_too_large_or_no_file_is_not_read() -> None:
    assert first(packed(("evaluation.json", bytes(10**7))), "evaluation.json", 10**6) is None
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        link = tarfile.TarInfo("evaluation.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert first(raw.getvalue(), "evaluation.json", 10**6) is None
