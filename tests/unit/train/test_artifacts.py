from __future__ import annotations

import asyncio
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from potager.kernel.errors import Fault
from potager.train import artifacts


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def content(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        assert len(tar.getnames()) == len(set(tar.getnames()))
        return {info.name: tar.extractfile(info).read().decode() for info in tar if info.isfile()}  # type: ignore[union-attr]


def test_what_several_hosts_left_becomes_one_archive_in_which_the_first_s_stands(tmp_path: Path) -> None:
    first = written(tmp_path / "1", {"model": "first", "shards/a": "1", "name": "a file"})
    second = written(tmp_path / "2", {"model": "second", "shards/b": "2", "name/in": "a folder"})
    artifacts.pack([first, second], tmp_path / "kept.tar.gz")
    assert content(tmp_path / "kept.tar.gz") == {"model": "first", "shards/a": "1", "shards/b": "2", "name": "a file"}


def test_the_evaluation_stands_first(tmp_path: Path) -> None:
    model = written(tmp_path / "1", {"a": "1", "evaluation.json": "{}", "below/evaluation.json": "2", "z": "3"})
    artifacts.pack([model], tmp_path / "kept.tar.gz")
    with tarfile.open(tmp_path / "kept.tar.gz") as tar:
        assert tar.getnames() == ["evaluation.json", "a", "below", "below/evaluation.json", "z"]


def test_a_link_is_kept_as_a_link_and_never_followed(tmp_path: Path) -> None:
    first = written(tmp_path / "1", {"model": "1"})
    (first / "to").symlink_to("/etc")
    second = written(tmp_path / "2", {"to/passwd": "mine"})
    artifacts.pack([first, second], tmp_path / "kept.tar.gz")
    with tarfile.open(tmp_path / "kept.tar.gz") as tar:
        assert tar.getnames() == ["model", "to"]
        assert tar.getmember("to").issym()


def test_a_model_of_folders_without_end_is_told_and_packed_by_nobody(tmp_path: Path) -> None:
    deep = tmp_path / "model" / "/".join(["a"] * 210)
    deep.mkdir(parents=True)
    with pytest.raises(Fault, match="200 deep"):
        artifacts.pack([tmp_path / "model"], tmp_path / "kept.tar.gz")


def test_an_archive_that_is_given_up_is_not_finished(tmp_path: Path) -> None:
    written(tmp_path / "model", {"a": "1"})
    given_up = threading.Event()
    given_up.set()
    with pytest.raises(InterruptedError):
        artifacts.pack([tmp_path / "model"], tmp_path / "kept.tar.gz", given_up)


def test_packing_is_given_up_when_nobody_waits_for_it_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, seen = threading.Event(), list[bool]()

    def endless(folders: object, archive: object, given_up: threading.Event) -> None:
        begun.set()
        seen.append(given_up.wait(60))

    async def cancelled() -> None:
        packing = asyncio.create_task(artifacts._packed([tmp_path], tmp_path / "kept.tar.gz"))  # type: ignore[reportPrivateUsage]
        await asyncio.to_thread(begun.wait, 60)
        packing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await packing
        await asyncio.get_running_loop().shutdown_default_executor()

    monkeypatch.setattr(artifacts, "pack", endless)
    asyncio.run(cancelled())
    assert seen == [True]


async def test_files_with_more_bytes_than_the_volume_are_told_before_they_are_packed(tmp_path: Path) -> None:
    (tmp_path / "ml" / "model").mkdir(parents=True)
    with open(tmp_path / "ml" / "model" / "holes", "wb") as file:
        file.truncate(2**40)
    doc = {"ResourceConfig": {"VolumeSizeInGB": 5}, "OutputDataConfig": {"S3OutputPath": "s3://claims/out"}}
    none: Any = None
    with pytest.raises(Fault, match="VolumeSizeInGB"):
        await artifacts.upload(none, doc, "job", [tmp_path / "ml"])
