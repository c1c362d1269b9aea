"""The inputs of a job: which objects they hold, and how those come to stand under `/opt/ml/input/data`.

    File, FastFile    input/data/<channel>/...        the objects' blobs under further names
    Pipe              input/data/<channel>_<epoch>    fed from `pipes/<channel>` beside `ml`: blobs and a plan
                                                      (kernel/pipes.py)

Nothing is copied that can be linked: an object's blob is an immutable file, and a job's file is another name for it.
A job has what was there when it began, whatever is deleted or replaced while it runs.
Channel semantics: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from potager.kernel import pipes
from potager.kernel.errors import NotFound
from potager.kernel.pipes import Pipe
from potager.store.manifests import BadInput, fetch, manifest, record, split_uri
from potager.store.objects import Entry, Objects

__all__ = ["BadInput", "File", "check", "files", "lay_out", "link", "split_uri"]

UNNAMEABLE = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
"""What a file system says to a name that it cannot hold; S3 takes segments of up to 1,024 bytes."""

UNLINKABLE = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)
"""What a file system says that cannot link the store's files: they are copied then."""

PIPE = "pipe.json"
"""The file beside a plan that says how it is fed."""

BATCH = 500
"""Objects that are looked up at once."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a channel: where it stands below the channel's folder, and the blob's file that it is."""

    path: PurePosixPath
    source: Path


async def lay_out(
    objects: Objects,
    channels: Sequence[Mapping[str, Any]],
    ml: Path,
    host: int = 0,
    hosts: int = 1,
    mode: str = "File",
) -> None:
    """Puts every channel's data where a program in `ml` finds it, or where its pipes are fed from (`piped`).

    Parameters
    ----------
    channels : as CreateTrainingJob has them.
    host, hosts : whose share of a channel that is `ShardedByS3Key`: objects `host`, `host + hosts`, ... in the order of
        their keys, or of the manifest; of the shuffled ones where the channel has a ShuffleConfig. It may be empty.
    mode : of channels that do not say their InputMode.

    Raises
    ------
    BadInput : says what is wrong with the first channel that fails. NotFound : an object or its bucket is not there.
    """
    for channel in channels:
        if channel.get("InputMode", mode) == "Pipe":
            await _lay_out_pipe(objects, channel, ml, host, hosts)
        else:
            share = await files(objects, channel, host, hosts)
            await asyncio.to_thread(link, share, ml / "input" / "data" / channel["ChannelName"])


def piped(ml: Path) -> list[Pipe]:
    """The pipes that were laid out for the program in `ml`."""
    return [Pipe.of(json.loads(path.read_bytes())) for path in sorted(ml.parent.glob(f"pipes/*/{PIPE}"))]


