"""Buckets on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from botocore.model import StringShape

from potager.collect.s3 import naming
from potager.collect.s3.access import grants
from potager.collect.s3.buckets import tagging
from potager.collect.s3.buckets.tagging import TAGGING
from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation, owner
from potager.kernel.context import Context
from potager.kernel.errors import Exists
from potager.kernel.names import Scope
from potager.store.objects import Bucket, Objects
from potager.wire import model

FIRST_REGION = "us-east-1"
"""Its endpoint is S3's global one: it takes every location, and has none of its own."""


@operation
async def create_bucket(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Makes a bucket where its location says. Making one's own again is fine in us-east-1 only, as on S3."""
    name = naming.bucket(req["Bucket"])
    configuration = req.get("CreateBucketConfiguration", {})
    if not configuration and "CreateBucketConfiguration" in req:
        raise fault("MalformedXML")
    region = _location(ctx.region, configuration.get("LocationConstraint"))
    tags = tagging.checked(configuration.get("Tags", ()))
    doc = grants.of_bucket(req, Bucket(name, ctx.account, region, 0)) | ({TAGGING: tags} if tags else {})
    try:
        await ctx[Objects].create_bucket(name, Scope(ctx.account, region), doc)
    except Exists as error:
        there = await ctx[Objects].bucket(name)
        if there.account != ctx.account:
            raise fault("BucketAlreadyExists", BucketName=name) from error
        if (there.region, region) != (FIRST_REGION, FIRST_REGION):
            raise fault("BucketAlreadyOwnedByYou", BucketName=name) from error
    return {"Location": f"/{name}", "BucketArn": f"arn:aws:s3:::{name}"}


def _location(region: str, given: str | None) -> str:
    """The region that a new bucket is to be in, by the endpoint's region and the constraint given."""
    wanted = {"EU": "eu-west-1", "": FIRST_REGION, None: FIRST_REGION}.get(given, given) or FIRST_REGION
    if region not in (FIRST_REGION, wanted):
        text = f"The {given or 'unspecified'} location constraint is incompatible for the region specific endpoint "
        raise fault("IllegalLocationConstraintException", text + "this request was sent to.")
    if given and given not in cast("StringShape", model.load("s3").shape_for("BucketLocationConstraint")).enum:
        raise fault("InvalidLocationConstraint", LocationConstraint=given)
    return wanted


@operation
async def head_bucket(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Whether a bucket is there, and where."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    return {"BucketRegion": bucket.region, "BucketArn": f"arn:aws:s3:::{bucket.name}"}


@operation
async def get_bucket_location(ctx: Context, req: Req) -> Mapping[str, Any]:
    """A bucket's region; nothing for us-east-1, as S3 has it."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    return {"LocationConstraint": None if bucket.region == FIRST_REGION else bucket.region}


@operation
async def list_buckets(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The account's buckets in all regions, by name. The token is the name of the last one."""
    token, prefix, region = req.get("ContinuationToken", ""), req.get("Prefix"), req.get("BucketRegion")
    found = [
        bucket
        for bucket in await ctx[Objects].buckets(ctx.account)
        if bucket.name > token and bucket.name.startswith(prefix or "") and region in (None, bucket.region)
    ]
    shown = found[: req.get("MaxBuckets", len(found))]
    return {
        "Buckets": [_listed(bucket) for bucket in shown],
        "Owner": owner(ctx.account),
        "ContinuationToken": shown[-1].name if len(shown) < len(found) else None,
        "Prefix": prefix,
    }


def _listed(bucket: Bucket) -> dict[str, Any]:
    return {
        "Name": bucket.name,
        "CreationDate": bucket.created,
        "BucketRegion": bucket.region,
        "BucketArn": f"arn:aws:s3:::{bucket.name}",
    }


@operation
async def delete_bucket(ctx: Context, req: Req) -> None:
    """Deletes an empty bucket; uploads under way in it end."""
    await ctx[Objects].delete_bucket(req["Bucket"])
