"""A request's bytes on their way to a blob: measured, digested and held against what the client said of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import checksums
from potager.kernel.context import Context
from potager.store.blobs import CHUNK, INLINE, Blob, Blobs, Content
from potager.store.objects import Objects

LARGEST = 5 * 2**30
"""Bytes of one object or part in one request."""


def announced(req: Mapping[str, Any]) -> int | None:
    """How many bytes the body has, as the client says; None when it does not say."""
    body = req.get("Body", b"")
    return len(body) if isinstance(body, bytes) else body.length


Write = Callable[[Content, Sequence[str]], Awaitable[Blob]]
"""Makes bytes a blob, whose digests of these names are computed."""


async def receive(ctx: Context, req: Mapping[str, Any], *also: str | None, write: Write) -> tuple[Blob, str | None]:
    """The body as a blob that is on the disk, and the algorithm of its checksum or None.

    Nothing is kept of a body that is not what the request says: `BadDigest`, `EntityTooLarge`, `IncompleteBody`.
    `also` are algorithms to compute whatever the request says.
    """
    body, size = req.get("Body", b""), announced(req)
    if size is None and not getattr(body, "framed", False):
        raise fault("MissingContentLength")
    if size is not None and size > LARGEST:
        raise fault("EntityTooLarge", ProposedSize=size, MaxSizeAllowed=LARGEST)
    trailers: Mapping[str, str] = getattr(body, "trailers", {})
    algorithm = checksums.algorithm(req, trailers)
    if size is not None and size > CHUNK:
        await ctx[Objects].bucket(req["Bucket"])  # before a client sends gigabytes to a bucket that is not there
    if isinstance(body, bytes) or size is None or size > INLINE:
        chunks = body if isinstance(body, bytes) else aiter(body)
    else:
        chunks = await body.whole()
    promised: frozenset[str] = getattr(body, "promised", frozenset())
    blob = await write(chunks, [name for name in checksums.names(algorithm, *also) if name not in promised])
    try:
        if size not in (None, blob.size):
            raise fault("IncompleteBody")
        if promised:
            blob = replace(blob, digests=blob.digests | checksums.trailing(promised, trailers))
        checksums.verify(req, trailers, blob.digests)
        algorithm = algorithm or checksums.algorithm(req, trailers)
    except BaseException:  # a request that is cancelled leaves nothing behind either
        if blob.data is None:
            ctx[Blobs].drop(blob)
        raise
    return blob, algorithm
