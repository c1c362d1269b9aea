"""AWS Signature Version 2, for S3 alone: boto3 still writes it into presigned URLs of us-east-1 and other old regions.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import UTC, datetime

from potager.kernel.errors import WireError
from potager.wire import bucket, refusal
from potager.wire.credential import OldCredential
from potager.wire.message import Request

UNSUPPORTED = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
"""What S3 says to version 2 in headers, which its later regions never took; s3cmd then signs anew by version 4."""

_RESOURCES = frozenset(
    [
        "accelerate",
        "acl",
        "cors",
        "defaultObjectAcl",
        "location",
        "logging",
        "partNumber",
        "policy",
        "requestPayment",
        "torrent",
        "versioning",
        "versionId",
        "versions",
        "website",
        "uploads",
        "uploadId",
        "response-content-type",
        "response-content-language",
        "response-expires",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "delete",
        "lifecycle",
        "tagging",
        "restore",
        "storageClass",
        "notification",
        "replication",
        "analytics",
        "metrics",
        "inventory",
        "select",
        "select-type",
        "object-lock",
    ]
)
"""The query parameters that are signed; the same list as botocore's."""
_PLAIN = frozenset(("list-type", "x-id"))
"""Sub-resources that need not be: whoever may do the one may do the other."""


def check(request: Request, claim: OldCredential, secret: str, now: datetime) -> None:
    """Passes when the signature holds and the URL has not expired; else `WireError`."""
    refuse = refusal.of("rest-xml")
    if claim.expires is None:
        raise WireError("InvalidRequest", UNSUPPORTED)
    if bare := (bucket.subresources() & request.arguments.keys()) - _RESOURCES - _PLAIN:
        raise refuse.malformed(f"Signature Version 2 does not cover '{min(bare)}'. Use Signature Version 4.")
    texts = [string_to_sign(request, str(claim.expires), path) for path in _paths(request)]
    given = claim.signature.replace(" ", "+").encode("utf-8", "replace")  # on its way in a URL a `+` may become a space
    if not any(hmac.compare_digest(_signature(secret, text), given) for text in texts):
        raise refuse.signature(b"", texts[0])
    if now.timestamp() > claim.expires:
        raise refuse.expired(datetime.fromtimestamp(min(claim.expires, 2**35), UTC), now)


def _signature(secret: str, text: str) -> bytes:
    return b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "surrogateescape"), "sha1"))


def _paths(request: Request) -> list[str]:
    """The path as it may have been signed: of a bucket alone, botocore signs `/bucket/` for `/bucket`."""
    name, _ = bucket.host(headers_host(request), request.domain)
    path = f"/{name}{request.path}" if name else request.path
    return [path] if path.count("/") > 1 else [path, f"{path}/"]


def string_to_sign(request: Request, date: str, path: str) -> str:
    """Method, three headers, the instant of expiry, the `x-amz-` headers and the resource."""
    headers = request.headers
    lines = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")]
    return "\n".join([*lines, _resource(request, path)])


def _resource(request: Request, path: str) -> str:
    signed = sorted(
        key if not values[0] and f"{key}=" not in request.query else f"{key}={values[0]}"
        for key, values in request.arguments.items()
        if key in _RESOURCES
    )
    return path + ("?" + "&".join(signed) if signed else "")


def headers_host(request: Request) -> str:
    return request.headers.get("host", "")
