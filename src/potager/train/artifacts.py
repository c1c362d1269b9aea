"""What a job leaves: `model.tar.gz` of `/opt/ml/model`, and `output.tar.gz` of `/opt/ml/output/data`, in S3.

One archive for all of its hosts. Where two left a file of the same name, which AWS tells them not to do, that of the
first host stands.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potager.kernel import remains
from potager.kernel.errors import Fault, Unserved
from potager.store import sealing
from potager.store.inputs import BadInput, split_uri
from potager.store.mirror import read
from potager.store.objects import Objects
from potager.store.sealing import Wish

FIRST = "evaluation.json"
"""What stands first in an archive: it can be read without reading a model of gigabytes to its end."""


async def upload(objects: Objects, doc: Mapping[str, Any], name: str, mls: Sequence[Path]) -> str | None:
    """Keeps a job's model and output. Gives the model's URI, None where the job left no model.

    mls : of each host, the folder that it knew as /opt/ml.
    """
    target = home(doc, name)
    await asyncio.to_thread(_check_size, mls, doc["ResourceConfig"].get("VolumeSizeInGB", 0))
    key = wish(doc)
    await _keep(objects, mls, "output/data", f"{target}/output.tar.gz", key)
    kept = await _keep(objects, mls, "model", f"{target}/model.tar.gz", key)
    return f"{target}/model.tar.gz" if kept else None


def home(doc: Mapping[str, Any], name: str) -> str:
    """Below which URI a job's archives come to stand."""
    return doc["OutputDataConfig"]["S3OutputPath"].rstrip("/") + f"/{name}/output"


def wish(doc: Mapping[str, Any]) -> Wish | None:
    """How the archives are to be encrypted; None where the bucket says."""
    key = doc["OutputDataConfig"].get("KmsKeyId")
    return Wish(sealing.KMS, key=key) if key else None


async def check(objects: Objects, doc: Mapping[str, Any], name: str) -> None:
    """`NotFound` or `BadInput` where a job's archives could not be kept: its bucket or its KMS key is not there."""
    try:
        await objects.seal(*split_uri(home(doc, name)), wish(doc))
    except Unserved as fault:
        raise BadInput(fault.message) from fault


def _check_size(mls: Sequence[Path], gib: int) -> None:
    """`Fault` where a host left files of more bytes than its volume has: one that is mostly holes would take hours."""
    for ml in mls:
        size = sum(found.size for name in ("model", "output/data") for found in remains.files(ml, name))
        if gib and size > gib * 2**30:
            raise Fault(
                f"the job left files of {size / 2**30:.1f} GiB, and its volume has {gib}. Set VolumeSizeInGB higher."
            )


async def _keep(objects: Objects, mls: Sequence[Path], name: str, uri: str, key: Wish | None) -> bool:
    folders = [found for found in [await asyncio.to_thread(remains.folder, ml, name) for ml in mls] if found]
    if not await asyncio.to_thread(lambda: any(map(os.listdir, folders))):
        return False
    place = split_uri(uri)
    archive = mls[0].parent / "kept.tar.gz"  # beside `ml`, where the job could not prepare a link of that name
    try:
        await _packed(folders, archive)
        with archive.open("rb") as file:
            await objects.keep(*place, read(file), content_type="application/x-tar", wish=key)
    finally:
        archive.unlink(missing_ok=True)
    return True


async def _packed(folders: Sequence[Path], archive: Path) -> None:
    """`pack` in a thread that ends with its caller: a server that stops waits for no terabyte of a sparse file."""
    given_up = threading.Event()
    try:
        await asyncio.to_thread(pack, folders, archive, given_up)
    finally:
        given_up.set()


def pack(folders: Sequence[Path], archive: Path, given_up: threading.Event | None = None) -> None:
    """Writes a gzipped tar of what some folders hold; links are kept as links, owners are not.

    Folders of the same name become one; of anything else the first stands. `Fault` for folders that lie too deep;
    `InterruptedError` from the first write after `given_up` is set.
    """
    with _Archive(archive, given_up) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
        taken: dict[str, bool] = {}
        for folder in folders:
            _pack(tar, folder, "", taken)


class _Archive(io.FileIO):
    """A new file, written to until it is given up."""

    def __init__(self, path: Path, given_up: threading.Event | None) -> None:
        super().__init__(path, "wb")
        self._given_up = given_up

    def write(self, data: Any, /) -> int:
        if self._given_up is not None and self._given_up.is_set():
            raise InterruptedError("the archive was given up")
        written, view = 0, memoryview(data)
        while written < len(view):
            written += super().write(view[written:])
        return written


def _pack(tar: tarfile.TarFile, folder: Path, within: str, taken: dict[str, bool]) -> None:
    """Adds what `folder` holds; `taken` tells of each name that stands in the archive whether it is a folder."""
    for entry in sorted(os.listdir(folder), key=lambda entry: (within + entry != FIRST, entry)):
        path, name = folder / entry, within + entry
        below = path.is_dir() and not path.is_symlink()
        if name not in taken:
            tar.add(path, name, recursive=False, filter=_anonymous)
            taken[name] = below
        if below and taken[name]:
            if name.count("/") >= remains.DEEPEST:
                raise Fault(
                    f"folders of the model lie more than {remains.DEEPEST} deep, below {name[:80]}... Flatten them."
                )
            _pack(tar, path, f"{name}/", taken)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if not (info.isfile() or info.isdir() or info.issym() or info.islnk()):
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
