"""Objects as pages see them: where an address leads, the page about it, the beginning of what is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from potager.studio.asking import Asking
from potager.studio.safety import ROOT


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` address, "" for what is not there. What was typed is checked by `kernel.uris`.

    >>> split("s3://claims/train/a.csv"), split("s3://claims"), split("")
    (('claims', 'train/a.csv'), ('claims', ''), ('', ''))
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def placed(uri: str) -> str:
    """The address of the page about an S3 URI; "" for what is none."""
    if not uri.startswith("s3://"):
        return ""
    bucket, key = split(uri)
    below = f"{ROOT}/data/{quote(bucket)}"
    folder, slash, name = key.rpartition("/")
    if not key:
        return below
    return f"{below}/object?key={quote(key)}" if "." in name else f"{below}?prefix={quote(folder + slash)}"


async def beginning(ask: Asking, uri: str, most: int) -> bytes:
    """The first bytes of an object that is not empty, `most` of them at most."""
    bucket, key = split(uri)
    found = await ask("s3", "GetObject", Bucket=bucket, Key=key, Range=f"bytes=0-{most - 1}")
    return await collected(found["Body"])


async def collected(body: bytes | AsyncIterator[bytes]) -> bytes:
    """The bytes that GetObject gave, which are few."""
    return b"".join([chunk async for chunk in sent(body)])


async def sent(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The bytes that GetObject gave, as they come: small objects come whole."""
    if isinstance(body, bytes):
        yield body
        return
    try:
        async for chunk in body:
            yield bytes(chunk)
    finally:
        if close := getattr(body, "aclose", None):
            await close()
