"""A job's inputs, brought below /opt/ml/processing without copying what is large.

A program may write beside its inputs, and change, move and remove them; what is stored must not change by it. So small
files (code, configurations) are copied into the job's folder, and all others are links in its `lower` folder, which
appears in the same place (`Workload.lower`).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from potager.prepare.processing import paths
from potager.store import inputs
from potager.store.inputs import BadInput, File
from potager.store.objects import Objects

SMALL = 2**20
"""Bytes of a file that is copied at most."""
COPIED = 64 * 2**20
"""Bytes that are copied for a job at most; what is left over is linked, however small."""


async def lay_out(
    objects: Objects, doc: Mapping[str, Any], ml: Path, lower: Path, host: int = 0, hosts: int = 1
) -> None:
    """Puts a host's share of every input below `ml` or `lower`; `BadInput` says what is wrong with the first bad one.

    host, hosts : whose share of an input that is `ShardedByS3Key`.
    """
    files: list[File] = []
    for path, given in paths.inputs(doc):
        found = await inputs.files(objects, channel(given), host, hosts)
        files += [File(path / file.path, file.source) for file in found]
    await asyncio.to_thread(_place, files, ml, lower)


def channel(given: Mapping[str, Any]) -> dict[str, Any]:
    """A ProcessingInput as the training channel that it is like."""
    source = {name: text for name, text in given["S3Input"].items() if name.startswith("S3Data") or name == "S3Uri"}
    return {"ChannelName": given["InputName"], "DataSource": {"S3DataSource": source}}


def _place(files: Sequence[File], ml: Path, lower: Path) -> None:
    check(files, ml)
    small, large = parted(files)
    inputs.link(small, ml, put=_copy)
    if large:
        inputs.link(large, lower)


def parted(files: Sequence[File]) -> tuple[list[File], list[File]]:
    """The files to copy and the files to link."""
    small: list[File] = []
    large: list[File] = []
    left = COPIED
    for file in files:
        size = file.source.stat().st_size
        if size <= min(SMALL, left):
            left -= size
            small.append(file)
        else:
            large.append(file)
    return small, large


def check(files: Sequence[File], ml: Path) -> None:
    """`BadInput` where two files need one path, or a file stands where a folder is needed."""
    taken: set[PurePosixPath] = set()
    twice = [file.path for file in files if file.path in taken or taken.add(file.path)]
    folders = {parent for path in taken for parent in path.parents}
    clash = next((path for path in (*twice, *taken) if path in twice or path in folders or (ml / path).exists()), None)
    if clash is not None:
        raise BadInput(f"Two objects of the inputs clash at '{paths.ML / clash}'. Give one another LocalPath or name.")


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
