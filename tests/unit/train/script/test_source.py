"""Where a script's source may come from, without S3: the client tests fetch it from there."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from potager.train.script import source
from potager.train.script.program import Program
from potager.train.script.source import BadSource

NO_OBJECTS: Any = None
CODE = "/opt/ml/input/data/code"


def program(where: str | None, script: str = "train.py") -> Program:
    return Program(("python", script), script, where)


@pytest.fixture
def ml(tmp_path: Path) -> Path:
    for name in ("code", "input/data/code"):
        (tmp_path / "ml" / name).mkdir(parents=True)
    return tmp_path / "ml"


def pack(path: Path, name: str = "train.py") -> None:
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"pass"))


async def test_a_channel_s_files_are_copied_so_that_the_objects_stay_as_they_are(ml: Path) -> None:
    original = ml / "input/data/code/train.py"
    original.write_text("pass")
    original.chmod(0o444)
    await source.lay_out(NO_OBJECTS, program(CODE), ml)
    (ml / "code/train.py").write_text("changed")
    assert original.read_text() == "pass"


@pytest.mark.parametrize("where", [CODE, f"{CODE}/sourcedir.tar.gz"])
async def test_a_channel_may_hold_the_archive(ml: Path, where: str) -> None:
    pack(ml / "input/data/code/sourcedir.tar.gz")
    await source.lay_out(NO_OBJECTS, program(where), ml)
    assert (ml / "code/train.py").read_text() == "pass"


@pytest.mark.parametrize("where", ["/opt/ml/input/data/absent", "/opt/ml/../../etc"])
async def test_a_source_that_no_channel_has_is_named(ml: Path, where: str) -> None:
    with pytest.raises(BadSource, match=f"no source at {where}"):
        await source.lay_out(NO_OBJECTS, program(where), ml)


async def test_a_job_without_a_source_is_told_what_to_set(ml: Path) -> None:
    with pytest.raises(BadSource, match="sagemaker_submit_directory"):
        await source.lay_out(NO_OBJECTS, program(None), ml)


async def test_an_archive_that_is_none_is_named(ml: Path) -> None:
    (ml / "input/data/code/sourcedir.tar.gz").write_text("no archive")
    with pytest.raises(BadSource, match=r"source sourcedir\.tar\.gz is not a tar archive"):
        await source.lay_out(NO_OBJECTS, program(CODE), ml)


async def test_a_shell_script_is_made_executable(ml: Path) -> None:
    (ml / "input/data/code/train.sh").write_text("true")
    await source.lay_out(NO_OBJECTS, program(CODE, "train.sh"), ml)
    assert (ml / "code/train.sh").stat().st_mode & 0o111


async def test_a_link_that_leaves_the_source_is_no_program(ml: Path) -> None:
    (ml / "code/train.py").symlink_to("/etc/hostname")
    (ml / "input/data/code/other.py").write_text("")
    with pytest.raises(BadSource, match=r"no program 'train\.py'"):
        await source.lay_out(NO_OBJECTS, program(CODE), ml)


async def test_a_command_needs_no_source(ml: Path) -> None:
    await source.lay_out(NO_OBJECTS, Program(("true",)), ml)
    assert list((ml / "code").iterdir()) == []


async def test_a_source_that_is_no_uri_is_named(ml: Path) -> None:
    with pytest.raises(BadSource, match="'file:///tmp/code' is not an S3 URI"):
        await source.lay_out(NO_OBJECTS, program("file:///tmp/code"), ml)


def test_programs_in_channels_are_the_job_s_own_and_data_are_not(ml: Path) -> None:
    blob = ml.parent / "blob"
    blob.write_text("echo stored")
    blob.chmod(0o444)
    places = [ml / "input/data" / name for name in ("sm_drivers/sm_train.sh", "code/deep/run.sh", "train/data.csv")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(blob)
    source.own(ml)
    launcher, deep, data = places
    launcher.chmod(0o755)
    deep.write_text("echo changed")
    assert (blob.read_text(), blob.stat().st_mode & 0o777) == ("echo stored", 0o444)
    assert data.samefile(blob)
    assert source.programs(ml) == [ml / "input/data/code", ml / "input/data/sm_drivers"]
