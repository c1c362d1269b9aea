"""Tags of buckets.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.objects import tags
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.store.objects import Objects

TAGGING = "Tagging"
"""Where a bucket's document has its tags, by key."""
MOST = 50
MOUNTED = "aws:potager:mounted-from"
"""The system tag of a bucket that is mounted: from where. It can be read, and not be set."""


@operation
async def put_bucket_tagging(ctx: Context, req: Req) -> None:
    """Gives a bucket these tags and no others."""
    await _tag(ctx, req["Bucket"], checked(req["Tagging"]["TagSet"]))


@operation
async def get_bucket_tagging(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The tags of a bucket; `NoSuchTagSet` without any. A system tag tells of what is mounted."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    found: Mapping[str, str] = bucket.doc.get(TAGGING, {})
    if ctx.account == bucket.account and (mount := await ctx[Objects].mount(bucket.name)) is not None:
        found = {**found, MOUNTED: mount.where}
    if not found:
        raise fault("NoSuchTagSet", BucketName=bucket.name)
    return {"TagSet": [{"Key": key, "Value": value} for key, value in found.items()]}


@operation
async def delete_bucket_tagging(ctx: Context, req: Req) -> None:
    """Takes all tags from a bucket."""
    await _tag(ctx, req["Bucket"], {})


def checked(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags by key, if a bucket may have them."""
    return tags.of_set(given, MOST, "Bucket tag count cannot", "System tags cannot be added/updated by requester")


async def _tag(ctx: Context, bucket: str, wanted: Mapping[str, str]) -> None:
    await ctx[Objects].configure(bucket, lambda found: replace(found, doc={**found.doc, TAGGING: dict(wanted)}))
