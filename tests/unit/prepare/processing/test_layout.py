from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest

from potager.prepare.processing import layout
from potager.store.inputs import BadInput, File


def file(path: str, size: int, store: Path) -> File:
    source = store / path.replace("/", "_")
    with source.open("wb") as written:
        written.truncate(size)
    return File(PurePosixPath(path), source)


def test_what_is_small_is_copied_and_what_is_large_is_linked(tmp_path: Path) -> None:
    small, large = file("a", layout.SMALL, tmp_path), file("b", layout.SMALL + 1, tmp_path)
    assert layout.parted([large, small]) == ([small], [large])


def test_no_more_is_copied_than_a_job_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "COPIED", 25)
    files = [file(name, 10, tmp_path) for name in "abc"]
    assert layout.parted(files) == (files[:2], files[2:])


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b/c", "a"), ("made", "x"), ("made/under", "made")])
def test_a_clash_is_named(tmp_path: Path, names: tuple[str, str]) -> None:
    (tmp_path / "made").mkdir()
    with pytest.raises(BadInput, match=r"clash at '/opt/ml/(a|made)'"):
        layout.check([File(PurePosixPath(name), tmp_path) for name in names], tmp_path)


def test_files_in_one_folder_do_not_clash(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    layout.check([File(PurePosixPath(name), tmp_path) for name in ("a/b", "a/c", "a/d/e")], tmp_path)
    assert os.listdir(tmp_path) == ["a"]
