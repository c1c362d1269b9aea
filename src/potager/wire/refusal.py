"""What each protocol says to a request whose signature does not hold.

| what is wrong       | S3 (rest-xml)            | Query                   | JSON, rest-json                 |
|---------------------|--------------------------|-------------------------|---------------------------------|
| no signature        | AccessDenied 403         | MissingAuthenticationToken | MissingAuthenticationTokenException |
| cannot be read      | AuthorizationHeaderMalformed 400 | IncompleteSignature | IncompleteSignatureException |
| .. in a URL         | AuthorizationQueryParametersError 400 | as above         | as above                        |
| .. of no kind known | InvalidArgument 400      | as above                | as above                        |
| no date, or a bad one | AccessDenied 403       | as above                | as above                        |
| unknown key         | InvalidAccessKeyId 403   | InvalidClientTokenId    | UnrecognizedClientException     |
| wrong session token | InvalidToken 400         | InvalidClientTokenId    | UnrecognizedClientException     |
| its job has ended   | ExpiredToken 400         | ExpiredToken            | ExpiredTokenException           |
| wrong signature     | SignatureDoesNotMatch 403| SignatureDoesNotMatch   | InvalidSignatureException       |
| clock off           | RequestTimeTooSkewed 403 | SignatureDoesNotMatch   | InvalidSignatureException       |
| URL expired         | AccessDenied 403         | SignatureDoesNotMatch   | InvalidSignatureException       |

JSON services answer 400, Query 403 (400 where noted by AWS). Seen in the services' common errors and in boto3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from potager.kernel.errors import WireError
from potager.wire import timestamp
from potager.wire.credential import Malformed, MalformedQuery, OldMalformed, Several, Undated, Unsupported

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)

USUAL = "us-east-1"
"""A region that is always good."""


def _basic(moment: datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def of(protocol: str) -> Refusal:
    """The refusals of a protocol."""
    return _REFUSALS.get(protocol, _JSON)


@dataclass(frozen=True)
class Refusal:
    """The codes of one protocol, and the errors made of them."""

    missing_code: str
    malformed_code: str
    key_code: str
    signature_code: str
    skew_code: str
    expired_code: str
    scope_code: str
    status: int
    malformed_status: int = 400

    def missing(self) -> WireError:
        if self is _S3:
            return WireError(self.missing_code, "Access Denied", 403)
        return WireError(self.missing_code, "Request is missing Authentication Token", self.status)

    def malformed(self, why: str) -> WireError:
        return WireError(self.malformed_code, why, self.malformed_status)

    def unreadable(self, error: Malformed) -> WireError:
        """A claim that cannot be read; S3 has other codes for one in a URL, and for two of them."""
        if self is _S3:
            for kind, code, status in _UNREADABLE:
                if isinstance(error, kind):
                    return WireError(code, str(error), status)
        return self.malformed(str(error))

    def unknown_key(self, access_key: str) -> WireError:
        if self is _S3:
            message = "The AWS Access Key Id you provided does not exist in our records."
            return WireError(self.key_code, message, 403, fields={"AWSAccessKeyId": access_key[:128]})
        return WireError(self.key_code, "The security token included in the request is invalid.", self.status)

    def token(self) -> WireError:
        """Temporary credentials without their session token, or with another one."""
        if self is _S3:
            return WireError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
        return self.unknown_key("")

    def ended(self) -> WireError:
        """Temporary credentials whose time is over."""
        if self is _S3:
            return WireError("ExpiredToken", "The provided token has expired.", 400)
        code = "ExpiredTokenException" if self is _JSON else "ExpiredToken"
        return WireError(code, "The security token included in the request is expired", self.status)

    def signature(self, canonical: bytes, to_sign: str) -> WireError:
        """The wrong one; S3 shows what it hashed, which is how a client's author finds out."""
        fields: dict[str, Any] = {}
        if self is _S3:
            fields = {"StringToSign": to_sign, "CanonicalRequest": canonical.decode("utf-8", "replace")[:4096]}
        return WireError(self.signature_code, MISMATCH, self.status, fields=fields)

    def scope(self, why: str) -> WireError:
        return WireError(self.scope_code, why, self.status if self is not _S3 else 400)

    def region(self, said: str) -> WireError:
        """A region that is none. S3 names one that would do, and clients such as s3cmd go on with it."""
        if self is _S3:
            message = f"The authorization header is malformed; the region '{said[:40]}' is wrong; expecting '{USUAL}'"
            return WireError(self.scope_code, message, 400, fields={"Region": USUAL})
        return self.scope(f"Credential should be scoped to a valid region, such as {USUAL}.")

    def unsigned_headers(self, names: list[str]) -> WireError:
        shown = ", ".join(sorted(names))
        if self is _S3:
            message = "There were headers present in the request which were not signed"
            return WireError("AccessDenied", message, 403, fields={"HeadersNotSigned": shown})
        message = f"'{shown}' must be a 'SignedHeader' in the Authorization request header."
        return WireError(self.signature_code, message, self.status)

    def skewed(self, moment: datetime, now: datetime, allowed: timedelta) -> WireError:
        if self is _S3:
            fields = {
                "RequestTime": _basic(moment),
                "ServerTime": timestamp.iso(now),
                "MaxAllowedSkewMilliseconds": int(allowed.total_seconds() * 1000),
            }
            message = "The difference between the request time and the current time is too large."
            return WireError(self.skew_code, message, 403, fields=fields)
        if moment > now:
            return self.not_yet(moment, now)
        shown = f"{_basic(moment)} is now earlier than {_basic(now - allowed)} ({_basic(now)} - 15 min.)"
        return WireError(self.skew_code, f"Signature expired: {shown}", self.status)

    def not_yet(self, moment: datetime, now: datetime) -> WireError:
        if self is _S3:
            return WireError(self.expired_code, "Request is not valid yet", 403)
        shown = f"{_basic(moment)} is still later than {_basic(now)} ({_basic(now)} + 15 min.)"
        return WireError(self.skew_code, f"Signature not yet current: {shown}", self.status)

    def expired(self, end: datetime, now: datetime) -> WireError:
        if self is _S3:
            fields = {"Expires": timestamp.iso(end), "ServerTime": timestamp.iso(now)}
            return WireError(self.expired_code, "Request has expired", 403, fields=fields)
        shown = f"{_basic(end)} is now earlier than {_basic(now)}"
        return WireError(self.expired_code, f"Signature expired: {shown}", self.status)

    def payload(self, said: str, computed: str) -> WireError:
        if self is _S3:
            fields = {"ClientComputedContentSHA256": said, "S3ComputedContentSHA256": computed}
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            return WireError("XAmzContentSHA256Mismatch", message, 400, fields=fields)
        return WireError(self.signature_code, MISMATCH, self.status)

    def bad_payload_hash(self) -> WireError:
        message = (
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
        )
        return WireError("InvalidArgument" if self is _S3 else self.signature_code, message, 400)


_UNREADABLE: tuple[tuple[type[Malformed], str, int], ...] = (
    (MalformedQuery, "AuthorizationQueryParametersError", 400),
    (OldMalformed, "AccessDenied", 403),
    (Several, "InvalidArgument", 400),
    (Undated, "AccessDenied", 403),
    (Unsupported, "InvalidArgument", 400),
)
_S3 = Refusal(
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    403,
)
_QUERY = Refusal(
    "MissingAuthenticationToken",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "SignatureDoesNotMatch",
    "SignatureDoesNotMatch",
    "SignatureDoesNotMatch",
    403,
)
_JSON = Refusal(
    "MissingAuthenticationTokenException",
    "IncompleteSignatureException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "InvalidSignatureException",
    "InvalidSignatureException",
    "InvalidSignatureException",
    400,
)
_REFUSALS = {"rest-xml": _S3, "query": _QUERY, "json": _JSON, "rest-json": _JSON}
