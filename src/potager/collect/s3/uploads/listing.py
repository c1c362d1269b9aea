"""Uploads under way and their parts, listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.collect.s3.objects.listing import encoding, most, negative
from potager.collect.s3.service import Req, operation, owner
from potager.collect.s3.uploads.multipart import found
from potager.kernel.context import Context
from potager.store.objects import Objects
from potager.store.uploads import Upload


@operation
async def list_parts(ctx: Context, req: Req) -> Mapping[str, Any]:
    """A page of an upload's parts, by number."""
    upload = await found(ctx, req)
    after, limit = req.get("PartNumberMarker", 0), most(req, "MaxParts")
    if after < 0:
        raise negative("PartNumberMarker", after)
    parts, more = await ctx[Objects].uploads.parts(upload, after, limit)
    return {
        "Bucket": upload.bucket,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "NextPartNumberMarker": parts[-1].number if parts else 0,
        "MaxParts": limit,
        "IsTruncated": more and limit > 0,
        "Parts": [
            {
                "PartNumber": part.number,
                "LastModified": part.modified,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                **part.doc,
            }
            for part in parts
        ],
        "Initiator": owner(ctx.account),
        "Owner": owner(ctx.account),
        **_kind(upload),
    }


def _kind(upload: Upload) -> dict[str, Any]:
    return {
        "StorageClass": upload.doc.get("StorageClass", "STANDARD"),
        "ChecksumAlgorithm": upload.doc.get("_algorithm"),
        "ChecksumType": upload.doc.get("ChecksumType"),
    }


@operation
async def list_multipart_uploads(ctx: Context, req: Req) -> Mapping[str, Any]:
    """A page of the uploads under way in a bucket, by key, folded at the delimiter."""
    limit, encode = most(req, "MaxUploads"), encoding(req)
    marker, mark = req.get("KeyMarker", ""), req.get("UploadIdMarker") if req.get("KeyMarker") else None
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    page = await ctx[Objects].uploads.list(req["Bucket"], prefix, delimiter, (marker, mark), limit)
    last = page.ended_with
    return {
        "Bucket": req["Bucket"],
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "KeyMarker": encode(marker),
        "UploadIdMarker": mark or "",
        "NextKeyMarker": encode(page.after) if page.after is not None else None,
        "NextUploadIdMarker": last.id if last else None,
        "MaxUploads": limit,
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": page.after is not None,
        "Uploads": [
            {
                "Key": encode(upload.key),
                "UploadId": upload.id,
                "Initiated": upload.initiated,
                "Initiator": owner(ctx.account),
                "Owner": owner(ctx.account),
                **_kind(upload),
            }
            for upload in page.entries
        ],
        "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
    }
