"""What botocore's models get wrong or leave out, in one place, each line with its reason."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

S3_NOT_ROUTED = frozenset(("ListDirectoryBuckets",))
"""Same method and path as another operation (`ListBuckets`): only S3 Express's host tells them apart."""

S3_PLAIN_ARGUMENTS = frozenset(("id",))
"""Required by some sub-resources and harmless without them, so that they need not be understood."""

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CopyObject": "CopyObjectResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsOutput",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
    "UploadPartCopy": "CopyPartResult",
}
"""Root elements of S3's answers, by operation, as its API reference shows them. The model names none; botocore does not
look, the Java and Go SDKs do. The others are called after the operation."""

S3_TEXT_ROOTS = frozenset(("GetBucketLocation",))
"""The root holds the value itself: `<LocationConstraint>eu-west-1</LocationConstraint>`, empty for us-east-1."""

S3_OPEN_ENUMS = frozenset(("BucketCannedACL", "BucketLocationConstraint", "Event", "FilterRuleName", "Permission"))
"""Enums of which S3 takes more than the model has (`Prefix` for `prefix`), or refuses a value in words of its own."""


S3_MISSING = {
    "GetObjectAttributes": (
        "ObjectAttributes",
        "InvalidRequest",
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
    ),
}
"""What S3 says of a member that is required and not there, by operation, where it says something of its own."""

S3_UNKNOWN = {
    "StorageClass": ("InvalidStorageClass", "The storage class you specified is not valid"),
    "ChecksumAlgorithm": (
        "InvalidRequest",
        "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
        "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    ),
}
"""What S3 says of a header whose value its enum does not have, by member."""

S3_TYPED = {"HeadBucket": "application/xml"}
"""The type that S3 names of an answer without a body, by operation."""


def s3_read(members: dict[str, Any]) -> None:
    """Makes of members what the model has them be, where S3 takes them otherwise, too.

    A copy source's slash may be encoded, as Go's SDK has it, and an algorithm or a mode in lower case, as C++'s has it.
    """
    source: str = members.get("CopySource", "")
    if source and "/" not in source.lstrip("/"):
        bucket, slash, key = source.replace("%2f", "%2F").partition("%2F")
        members["CopySource"] = f"{bucket}/{key}" if slash else source
    for name in ("ChecksumAlgorithm", "ChecksumMode"):
        if name in members:
            members[name] = members[name].upper()


def s3_status(operation: str, result: Mapping[str, Any], default: int) -> int:
    """206 for a part of an object, and 204 for what answers nothing, which the model does not tell."""
    if operation in ("PutBucketPolicy", "PutBucketTagging"):
        return 204
    if operation in ("GetObject", "HeadObject") and result.get("ContentRange"):
        return 206
    return default


def host_id(request_id: str) -> str:
    """`x-amz-id-2`, which boto3 shows as HostId; made of the request's id because nobody reads it for more."""
    return b64encode(request_id.encode()).decode()


_SAFE = r"[.\-_a-zA-Z0-9]"
_PATTERNS = (
    (r"[a-z0-9]([-a-z0-9]*[a-z0-9]){0,39}?", r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"),
    (
        r"https://([.\-_a-zA-Z0-9]+/?){3,1016}",
        rf"https://(?=(?:/?{_SAFE}){{3}}){_SAFE}+(?:/{_SAFE}+)*/?",
    ),
    (r"\/?.+\/.+", r".[^/\n]*/.+"),
    (r"\$(\.[a-zA-Z0-9_.@\[\]\(\)-]+)*", r"\$(\.[a-zA-Z0-9_.@\[\]\(\)-]+)?"),
    (r".*[0-9a-z]+.*", r"[^0-9a-z\n]*[0-9a-z].*"),
    (r".*\S.*", r"[^\S\n]*\S.*"),
    (
        r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$",
        r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*",
    ),
    (r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$", r"\t*[\x20-\x7E][\x20-\x7E\t]*"),
    (r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$", r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*"),
)
PATTERNS = dict(_PATTERNS)
"""Patterns of the models that take exponential or quadratic time on hostile values, and the same languages said so that
they take linear time. A test holds each pair against the other on random texts."""
