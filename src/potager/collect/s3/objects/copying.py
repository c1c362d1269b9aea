"""CopyObject, and where a copy comes from. A copy is a row that names the same bytes, unless these get encrypted."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from potager.collect.s3 import naming
from potager.collect.s3.access import acls, authorization
from potager.collect.s3.buckets import expiry
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import attributes, checksums, conditions, encryption, tags, versions
from potager.collect.s3.objects.receiving import LARGEST
from potager.collect.s3.objects.recoding import recoding, wished
from potager.collect.s3.service import Req, check_owner, operation
from potager.kernel import digests
from potager.kernel.context import Context
from potager.store.blobs import Blobs
from potager.store.objects import Entry, IsMarker, Objects

SELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes."
)
OWN = ("StorageClass", "WebsiteRedirectLocation")
"""What a copy has by the request that makes it alone, whatever its source has."""


@operation
async def copy_object(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Copies an object on the server, or describes one anew in its place (MetadataDirective REPLACE)."""
    bucket, key, version = origin(req["CopySource"])
    target = (req["Bucket"], naming.key(req["Key"]))
    attributes.refuse(req)
    check = functools.partial(conditions.writable, req) if conditions.conditional(req) else None
    await authorization.reading(ctx, bucket, key, version, req)
    if "ExpectedSourceBucketOwner" in req:
        await check_owner(ctx, bucket, req["ExpectedSourceBucketOwner"])
    source = await original(ctx, bucket, key, version)
    conditions.readable(req, source, "CopySource")
    sums = await _checksum(ctx, req, source, checksums.served(req.get("ChecksumAlgorithm")))
    recode = await recoding(ctx, req, source, target)
    same = (bucket, key) == target and version is None
    itself = same and not encryption.recodes(await ctx[Objects].bucket(bucket), source)
    try:
        entry = await ctx[Objects].copy(
            (bucket, key),
            target,
            lambda found: recode(_changed(req, found, sums if found.blob == source.blob else {}, itself)),
            check,
            version,
            wish=await wished(ctx, req, source, target[0]),
            customer=encryption.opening(req, source, "CopySource"),
        )
    except Exception:  # a task that is cancelled does not know whether the copy was made: its bytes stay
        recode.undo(ctx)
        raise
    result = {"ETag": f'"{entry.etag}"', "LastModified": entry.modified, **checksums.of(entry.doc)}
    return {
        "CopyObjectResult": result,
        **encryption.shown(req, entry.doc),
        **encryption.context(req),
        **await expiry.announced(ctx, entry),
        **versions.shown(await ctx[Objects].bucket(entry.bucket), entry),
        **versions.shown(await ctx[Objects].bucket(bucket), source, "CopySourceVersionId"),
    }


async def original(ctx: Context, bucket: str, key: str, version: str | None) -> Entry:
    """What is to be copied."""
    try:
        found = await ctx[Objects].head(bucket, key, version)
    except IsMarker as error:
        text = "The source of a copy request may not specifically refer to a delete marker by version id."
        raise fault("InvalidRequest", text) from error
    encryption.signed(ctx, found.doc)
    return found


def origin(source: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of a copy's source, `/bucket/key?versionId=id` with the key percent-encoded."""
    path, question, version = source.partition("?versionId=")
    try:
        bucket, slash, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError as error:
        raise fault("InvalidArgument", "Invalid copy source encoding", ArgumentName="x-amz-copy-source") from error
    if not (bucket and slash and key) or bucket.startswith("arn:"):
        raise fault("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    return bucket, key, versions.checked(version, "versionId") if question else None


def _changed(req: Req, source: Entry, sums: Mapping[str, Any], itself: bool) -> Entry:
    conditions.readable(req, source, "CopySource")
    if source.size > LARGEST:
        text = f"The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
        raise fault("InvalidRequest", text)
    replacing = req.get("MetadataDirective", "COPY") == "REPLACE"
    changes = {name: req[name] for name in OWN if name in req}
    recoded = "ServerSideEncryption" in req or "SSECustomerAlgorithm" in req
    if itself and not (replacing or changes or sums or recoded):
        raise fault("InvalidRequest", SELF)
    kept_doc = {name: value for name, value in source.doc.items() if name not in ("_upload", *OWN)}
    own = {name: value for name, value in changes.items() if value != "STANDARD"}
    doc = acls.passed_on(attributes.described(req) if replacing else {**kept_doc, **own}, req)
    retagged = req.get("TaggingDirective", "COPY") == "REPLACE"
    doc = tags.put(doc, tags.of_header(req.get("Tagging")) if retagged else tags.of(source.doc))
    kept = checksums.of(source.doc)
    if not sums:
        return replace(source, doc={**doc, **kept})
    algorithm = next(iter(sums)).removeprefix("Checksum")
    plain = {name: value for name, value in doc.items() if name not in kept}
    described = {**plain, **sums, "ChecksumType": checksums.FULL_OBJECT}
    return replace(source, doc=described, checksum=f"{algorithm} {checksums.FULL_OBJECT}")


async def _checksum(ctx: Context, req: Req, source: Entry, algorithm: str | None) -> dict[str, str]:
    """The checksum that the copy is to have, computed where the source has another one or none."""
    if algorithm is None or source.checksum == f"{algorithm} {checksums.FULL_OBJECT}":
        return {}
    computing = digests.Digests([algorithm.lower()])
    async for chunk in ctx[Objects].read(source, customer=encryption.opening(req, source, "CopySource")):
        await ctx[Blobs].run(lambda chunk=chunk: computing.update(chunk))
    return checksums.members(algorithm, computing.values())
