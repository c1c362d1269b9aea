"""A model's artifact: where it is, and its unpacking into `/opt/ml/model` without leaving that folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potager.kernel import archive as archives
from potager.kernel import uris
from potager.kernel.errors import Fault, Invalid, NotFound, Unserved
from potager.store.objects import Entry, Objects


class BadArtifact(Fault):
    """The artifact is not a gzipped tar that can be unpacked."""


def uri(container: Mapping[str, Any]) -> str | None:
    """Where a container's artifact is, None where it has none."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source is None:
        return container.get("ModelDataUrl")
    if source["S3DataType"] != "S3Object" or source["CompressionType"] != "Gzip":
        given = f"{source['S3DataType']} with {source['CompressionType']}"
        raise Unserved(f"ModelDataSource.S3DataSource is {given}, which is not served yet. Use S3Object with Gzip.")
    return source["S3Uri"]


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


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a tar archive into `folder`; `BadArtifact` for one that is broken or would leave the folder."""
    try:
        archives.unpack(archive, folder)
    except archives.BadArchive as fault:
        raise BadArtifact(f"the model artifact is {fault.message}") from fault