async def lay_out_prefix(objects: Objects, uri: str, folder: Path) -> None:
    """Puts all objects below a prefix into `folder`, as a channel would have them; `BadInput` where there are none."""
    channel = {"ChannelName": folder.name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
    await asyncio.to_thread(link, await files(objects, channel), folder)


async def files(objects: Objects, channel: Mapping[str, Any], host: int = 0, hosts: int = 1) -> list[File]:
    """A host's share of the files of a channel, in order; `BadInput` where the channel holds none."""
    named = await _named(objects, channel)
    part = _share(channel, host, hosts)
    share = [named[number] for number in pipes.order(len(named), _seed(channel), 0, *part)]
    sources = await objects.files([entry for _, entry in share])
    return [File(path, source) for (path, _), source in zip(share, sources, strict=True)]


def _seed(channel: Mapping[str, Any]) -> int | None:
    return channel["ShuffleConfig"]["Seed"] if channel.get("ShuffleConfig") else None


def _share(channel: Mapping[str, Any], host: int, hosts: int) -> tuple[int, int]:
    """Whose part of how many a host gets of a channel: a replicated one is everybody's."""
    sharded = _source(channel).get("S3DataDistributionType") == "ShardedByS3Key"
    return (host, hosts) if sharded else (0, 1)


async def check(objects: Objects, source: Mapping[str, Any]) -> None:
    """`BadInput` or `NotFound` where an S3DataSource holds nothing now."""
    bucket, prefix = split_uri(source["S3Uri"])
    if source["S3DataType"] != "S3Prefix":
        await objects.head(bucket, prefix)
        return
    try:
        async for entry in objects.walk(bucket, prefix):
            if not entry.key.endswith("/"):
                return
    except NotFound as fault:
        raise BadInput(f"{nothing_under(source['S3Uri'])} {fault.message}") from fault
    raise BadInput(nothing_under(source["S3Uri"]))


def nothing_under(uri: str) -> str:
    """What AWS says where a prefix holds nothing."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists, '
        "that objects exist under that S3 prefix, and that they are not folders only."
    )


def _source(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        name = channel["ChannelName"]
        raise BadInput(f"Channel '{name}' has no S3DataSource: file systems are not served. Use S3.")
    return source


async def _named(objects: Objects, channel: Mapping[str, Any]) -> list[tuple[PurePosixPath, Entry]]:
    """The objects that a channel holds, in order, each with its path below the channel's folder."""
    source = _source(channel)
    kind = source["S3DataType"]
    if kind == "S3Prefix":
        bucket, prefix = split_uri(source["S3Uri"])
        named = [
            (below(prefix, entry.key), entry)
            async for entry in objects.walk(bucket, prefix)
            if not entry.key.endswith("/")
        ]
    elif kind == "ManifestFile":
        base, names = await asyncio.to_thread(manifest, source["S3Uri"], await fetch(objects, source["S3Uri"]))
        bucket, prefix = split_uri(base)
        found = await _heads(objects, [(bucket, prefix + name) for name in names])
        named = list(zip([inside(name) for name in names], found, strict=True))
    else:
        raise BadInput(
            f"Channel '{channel['ChannelName']}' asks for S3DataType {kind}, which no files can be made of. "
            "Use S3Prefix or ManifestFile."
        )
    if not named:
        raise BadInput(nothing_under(source["S3Uri"]))
    return named


async def _heads(objects: Objects, places: Sequence[tuple[str, str]]) -> list[Entry]:
    batches = [places[at : at + BATCH] for at in range(0, len(places), BATCH)]
    return [entry for batch in batches for entry in await objects.heads(batch)]


async def _lay_out_pipe(objects: Objects, channel: Mapping[str, Any], ml: Path, host: int, hosts: int) -> None:
    """Lays out what a channel's pipes are fed with."""
    name, source = channel["ChannelName"], _source(channel)
    plan = _Plan(objects, ml.parent / "pipes" / name)
    if source["S3DataType"] == "AugmentedManifestFile":
        uri, names = source["S3Uri"], source["AttributeNames"]
        lines = (await fetch(objects, uri)).splitlines()
        numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
        records = (record(uri, number, line, names) for number, line in numbered)
        if not any(line.strip() for line in lines):
            raise BadInput(f"The augmented manifest {uri} has no lines.")
        await plan.write(records)
    else:
        found = [entry for _, entry in await _named(objects, channel)]
        await plan.write([[("of", f"s3://{entry.bucket}/{entry.key}")] for entry in found])
    framed = channel.get("RecordWrapperType", "None") == "RecordIO"
    packed = channel.get("CompressionType", "None") == "Gzip"
    pipe = Pipe(f"input/data/{name}", plan.file, framed, packed, _seed(channel), *_share(channel, host, hosts))
    text = json.dumps(asdict(pipe), default=str)
    await asyncio.to_thread((plan.folder / PIPE).write_text, text)


@dataclass(slots=True)
class _Plan:
    """A plan while it is written, with links to the blobs that it speaks of."""

    objects: Objects
    folder: Path
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    """Blobs that are linked, each under its number."""

    @property
    def file(self) -> Path:
        return self.folder / "plan"

    async def write(self, items: Iterable[Sequence[tuple[str, str]]]) -> None:
        """Writes items of pairs: `("of", uri)` for an object, `("text", ...)` for what is sent as it stands."""
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(self.file.write_bytes, b"")
        rest = iter(items)
        while batch := await asyncio.to_thread(lambda: list(itertools.islice(rest, BATCH))):
            uris = list(dict.fromkeys(text for item in batch for kind, text in item if kind == "of"))
            found = await self.objects.heads([split_uri(uri) for uri in uris])
            files = await self.objects.files(found)
            sources = {uri: (entry.blob, file) for uri, entry, file in zip(uris, found, files, strict=True)}
            await asyncio.to_thread(self._add, batch, sources)

    def _add(self, batch: Iterable[Sequence[tuple[str, str]]], sources: Mapping[str, tuple[str, Path]]) -> None:
        with self.file.open("a", encoding="ascii") as file:
            for item in batch:
                parts = [text if kind == "text" else self._part(text, *sources[text]) for kind, text in item]
                file.write(json.dumps(parts) + "\n")

    def _part(self, uri: str, blob: str, source: Path) -> dict[str, str]:
        number = self.numbers.get(blob)
        if number is None:
            number = self.numbers[blob] = len(self.numbers)
            _link(source, self.folder / str(number))
        return {"file": str(number), "of": uri}


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


def link(files: Sequence[File], folder: Path, put: Callable[[Path, Path], None] | None = None) -> None:
    """Gives each file's blob a second name below `folder`; copies where the file system has no links.

    put : what to do instead with a file's source and target.
    """
    put = put or _link
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        target = folder / file.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            put(file.source, target)
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
