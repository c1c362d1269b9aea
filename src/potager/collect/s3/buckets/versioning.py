"""Whether a bucket keeps versions, and the versions that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import listing, versions
from potager.collect.s3.service import Req, operation, owner
from potager.kernel.context import Context
from potager.kernel.errors import Unserved
from potager.store.entries import ENABLED, SUSPENDED
from potager.store.objects import Bucket, Entry, Listing, Objects, Version


@operation
async def get_bucket_versioning(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Whether a bucket keeps versions; nothing where it never did."""
    return {"Status": (await ctx[Objects].bucket(req["Bucket"])).versioning}


@operation
async def put_bucket_versioning(ctx: Context, req: Req) -> None:
    """Has a bucket keep versions, or keep no more than it has. It never forgets that it did."""
    wanted = req["VersioningConfiguration"]
    status = wanted.get("Status")
    if status not in (ENABLED, SUSPENDED):
        raise fault("IllegalVersioningConfigurationException")
    if wanted.get("MFADelete", "Disabled") != "Disabled":
        raise Unserved("Potager does not serve MFA delete. Leave out MfaDelete.")
    await ctx[Objects].configure(req["Bucket"], lambda bucket: replace(bucket, versioning=status))


@operation
async def list_object_versions(ctx: Context, req: Req) -> Mapping[str, Any]:
    """A page of a bucket's versions and delete markers, by key and the youngest first, folded at the delimiter."""
    encode = listing.encoding(req)
    marker, mark = req.get("KeyMarker", ""), req.get("VersionIdMarker")
    if mark is not None and not marker:
        text = "A version-id marker cannot be specified without a key marker."
        raise fault("InvalidArgument", text, ArgumentName="version-id-marker", ArgumentValue=mark)
    after = (marker, None if mark is None else versions.checked(mark, "version-id-marker"))
    prefix, delimiter, limit = req.get("Prefix", ""), req.get("Delimiter", ""), listing.most(req, "MaxKeys")
    bucket = await ctx[Objects].bucket(req["Bucket"])
    page = await ctx[Objects].versions(bucket.name, prefix, delimiter, after, limit)
    return {
        "Name": bucket.name,
        "Prefix": encode(prefix),
        "Delimiter": encode(delimiter) if delimiter else None,
        "KeyMarker": encode(marker),
        "VersionIdMarker": mark or "",
        "MaxKeys": limit,
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": page.after is not None,
        "Versions": [_version(bucket, each, encode) for each in page.entries if not each.entry.marker],
        "DeleteMarkers": [_common(bucket, each, encode) for each in page.entries if each.entry.marker],
        "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
        **_next(page, encode),
    }


def _next(page: Listing[Version], encode: listing.Encode) -> dict[str, Any]:
    if page.after is None:
        return {}
    last = page.ended_with
    return {"NextKeyMarker": encode(page.after), "NextVersionIdMarker": versions.name(last.entry) if last else None}


def _common(bucket: Bucket, version: Version, encode: listing.Encode) -> dict[str, Any]:
    return {
        "Key": encode(version.entry.key),
        "VersionId": versions.name(version.entry),
        "IsLatest": version.latest,
        "LastModified": version.entry.modified,
        "Owner": owner(bucket.account),
    }


def _version(bucket: Bucket, version: Version, encode: listing.Encode) -> dict[str, Any]:
    entry: Entry = version.entry
    return {
        **_common(bucket, version, encode),
        "ETag": f'"{entry.etag}"',
        "Size": entry.size,
        "StorageClass": entry.doc.get("StorageClass", "STANDARD"),
        **listing.summed(entry),
    }
