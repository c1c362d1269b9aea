"""A bucket's settings: what is known of it, versions, encryption, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from botocore.model import StringShape
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import Asking, asking
from potager.studio.pages.data.addresses import address, bucket_of
from potager.studio.safety import ROOT
from potager.studio.views import page
from potager.wire import model

ENCRYPTIONS = (
    ("none", "None: jobs link to the files"),
    ("AES256", "SSE-S3: by the server's own key"),
    ("aws:kms", "SSE-KMS: by the account's KMS key for S3"),
)
"""Default encryptions of new objects, each with its description."""
MOUNTED = "aws:potager:mounted-from"
"""The system tag that a mounted bucket has."""


def regions(first: str) -> Sequence[str]:
    """Where a bucket can be, the server's own region first."""
    known = cast("StringShape", model.load("s3").shape_for("BucketLocationConstraint")).enum
    return [first, *sorted({*known, "us-east-1"} - {first, "EU"})]


async def encrypt(ask: Asking, bucket: str, how: str) -> None:
    """Says how new objects of a bucket are encrypted: one of `ENCRYPTIONS`."""
    if how == "none":
        await ask("s3", "DeleteBucketEncryption", Bucket=bucket)
        return
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": how}}
    await ask("s3", "PutBucketEncryption", Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


async def known(ask: Asking, bucket: str) -> dict[str, Any]:
    """What the settings are: `region`, `versioning`, `encryption`, `tags`, `mounted` (from where, "" for no)."""
    head, versioning, encryption, tags = await asyncio.gather(
        ask("s3", "HeadBucket", Bucket=bucket),
        ask("s3", "GetBucketVersioning", Bucket=bucket),
        _encryption(ask, bucket),
        _tags(ask, bucket),
    )
    return {
        "region": head["BucketRegion"],
        "versioning": versioning.get("Status", ""),
        "encryption": encryption,
        "mounted": tags.pop(MOUNTED, ""),
        "tags": tags,
    }


async def _encryption(ask: Asking, bucket: str) -> str:
    try:
        found = await ask("s3", "GetBucketEncryption", Bucket=bucket)
    except WireError as error:
        if error.code != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return "none"
    rule = found["ServerSideEncryptionConfiguration"]["Rules"][0]
    return rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm", "none")


async def _tags(ask: Asking, bucket: str) -> dict[str, str]:
    try:
        found = await ask("s3", "GetBucketTagging", Bucket=bucket)
    except WireError as error:
        if error.code != "NoSuchTagSet":
            raise
        return {}
    return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


async def show(request: Request, status: int = 200, problem: str = "") -> Response:
    """The page."""
    bucket = bucket_of(request)
    found = await known(asking(request), bucket)
    return page(
        request,
        "data/settings.html",
        status,
        bucket=bucket,
        here=address(bucket, "settings"),
        found=found,
        encryptions=ENCRYPTIONS,
        problem=problem,
    )


async def change(request: Request) -> Response:
    """Sets what the form says: `versioning` (Enabled, Suspended) or `encryption`."""
    bucket, given, ask = bucket_of(request), await request.form(), asking(request)
    try:
        if status := given.get("versioning"):
            await ask("s3", "PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": status})
        if how := given.get("encryption"):
            await encrypt(ask, bucket, str(how))
    except WireError as error:
        return await show(request, error.status, error.message)
    return RedirectResponse(address(bucket, "settings"), 303)


async def end(request: Request) -> Response:
    """Deletes the bucket, if it is empty."""
    bucket = bucket_of(request)
    try:
        await asking(request)("s3", "DeleteBucket", Bucket=bucket)
    except WireError as error:
        text = error.message
        if error.code == "BucketNotEmpty":
            text += " Delete its objects, and their versions and delete markers, first."
        return await show(request, error.status, text)
    return RedirectResponse(f"{ROOT}/data", 303)


ROUTES = [
    Route("/data/{bucket}/settings", show),
    Route("/data/{bucket}/settings", change, methods=["POST"]),
    Route("/data/{bucket}/end", end, methods=["POST"]),
]
