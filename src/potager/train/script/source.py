"""Lays a script's source out at /opt/ml/code.

It comes as `sourcedir.tar.gz` in S3, or, where the job has no network, in a channel named `code`. The SDK v3 has its
own launcher in a channel `sm_drivers` and the source in `code`, and runs both where they stand. Program files are
copies: a script may change them, as it may on AWS, and an object's blob must not change.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tarfile
from pathlib import Path

from potager.kernel import archive, uris
from potager.kernel.errors import Fault, Invalid
from potager.store.objects import Objects
from potager.train.script.program import Program
from potager.train.script.variables import CODE, ML

PROGRAMS = ("code", "sm_drivers")
"""The channels that hold programs."""


class BadSource(Fault):
    """The source is not there, broken, or asks for what is not served; follows `ClientError: ` in FailureReason."""


def programs(ml: Path) -> list[Path]:
    """The folders of the channels that hold programs."""
    folders = (ml / "input" / "data" / name for name in PROGRAMS)
    return [folder for folder in folders if folder.is_dir()]


def own(ml: Path) -> None:
    """Makes the files of the program channels the job's own, where they were names of an object's blob."""
    for folder in programs(ml):
        for top, _, names in os.walk(folder):
            for path in (Path(top, name) for name in names):
                if path.is_file() and not path.is_symlink():
                    _part(path, ml.parent / "part")


def _part(path: Path, spare: Path) -> None:
    shutil.copyfile(path, spare)
    spare.chmod(0o644)
    os.replace(spare, path)


async def lay_out(objects: Objects, program: Program, ml: Path) -> None:
    """Puts the source of a script under `ml`; the job's channels stand there already.

    `BadSource` says what is wrong; `NotFound` names the object that is not there.
    """
    if program.script is None:
        return
    await _fetch(objects, program.source, ml)
    await asyncio.to_thread(_check, program.script, ml / "code")


async def _fetch(objects: Objects, source: str | None, ml: Path) -> None:
    if source is None or source.rstrip("/") == CODE:
        raise BadSource("The job has no source: set the hyperparameter sagemaker_submit_directory to its S3 URI.")
    if source.startswith(str(ML) + "/"):
        await asyncio.to_thread(_copy, _within(source, ml), ml / "code")
        return
    try:
        bucket, key = uris.s3(source)
    except Invalid as fault:
        raise BadSource(f"sagemaker_submit_directory: {fault.message}") from fault
    file = await objects.file(await objects.head(bucket, key))
    await asyncio.to_thread(_unpack, file, ml / "code", source)


def _within(source: str, ml: Path) -> Path:
    """A path below /opt/ml, on this side of the walls."""
    path = ml / source.removeprefix(str(ML) + "/")
    if ".." in path.parts or not path.exists():
        raise BadSource(f"There is no source at {source}: no channel of the job has it.")
    return path


def _copy(path: Path, code: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, code, copy_function=shutil.copyfile, dirs_exist_ok=True)
        packed = code / "sourcedir.tar.gz"
        if packed.is_file():
            _unpack(packed, code, packed.name)
    elif tarfile.is_tarfile(path):
        _unpack(path, code, path.name)
    else:
        shutil.copyfile(path, code / path.name)


def _unpack(file: Path, code: Path, name: str) -> None:
    try:
        archive.unpack(file, code)
    except archive.BadArchive as fault:
        raise BadSource(f"The source {name} is {fault.message}") from fault


def _check(script: str, code: Path) -> None:
    """Whether the script is there to be started; a script for the shell is made executable."""
    if not script.endswith(".sh") and (code / "setup.py").is_file():
        return  # a module, which its installation may put anywhere
    path = code / script
    if not path.is_file() or not path.resolve().is_relative_to(code.resolve()):
        found = ", ".join(sorted(entry.name for entry in code.iterdir())[:10]) or "nothing"
        raise BadSource(f"The source holds no program '{script}'. At its top there is: {found}.")
    if not script.endswith(".py"):
        path.chmod(0o755)
