"""S3 as a form sees it: addresses to choose from, what an address holds, the bucket that results go to."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from potager.images.tabular.reading import delimiter, headed, number
from potager.kernel import uris
from potager.kernel.errors import Fault, WireError
from potager.studio import s3
from potager.studio.asking import Asking
from potager.studio.training import asked

PEEK = 2**16
"""Bytes of an object that are looked at."""
SHOWN = 5
"""Rows that are shown of them."""
MOST = 50
"""Addresses that are proposed."""


@dataclass(frozen=True)
class Sample:
    """The beginning of what an address holds.

    kind : the content type that its name speaks for. header : whether a table's first line names the columns.
    names : the columns' names, numbered where there is no header. rows : of its first lines.
    texts : whether a cell of them is no number.
    """

    bucket: str
    key: str
    kind: str
    header: bool = False
    names: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    texts: bool = False

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def raw(self) -> bool:
        """Whether an algorithm that wants numbers alone cannot read it as it is."""
        return self.header or self.texts


async def look(ask: Asking, uri: str) -> Sample | None:
    """What is there: of a prefix, its first object; None where nothing is, or it is no address."""
    try:
        bucket, key = uris.s3(uri.strip())
        found = await first(ask, bucket, key)
        if found is None:
            return None
        kind = asked.guessed(found.removesuffix(".gz"))
        if kind != "text/csv" or found.endswith(".gz"):
            return Sample(bucket, found, kind)
        return _table(bucket, found, await s3.beginning(ask, f"s3://{bucket}/{found}", PEEK))
    except (Fault, WireError):
        return None


async def first(ask: Asking, bucket: str, prefix: str) -> str | None:
    """The first object below a prefix that holds data; None where none does."""
    listed = await ask("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix, MaxKeys=MOST)
    for one in listed.get("Contents", ()):
        if one["Size"] and not one["Key"].rpartition("/")[2].startswith((".", "_")):
            return one["Key"]
    return None


def _table(bucket: str, key: str, content: bytes) -> Sample:
    lines = content.decode("utf-8-sig", "replace").splitlines()
    whole = lines[:-1] if len(content) >= PEEK else lines
    text = "\n".join(whole[:200])
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter(text)) if row]
    header = headed(rows)
    body = rows[1:] if header else rows
    names = rows[0] if header else [f"column {index}" for index, _ in enumerate(rows[0], 1)] if rows else []
    texts = any(cell.strip() and number(cell) is None for row in body for cell in row)
    kept = tuple(tuple(row) for row in body[:100])
    return Sample(bucket, key, "text/csv", header, tuple(names), kept, texts)


async def proposed(ask: Asking, text: str) -> list[str]:
    """Addresses that begin with what was typed: buckets first, then folders and objects of one."""
    text = text.strip()
    bucket, slash, prefix = text.removeprefix("s3://").partition("/")
    try:
        if not slash:
            found = await ask("s3", "ListBuckets", Prefix=bucket, MaxBuckets=MOST)
            return [f"s3://{one['Name']}/" for one in found.get("Buckets", ())]
        found = await ask("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=MOST)
    except WireError:
        return []
    names = [one["Prefix"] for one in found.get("CommonPrefixes", ())]
    names += [one["Key"] for one in found.get("Contents", ()) if one["Size"]]
    return [f"s3://{bucket}/{name}" for name in names]


def default_bucket(ask: Asking) -> str:
    """The bucket that the SDKs use where they are told none."""
    return f"sagemaker-{ask.context.region}-{ask.context.account}"


async def ensure(ask: Asking, uri: str) -> None:
    """Makes the SDKs' default bucket where an address is in it and it is not there."""
    bucket = default_bucket(ask)
    if not f"{uri}/".startswith(f"s3://{bucket}/"):
        return
    try:
        await ask("s3", "HeadBucket", Bucket=bucket)
    except WireError:
        where: dict[str, Any] = {"LocationConstraint": ask.context.region} if ask.context.region != "us-east-1" else {}
        await ask("s3", "CreateBucket", Bucket=bucket, CreateBucketConfiguration=where or None)
