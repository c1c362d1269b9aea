"""What a job leaves: `model.tar.gz` of `/opt/ml/model`, and `output.tar.gz` of `/opt/ml/output/data`, in S3.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import asyncio
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.kernel import remains
from potager.store.blobs import Blobs
from potager.store.inputs import split_uri
from potager.store.mirror import read
from potager.store.objects import Objects


async def upload(objects: Objects, blobs: Blobs, doc: Mapping[str, Any], name: str, ml: Path) -> str | None:
    """Keeps a job's model and output. Gives the model's URI, None where the job left no model."""
    target = home(doc, name)
    await _keep(objects, blobs, ml, "output/data", f"{target}/output.tar.gz")
    kept = await _keep(objects, blobs, ml, "model", f"{target}/model.tar.gz")
    return f"{target}/model.tar.gz" if kept else None


def home(doc: Mapping[str, Any], name: str) -> str:
    """Below which URI a job's archives come to stand."""
    return doc["OutputDataConfig"]["S3OutputPath"].rstrip("/") + f"/{name}/output"


async def _keep(objects: Objects, blobs: Blobs, ml: Path, name: str, uri: str) -> bool:
    found = await asyncio.to_thread(remains.folder, ml, name)
    if found is None or not await asyncio.to_thread(os.listdir, found):
        return False
    bucket, key = split_uri(uri)
    archive = ml.parent / "kept.tar.gz"  # beside `ml`, where the job could not prepare a link of that name
    try:
        await asyncio.to_thread(pack, found, archive)
        with archive.open("rb") as file:
            blob = await blobs.write(read(file))
        await objects.put(bucket, key, blob, content_type="application/x-tar")
    finally:
        archive.unlink(missing_ok=True)
    return True


def pack(folder: Path, archive: Path) -> None:
    """Writes a gzipped tar of a folder's content; links are kept as links, owners and times of day are not."""
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for entry in sorted(os.listdir(folder)):
            tar.add(folder / entry, arcname=entry, filter=_anonymous)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if not (info.isfile() or info.isdir() or info.issym() or info.islnk()):
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info
