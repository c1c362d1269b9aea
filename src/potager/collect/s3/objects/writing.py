"""Objects put and deleted."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from potager.collect.s3 import naming
from potager.collect.s3.buckets import expiry
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import attributes, checksums, conditions, encryption, versions
from potager.collect.s3.objects.receiving import receive
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.kernel.errors import WireError
from potager.store.objects import Check, Entry, Objects

MOST_KEYS = 1000
"""Keys of one DeleteObjects."""
CONDITIONS = {"ETag": "IfMatch", "LastModifiedTime": "IfMatchLastModifiedTime", "Size": "IfMatchSize"}
"""What DeleteObjects may say of each object, by the names that DeleteObject has for it."""


@operation
async def put_object(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Keeps an object, in the place of an older one; answered once its bytes are on the disk and its row committed."""
    key = naming.key(req["Key"])
    doc = attributes.described(req)
    check = functools.partial(conditions.writable, req) if conditions.conditional(req) else None
    wish = encryption.permitted(await ctx[Objects].bucket(req["Bucket"]), encryption.wish(req))
    blob, algorithm = await receive(
        ctx,
        req,
        write=lambda chunks, digests: ctx[Objects].write(req["Bucket"], key, chunks, digests=digests, wish=wish),
    )
    sums = checksums.members(algorithm, blob.digests)
    if sums:
        sums["ChecksumType"] = checksums.FULL_OBJECT
    entry = await ctx[Objects].put(
        req["Bucket"],
        key,
        blob,
        doc=doc | sums,
        checksum=f"{algorithm} {checksums.FULL_OBJECT}" if algorithm else None,
        check=check,
    )
    told = {**sums, **encryption.shown(req, entry.doc), **encryption.context(req), **await expiry.announced(ctx, entry)}
    return {"ETag": f'"{entry.etag}"', **told, "VersionId": entry.version}


@operation
async def delete_object(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Deletes an object, or one version of it for good; one that is not there is deleted as well."""
    version = versions.asked(req)
    if version is None:
        marker = (await ctx[Objects].delete(req["Bucket"], [req["Key"]], _as_expected(req)))[0]
        return {} if marker is None else {"DeleteMarker": True, "VersionId": versions.name(marker)}
    gone = await ctx[Objects].delete_version(req["Bucket"], req["Key"], version, _as_expected(req))
    bucket = await ctx[Objects].bucket(req["Bucket"])
    shown = {} if bucket.versioning is None else {"VersionId": version}
    return shown | ({"DeleteMarker": True} if gone is not None and gone.marker else {})


def _as_expected(req: Req) -> Check | None:
    """The condition under which an object is deleted, None without one."""
    if not req.keys() & {"IfMatch", "IfMatchLastModifiedTime", "IfMatchSize"}:
        return None
    return functools.partial(conditions.deletable, req)


@operation
async def delete_objects(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Deletes up to 1,000 objects in one transaction, versions and those with conditions in one each.

    One that cannot be deleted stays alone.
    """
    wanted: Sequence[Mapping[str, Any]] = req["Delete"].get("Objects", ())
    if not 0 < len(wanted) <= MOST_KEYS:
        raise fault("MalformedXML")
    for each in wanted:
        naming.key(each["Key"])
    plain = [each["Key"] for each in wanted if not each.keys() & {"VersionId", *CONDITIONS}]
    markers = await ctx[Objects].delete(req["Bucket"], plain)
    deleted = [{"Key": key, **_marked(marker)} for key, marker in zip(plain, markers, strict=True)]
    errors: list[dict[str, Any]] = []
    others = [each for each in wanted if each.keys() & {"VersionId", *CONDITIONS}]
    for done in await asyncio.gather(*(_deleted(ctx, req["Bucket"], each) for each in others)):
        (errors if "Code" in done else deleted).append(done)
    return {"Deleted": [] if req["Delete"].get("Quiet", False) else deleted, "Errors": errors}


def _marked(marker: Entry | None) -> dict[str, Any]:
    """What is said of a delete marker that was made or deleted."""
    return {} if marker is None else {"DeleteMarker": True, "DeleteMarkerVersionId": versions.name(marker)}


async def _deleted(ctx: Context, bucket: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Deletes one of many objects under its own conditions, or a version; what is said of it, a `Code` if it stays."""
    said = {name: wanted[name] for name in ("Key", "VersionId") if name in wanted}
    conditional = {CONDITIONS[name]: value for name, value in wanted.items() if name in CONDITIONS}
    check = _as_expected({"Key": wanted["Key"], **conditional})
    try:
        if "VersionId" not in wanted:
            return said | _marked((await ctx[Objects].delete(bucket, [wanted["Key"]], check))[0])
        try:
            version = versions.checked(wanted["VersionId"], "VersionId")
        except WireError:
            raise fault("NoSuchVersion") from None
        gone = await ctx[Objects].delete_version(bucket, wanted["Key"], version, check)
        return said | _marked(gone if gone is not None and gone.marker else None)
    except WireError as error:
        return said | {"Code": error.code, "Message": error.message}
