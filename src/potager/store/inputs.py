"""The inputs of a job: which objects they hold, and how those come to stand under `/opt/ml/input/data`.

Nothing is copied that can be linked: an object's blob is an immutable file, and a job's file is another name for it.
Channel semantics: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from potager.kernel import uris
from potager.kernel.errors import Fault, Invalid, NotFound
from potager.store.objects import Objects

MAX_MANIFEST = 64 * 2**20
"""Bytes of a manifest file that are read."""


UNNAMEABLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""What a file system says to a name that it cannot hold; S3 takes segments of up to 1,024 bytes."""

UNLINKABLE = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)
"""What a file system says that cannot link the store's files: they are copied then."""


class BadInput(Fault):
    """The user's data or its description is at fault; the text follows `ClientError: ` in FailureReason."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a channel: where it stands below the channel's folder, and the blob's file that it is."""

    path: PurePosixPath
    source: Path


async def lay_out(objects: Objects, channels: Sequence[Mapping[str, Any]], ml: Path) -> None:
    """Puts every channel's files under `ml`; `BadInput` says what is wrong with the first that fails."""
    for channel in channels:
        files = await resolve(objects, channel)
        await asyncio.to_thread(link, files, ml / "input" / "data" / channel["ChannelName"])


async def check(objects: Objects, source: Mapping[str, Any]) -> None:
    """`BadInput` or `NotFound` where an S3DataSource holds nothing now."""
    bucket, prefix = split_uri(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        await objects.head(bucket, prefix)
        return
    try:
        async for entry in objects.walk(bucket, prefix):
            if not entry.key.endswith("/"):
                return
    except NotFound as fault:
        raise BadInput(f"{nothing_under(source['S3Uri'])} {fault.message}") from fault
    raise BadInput(nothing_under(source["S3Uri"]))


async def resolve(objects: Objects, channel: Mapping[str, Any]) -> list[File]:
    """The files that a channel holds."""
    source = channel["DataSource"].get("S3DataSource")
    name = channel["ChannelName"]
    if source is None:
        raise BadInput(f"Channel '{name}' has no S3DataSource: file systems are not served. Use S3.")
    bucket, prefix = split_uri(source["S3Uri"])
    kind = source["S3DataType"]
    if kind == "S3Prefix":
        files = await _prefix(objects, bucket, prefix)
    elif kind == "ManifestFile":
        files = await _manifest(objects, bucket, prefix)
    else:
        raise BadInput(f"Channel '{name}' asks for S3DataType {kind}, which is not served. Use S3Prefix.")
    if not files:
        raise BadInput(nothing_under(source["S3Uri"]))
    return files


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an S3 URI; `BadInput` for anything else."""
    try:
        return uris.s3(uri)
    except Invalid as fault:
        raise BadInput(fault.message) from fault


def nothing_under(uri: str) -> str:
    """What AWS says where a prefix holds nothing."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists, '
        "that objects exist under that S3 prefix, and that they are not folders only."
    )


async def _prefix(objects: Objects, bucket: str, prefix: str) -> list[File]:
    return [
        File(below(prefix, entry.key), await objects.file(entry))
        async for entry in objects.walk(bucket, prefix)
        if not entry.key.endswith("/")
    ]


async def _manifest(objects: Objects, bucket: str, key: str) -> list[File]:
    uri = f"s3://{bucket}/{key}"
    entry = await objects.head(bucket, key)
    if entry.size > MAX_MANIFEST:
        raise BadInput(f"The manifest {uri} has {entry.size} bytes; at most {MAX_MANIFEST} are read.")
    data = b"".join([chunk async for chunk in objects.read(entry)])
    base, names = await asyncio.to_thread(manifest, uri, data)
    home, prefix = split_uri(base)
    return [File(inside(name), await objects.file(await objects.head(home, prefix + name))) for name in names]


def manifest(uri: str, data: bytes) -> tuple[str, list[str]]:
    """The prefix and the relative names in a manifest, `[{"prefix": "s3://..."}, "name", ...]`."""
    try:
        head, *names = json.loads(data)
        base = head["prefix"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        message = f'The manifest {uri} is not a JSON list of {{"prefix": "s3://..."}} followed by names: {error}.'
        raise BadInput(message) from error
    bad = [name for name in names if not isinstance(name, str)]
    if bad or not isinstance(base, str):
        raise BadInput(f"The manifest {uri} holds {bad[:1] or base!r} where a text was expected.")
    return base, names


def below(prefix: str, key: str) -> PurePosixPath:
    """Where an object stands below its channel's folder.

    >>> below("claims/train/", "claims/train/2024/a.csv")
    PurePosixPath('2024/a.csv')
    >>> below("claims/train", "claims/train/a.csv"), below("claims/tr", "claims/train.csv")
    (PurePosixPath('a.csv'), PurePosixPath('train.csv'))
    """
    if key != prefix and (prefix.endswith("/") or key.startswith(prefix + "/")):
        return inside(key[len(prefix) :].lstrip("/"))
    return inside(key[prefix.rfind("/") + 1 :])


def inside(name: str) -> PurePosixPath:
    """A relative path that stays in its folder; `BadInput` for one that would not."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise BadInput(f"The object name '{name}' cannot be a file below the channel's folder. Rename the object.")
    return path


def link(files: Sequence[File], folder: Path) -> None:
    """Gives each file's blob a second name below `folder`; copies where the file system has no links."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = folder / file.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(file.source, target)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            message = f"Two objects of the channel need the same path '{file.path}'. Rename one of them."
            raise BadInput(message) from error
        except OSError as error:
            if error.errno not in UNNAMEABLE:
                raise
            message = (
                f"The object name '{file.path}' cannot be a file's path here ({error.strerror}). Rename the object."
            )
            raise BadInput(message) from error


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in UNLINKABLE:
            raise
        shutil.copyfile(source, target)
