"""ACLs of buckets and objects, and the object ownership that decides whether they count: put and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.access import acls, grants
from potager.collect.s3.faults import fault
from potager.collect.s3.objects import versions
from potager.collect.s3.owners import owner
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.store.objects import Bucket, Entry, Objects

OWNERSHIPS = (acls.ENFORCED, "BucketOwnerPreferred", acls.WRITER)


@operation
async def get_bucket_acl(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Who is granted what of a bucket: nobody but its owner where there are no lists."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    return _shown(bucket, bucket.doc.get(acls.ACL))


@operation
async def put_bucket_acl(ctx: Context, req: Req) -> None:
    """Gives a bucket a list. `AccessControlListNotSupported` where there are none, but for what is so anyway."""

    def change(bucket: Bucket) -> Bucket:
        wanted = _wanted(req, bucket)
        return bucket if wanted is None else replace(bucket, doc={**bucket.doc, acls.ACL: wanted})

    await ctx[Objects].configure(req["Bucket"], change)


@operation
async def get_object_acl(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Who is granted what of an object or a version."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    entry = await ctx[Objects].head(bucket.name, req["Key"], versions.asked(req))
    return _shown(bucket, entry.doc.get(acls.OF_OBJECT))


@operation
async def put_object_acl(ctx: Context, req: Req) -> None:
    """Gives an object or a version a list."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    wanted = _wanted(req, bucket)

    def change(entry: Entry) -> Entry:
        return entry if wanted is None else replace(entry, doc={**entry.doc, acls.OF_OBJECT: wanted})

    await ctx[Objects].describe(bucket.name, req["Key"], versions.asked(req), change, "ObjectAcl:Put")


def _shown(bucket: Bucket, kept: acls.Grants | None) -> dict[str, Any]:
    enforced = acls.ownership(bucket) == acls.ENFORCED
    listed = grants.private(bucket) if kept is None or enforced else list(kept)
    return {"Owner": owner(bucket.account), "Grants": listed}


def _wanted(req: Req, bucket: Bucket) -> list[grants.Grant] | None:
    """The list that a request gives; None where there are none and it says what is so anyway."""
    listed, document = grants.given(req, bucket), req.get("AccessControlPolicy")
    if listed is not None and document:
        raise fault("UnexpectedContent")
    if listed is None and document is None:
        raise fault("MissingSecurityHeader", MissingHeaderName="x-amz-acl")
    if acls.ownership(bucket) == acls.ENFORCED:
        if listed is None:
            listed = grants.of_document(document or {}, bucket)
        if listed != grants.private(bucket) or req.get("ACL") not in (None, "bucket-owner-full-control"):
            raise fault("AccessControlListNotSupported")
        return None
    return grants.checked(grants.of_document(document or {}, bucket) if listed is None else listed, bucket)


@operation
async def put_bucket_ownership_controls(ctx: Context, req: Req) -> None:
    """Decides whether lists count; they cannot be turned off while one grants others something."""
    rules = req["OwnershipControls"].get("Rules", ())
    ownership = rules[0].get("ObjectOwnership") if len(rules) == 1 else None
    if ownership not in OWNERSHIPS:
        raise fault("MalformedXML")

    def change(bucket: Bucket) -> Bucket:
        if ownership == acls.ENFORCED and bucket.doc.get(acls.ACL, grants.private(bucket)) != grants.private(bucket):
            raise fault("InvalidBucketAclWithObjectOwnership")
        return replace(bucket, doc={**bucket.doc, acls.OWNERSHIP: ownership})

    await ctx[Objects].configure(req["Bucket"], change)


@operation
async def get_bucket_ownership_controls(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The object ownership. `OwnershipControlsNotFoundError` (404) once it was deleted."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    ownership = bucket.doc.get(acls.OWNERSHIP, acls.ENFORCED)
    if not ownership:
        raise fault("OwnershipControlsNotFoundError", BucketName=bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]}}


@operation
async def delete_bucket_ownership_controls(ctx: Context, req: Req) -> None:
    """Has a bucket do as before there was such a thing: lists count."""

    def change(bucket: Bucket) -> Bucket:
        return replace(bucket, doc={**bucket.doc, acls.OWNERSHIP: ""})

    await ctx[Objects].configure(req["Bucket"], change)
