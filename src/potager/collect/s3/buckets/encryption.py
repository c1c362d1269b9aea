"""A bucket's default encryption: PutBucketEncryption, GetBucketEncryption, DeleteBucketEncryption.

Objects that are there already stay as they are. A bucket without a configuration keeps objects plain, so that jobs can
link to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.kernel.errors import Unserved
from potager.store import sealing
from potager.store.objects import Bucket, Objects

BLOCKABLE = ("NONE", sealing.CUSTOMER)


@operation
async def put_bucket_encryption(ctx: Context, req: Req) -> None:
    """Says how new objects are encrypted whose request does not say. KMS keys are looked for when they are used."""
    rules = req["ServerSideEncryptionConfiguration"].get("Rules", [])
    if len(rules) != 1:
        raise fault("MalformedXML")
    _check(rules[0])
    await _configure(ctx, req["Bucket"], {sealing.CONFIGURATION: {"Rules": rules}})


def _check(rule: Mapping[str, Any]) -> None:
    given = rule.get("ApplyServerSideEncryptionByDefault")
    if any(each not in BLOCKABLE for each in rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", ())):
        raise fault("MalformedXML")
    if given is None:
        return
    if given["SSEAlgorithm"] == "aws:kms:dsse":
        raise Unserved("Potager does not serve dual-layer encryption (aws:kms:dsse). Use aws:kms.")
    if given["SSEAlgorithm"] not in (sealing.S3, sealing.KMS):
        raise fault("MalformedXML")
    if given.get("KMSMasterKeyID") and given["SSEAlgorithm"] != sealing.KMS:
        text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise fault("InvalidArgument", text, ArgumentName="ApplyServerSideEncryptionByDefault")


@operation
async def get_bucket_encryption(ctx: Context, req: Req) -> Mapping[str, Any]:
    """What PutBucketEncryption said; `ServerSideEncryptionConfigurationNotFoundError` where it never did."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    found = bucket.doc.get(sealing.CONFIGURATION)
    if found is None:
        raise fault("ServerSideEncryptionConfigurationNotFoundError", BucketName=bucket.name)
    rules = [{"BucketKeyEnabled": False, **rule} for rule in found["Rules"]]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


@operation
async def delete_bucket_encryption(ctx: Context, req: Req) -> None:
    """Has new objects stored plain again unless their request says otherwise."""
    await _configure(ctx, req["Bucket"], {})


async def _configure(ctx: Context, bucket: str, configuration: Mapping[str, Any]) -> None:
    def change(bucket: Bucket) -> Bucket:
        others = {name: value for name, value in bucket.doc.items() if name != sealing.CONFIGURATION}
        return replace(bucket, doc={**others, **configuration})

    await ctx[Objects].configure(bucket, change)
