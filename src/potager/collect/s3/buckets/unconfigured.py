"""What a bucket answers about things that nobody can configure here: as a new bucket does on S3.

SDKs and tools ask for them before they do anything else. To set them is refused (501), so what is answered stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore import xform_name

from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.store.objects import Objects
from potager.wire.service import partly

ANSWERS: Mapping[str, Mapping[str, Any] | str] = {
    "DeleteBucketReplication": {},
    "DeleteBucketWebsite": {},
    "GetBucketAccelerateConfiguration": {},
    "GetBucketAnalyticsConfiguration": "NoSuchConfiguration",
    "GetBucketIntelligentTieringConfiguration": "NoSuchConfiguration",
    "GetBucketInventoryConfiguration": "NoSuchConfiguration",
    "GetBucketLogging": {},
    "GetBucketMetricsConfiguration": "NoSuchConfiguration",
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
    "GetBucketRequestPayment": {"Payer": "BucketOwner"},
    "GetBucketWebsite": "NoSuchWebsiteConfiguration",
    "GetObjectLegalHold": "InvalidRequest",
    "GetObjectLockConfiguration": "ObjectLockConfigurationNotFoundError",
    "GetObjectRetention": "InvalidRequest",
    "ListBucketAnalyticsConfigurations": {"IsTruncated": False},
    "ListBucketIntelligentTieringConfigurations": {"IsTruncated": False},
    "ListBucketInventoryConfigurations": {"IsTruncated": False},
    "ListBucketMetricsConfigurations": {"IsTruncated": False},
}
"""The answer, or the code of the error that S3 has for what is not configured."""
MESSAGES = {"InvalidRequest": "Bucket is missing Object Lock Configuration"}


def _register(name: str, answer: Mapping[str, Any] | str) -> None:
    @partly("as of a bucket that is not configured for it, which none can be")
    async def answered(ctx: Context, req: Req) -> Mapping[str, Any]:
        bucket = await ctx[Objects].bucket(req["Bucket"])
        if isinstance(answer, str):
            raise fault(answer, MESSAGES.get(answer), BucketName=bucket.name)
        return answer

    answered.__name__ = xform_name(name)
    operation(answered)


for _name, _answer in ANSWERS.items():
    _register(_name, _answer)
