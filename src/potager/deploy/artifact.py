"""A model's data: where it is in S3, and how it comes to stand in `/opt/ml/model` without leaving that folder.

    s3://.../model.tar.gz                             unpacked: ModelDataUrl, or S3Object with Gzip
    S3Object with None, S3Prefix with None            linked as they are, not copied: a file, or all below a prefix

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3ModelDataSource.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.kernel import archive as archives
from potager.kernel import uris
from potager.kernel.errors import Fault, Invalid, NotFound, Unserved
from potager.store import inputs
from potager.store.objects import Entry, Objects

Data = str | Mapping[str, str] | None
"""An archive's URL; or, where nothing is packed, `S3Uri` and `S3DataType`; None for a model without data."""


UNSERVED = ("HubAccessConfig", "ManifestS3Uri", "ETag", "ManifestEtag")
"""Members of an S3ModelDataSource that would change what is served, or that it is checked against."""


class BadArtifact(Fault):
    """The artifact is not a gzipped tar that can be unpacked."""


def data(container: Mapping[str, Any]) -> Data:
    """What a container's data is; `Unserved` for a kind that is not laid out."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return container.get("ModelDataUrl")
    for member in UNSERVED:
        if source.get(member):
            raise Unserved(f"ModelDataSource.S3DataSource.{member} is not served. Leave it out.")
    kind, packed = source["S3DataType"], source["CompressionType"]
    if packed == "Gzip" and kind != "S3Object":
        raise Unserved("ModelDataSource.S3DataSource is S3Prefix with Gzip, which is not served. Use S3Object.")
    return source["S3Uri"] if packed == "Gzip" else {"S3Uri": source["S3Uri"], "S3DataType": kind}


def split(url: str) -> tuple[str, str]:
    """Bucket and key of an artifact's URL; `Invalid` for one that names no object."""
    bucket, key = uris.s3(url)
    if not key:
        raise Invalid(f"'{url}' names no object in S3. Expected s3://bucket/key.")
    return bucket, key


async def find(objects: Objects, url: str) -> Entry:
    """The artifact at `url`; `Invalid` in AWS's words when there is none."""
    try:
        return await objects.head(*split(url))
    except NotFound as fault:
        message = f"Could not find model data at {url}. Check the bucket and the key: {fault.message}"
        raise Invalid(message) from fault


async def check(objects: Objects, where: Data) -> None:
    """`Invalid` in AWS's words where there is no model data."""
    if where is None:
        return
    if isinstance(where, str) or where["S3DataType"] == "S3Object":
        await find(objects, where if isinstance(where, str) else where["S3Uri"])
        return
    try:
        await inputs.check(objects, where)
    except (inputs.BadInput, NotFound) as fault:
        raise Invalid(f"Could not find model data at {where['S3Uri']}. {fault.message}") from fault


async def lay_out(objects: Objects, where: Data, folder: Path) -> None:
    """Puts the model's data into `folder`; a `Fault` says why it cannot."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    if isinstance(where, str):
        await asyncio.to_thread(unpack, await objects.file(await find(objects, where)), folder)
    elif where is not None and where["S3DataType"] == "S3Object":
        entry = await find(objects, where["S3Uri"])
        file = inputs.File(inputs.inside(entry.key.rpartition("/")[2]), await objects.file(entry))
        await asyncio.to_thread(inputs.link, [file], folder)
    elif where is not None:
        await inputs.lay_out_prefix(objects, where["S3Uri"], folder)


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a tar archive into `folder`; `BadArtifact` for one that is broken or would leave the folder."""
    try:
        archives.unpack(archive, folder)
    except archives.BadArchive as fault:
        raise BadArtifact(f"the model artifact is {fault.message}") from fault
