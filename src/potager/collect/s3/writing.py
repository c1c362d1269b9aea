"""Objects put and deleted."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from potager.collect.s3 import attributes, checksums, conditions, naming
from potager.collect.s3.faults import fault
from potager.collect.s3.receiving import receive
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
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
    blob, algorithm = await receive(ctx, req)
    sums = checksums.members(algorithm, blob.digests)
    if sums:
        sums["ChecksumType"] = checksums.FULL_OBJECT
    entry = await ctx[Objects].put(
        req["Bucket"],
        key,
        blob,
        doc=doc | sums,
        checksum=f"{algorithm} {checksums.FULL_OBJECT}" if algorithm else None,
        check=_condition(req),
    )
    return {"ETag": f'"{entry.etag}"', **sums}


def _condition(req: Req) -> Check | None:
    if "IfMatch" not in req and "IfNoneMatch" not in req:
        return None
    return functools.partial(conditions.writable, req)


@operation
async def delete_object(ctx: Context, req: Req) -> None:
    """Deletes an object; one that is not there is deleted as well."""
    _check_version(req)
    await ctx[Objects].delete(req["Bucket"], [req["Key"]], _as_expected(req))


def _as_expected(req: Req) -> Check | None:
    """The condition under which an object is deleted, None without one."""
    if not req.keys() & {"IfMatch", "IfMatchLastModifiedTime", "IfMatchSize"}:
        return None

    def check(entry: Entry | None) -> None:
        conditions.writable({"Key": req["Key"], "IfMatch": req.get("IfMatch")}, entry)
        if entry is None:
            return
        time, size = req.get("IfMatchLastModifiedTime"), req.get("IfMatchSize")
        if size not in (None, entry.size) or (time is not None and int(time.timestamp()) != int(entry.modified)):
            raise fault("PreconditionFailed", Condition="If-Match")

    return check


def _check_version(req: Mapping[str, Any]) -> None:
    if req.get("VersionId", "null") != "null":
        raise Unserved("Potager does not serve versions of objects. Leave out VersionId.")


@operation
async def delete_objects(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Deletes up to 1,000 objects in one transaction, those with conditions in one each: a failed one stays alone."""
    wanted: Sequence[Mapping[str, Any]] = req["Delete"].get("Objects", ())
    if not 0 < len(wanted) <= MOST_KEYS:
        raise fault("MalformedXML")
    plain = [each["Key"] for each in wanted if not each.keys() & {"VersionId", *CONDITIONS}]
    await ctx[Objects].delete(req["Bucket"], plain)
    deleted, errors = [{"Key": key} for key in plain], list[dict[str, Any]]()
    for each in wanted:
        if each.keys() & {"VersionId", *CONDITIONS}:
            error = await _deleted(ctx, req["Bucket"], each)
            (errors if error else deleted).append({"Key": each["Key"], **error})
    return {"Deleted": [] if req["Delete"].get("Quiet", False) else deleted, "Errors": errors}


async def _deleted(ctx: Context, bucket: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Deletes one of many objects under its own conditions; what is said of it when it stays, nothing when it went."""
    conditional = {CONDITIONS[name]: value for name, value in wanted.items() if name in CONDITIONS}
    try:
        _check_version(wanted)
        await ctx[Objects].delete(bucket, [wanted["Key"]], _as_expected({"Key": wanted["Key"], **conditional}))
    except Unserved as error:
        return {"Code": "NotImplemented", "Message": error.message}
    except WireError as error:
        return {"Code": error.code, "Message": error.message}
    return {}
