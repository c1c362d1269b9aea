"""Objects read: whole, in ranges, by part, or their headers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.collect.s3.buckets.expiry import Expirer
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import attributes, checksums, conditions, encryption, ranges, tags, versions
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.store.objects import Bucket, Entry, Objects

OVERRIDES = {f"Response{name}": name for name in attributes.HEADERS}


@operation
async def get_object(ctx: Context, req: Req) -> Mapping[str, Any]:
    """An object's bytes, which go on whoever deletes or replaces it while they are read."""
    encryption.unsaid(ctx)
    bucket, customer = await ctx[Objects].bucket(req["Bucket"]), encryption.customer(req)
    output, body = await ctx[Objects].fetch(
        bucket.name, req["Key"], lambda entry: _described(ctx, req, bucket, entry), versions.asked(req), customer
    )
    return output | {"Body": body}


@operation
async def head_object(ctx: Context, req: Req) -> Mapping[str, Any]:
    """What GetObject would answer, without the bytes."""
    encryption.unsaid(ctx)
    bucket = await ctx[Objects].bucket(req["Bucket"])
    return _described(ctx, req, bucket, await ctx[Objects].head(bucket.name, req["Key"], versions.asked(req)))[2]


def _described(ctx: Context, req: Req, bucket: Bucket, entry: Entry) -> tuple[int, int, dict[str, Any]]:
    """First byte, the one after the last, and the headers of the answer; raises where a condition fails."""
    encryption.signed(ctx, entry.doc)
    encryption.opening(req, entry)
    conditions.readable(req, entry)
    output: dict[str, Any] = {key: value for key, value in entry.doc.items() if not key.startswith(("Checksum", "_"))}
    if "Metadata" in output:
        output["Metadata"] = {name: attributes.shown(value) for name, value in output["Metadata"].items()}
    output |= {
        "AcceptRanges": "bytes",
        "LastModified": entry.modified,
        "ETag": f'"{entry.etag}"',
        "TagCount": len(tags.of(entry.doc)) or None,
        **versions.shown(bucket, entry),
        **encryption.shown(req, entry.doc),
        **({} if "VersionId" in req else ctx[Expirer].shown(bucket, entry)),
    }
    start, end, partial = _bytes(req, entry, output)
    output["ContentLength"] = end - start
    if partial:
        output["ContentRange"] = f"bytes {start}-{end - 1}/{entry.size}"
    if req.get("ChecksumMode") == "ENABLED" and (not partial or end - start == entry.size):
        output |= checksums.of(entry.doc)
    elif req.get("ChecksumMode") == "ENABLED" and "PartNumber" in req and entry.parts:
        number: int = req["PartNumber"]
        output |= checksums.of_part(entry.doc, entry.parts[number - 1])
    output |= _overridden(ctx, req)
    return start, end, output


def _overridden(ctx: Context, req: Req) -> dict[str, Any]:
    """Headers that the request sets; of somebody who did not sign they would make any page out of a public object."""
    found = {name: req[given] for given, name in OVERRIDES.items() if given in req}
    if found and not ctx.account:
        text = "Request specific response headers cannot be used for anonymous GET requests."
        raise fault("InvalidRequest", text)
    return found


def _bytes(req: Req, entry: Entry, output: dict[str, Any]) -> tuple[int, int, bool]:
    """The bytes asked for, and whether that makes the answer a partial one."""
    if "PartNumber" in req:
        if "Range" in req:
            raise fault("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        return _part(req["PartNumber"], entry, output)
    found = ranges.span(req.get("Range"), entry.size)
    return (*found, True) if found else (0, entry.size, False)


def _part(number: int, entry: Entry, output: dict[str, Any]) -> tuple[int, int, bool]:
    sizes = [part["Size"] for part in entry.parts or ({"Size": entry.size},)]
    if not 1 <= number <= len(sizes):
        raise fault("InvalidPartNumber", PartNumberRequested=number, ActualPartCount=len(sizes))
    if entry.parts:
        output["PartsCount"] = len(sizes)
    start = sum(sizes[: number - 1])
    return start, start + sizes[number - 1], sizes[number - 1] > 0
