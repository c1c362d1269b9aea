"""GetObjectAttributes: what is known of an object, without its headers and its bytes.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import checksums, encryption, versions
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.store.objects import Entry, Objects

MOST_PARTS = 1000


@operation
async def get_object_attributes(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Those attributes that are asked for: ETag, Checksum, ObjectParts, StorageClass, ObjectSize."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    entry = await ctx[Objects].head(bucket.name, req["Key"], versions.asked(req))
    encryption.opening(req, entry)
    attributes = {
        "ETag": entry.etag,
        "Checksum": _checksum(entry),
        "ObjectParts": _parts(req, entry),
        "StorageClass": entry.doc.get("StorageClass", "STANDARD"),
        "ObjectSize": entry.size,
    }
    asked = {name: attributes[name] for name in attributes if name in req["ObjectAttributes"]}
    return {"LastModified": entry.modified, **versions.shown(bucket, entry), **asked}


def _checksum(entry: Entry) -> dict[str, Any] | None:
    """The object's checksum; one made of its parts' comes without their number, as on S3."""
    found = checksums.of(entry.doc)
    kind = found.get("ChecksumType")
    return {name: value if name == "ChecksumType" else value.partition("-")[0] for name, value in found.items()} | (
        {"ChecksumType": kind} if kind else {}
    ) or None


def _parts(req: Req, entry: Entry) -> dict[str, Any] | None:
    """A page of the parts. Which ones there were is told only where each has a checksum, as on S3."""
    if entry.parts is None:
        return None
    after, limit = _number(req.get("PartNumberMarker")), min(req.get("MaxParts", MOST_PARTS), MOST_PARTS)
    if limit < 0:
        raise fault("InvalidArgument", "max-parts must be between 0 and 2147483647", ArgumentName="max-parts")
    summed = all(checksums.of(part) for part in entry.parts)
    behind = [part for part in entry.parts if part["PartNumber"] > after]
    page = behind[:limit]
    listed = {
        "IsTruncated": len(behind) > limit > 0,
        "MaxParts": limit,
        "PartNumberMarker": after,
        "NextPartNumberMarker": page[-1]["PartNumber"] if page else 0,
        "Parts": page,
    }
    return {"TotalPartsCount": len(entry.parts), **(listed if summed else {})}


def _number(marker: str | int | None) -> int:
    text = str(marker or 0)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise fault("InvalidArgument", "Provided part-number-marker not an integer or within integer range")
    return int(text)
