"""Who a request says has signed it, before anybody has checked: the claim in its header or its URL.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (version 4) and
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (version 2, which boto3 still writes into
presigned URLs of S3's older regions, us-east-1 among them).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from potager.wire.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"
LONGEST = 604800
"""Seconds that a presigned URL may be good for: a week."""

_MOMENT = re.compile("[0-9]{8}T[0-9]{6}Z")


class Malformed(ValueError):
    """The claim cannot be read; the text says why."""


class MalformedQuery(Malformed):
    """The claim in a URL cannot be read."""


class OldMalformed(Malformed):
    """A version 2 claim in a URL lacks a part."""


class Unsupported(Malformed):
    """The header is not of a kind that there is."""


class Undated(Malformed):
    """There is no date, or none that can be read."""


class Several(Malformed):
    """There is more than one claim."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The parts of a version 4 claim.

    `moment` is the text of X-Amz-Date (or Date), `expires` the seconds that a presigned URL is good for, None for a
    signature in the headers.
    """

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    moment: str
    expires: int | None = None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class OldCredential:
    """The parts of a version 2 claim; `expires` is an instant in epoch seconds, None for a signature in the headers."""

    access_key: str
    signature: str
    expires: int | None = None


def scope(request: Request) -> tuple[str, str] | None:
    """Region and service that the signature is for, None where the request names none. Never raises."""
    text = request.headers.get("authorization") or ""
    _, found, claim = text.partition("Credential=")
    if not found:
        claim = request.argument("X-Amz-Credential") or "" if "X-Amz-Credential" in request.query else ""
    parts = claim.split(",", 1)[0].strip().rsplit("/", 4)
    return (parts[2], parts[3]) if len(parts) == 5 else None


def of(request: Request) -> Credential | OldCredential | None:
    """The claim, None when the request is unsigned; `Malformed` when it cannot be read."""
    authorization = request.headers.get("authorization", "").strip() or None
    new = old = False
    if request.query:
        new = "X-Amz-Algorithm" in request.arguments or "X-Amz-Signature" in request.arguments
        old = "Signature" in request.arguments or "AWSAccessKeyId" in request.arguments
    if (authorization is not None) + new + old > 1:
        raise Several(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified"
        )
    if authorization is not None:
        return _from_header(authorization, request)
    if new:
        return _from_query(request)
    return _from_old_query(request) if old else None


def _from_header(text: str, request: Request) -> Credential | OldCredential:
    if text.startswith("AWS "):
        access_key, colon, signature = text[4:].partition(":")
        if not colon:
            raise Unsupported("AWS authorization header is invalid.  Expected AwsAccessKeyId:signature")
        return OldCredential(access_key, signature)
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise Unsupported(f"Unsupported Authorization Type: '{algorithm[:40]}'.")
    before, comma, last = rest.rpartition(",")  # all but the signature is the same in many requests
    fields = _fields(before) | dict((_field(last),)) if comma and last.strip() else _fields(rest)
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)]
    if missing:
        raise Malformed("".join(f"Authorization header requires '{name}' parameter. " for name in missing).strip())
    moment = request.headers.get("x-amz-date") or request.headers.get("date")
    if not moment:
        raise Undated("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    return _credential(fields["Credential"], fields["SignedHeaders"], fields["Signature"], moment.strip(), None)


@lru_cache(maxsize=256)
def _fields(text: str) -> dict[str, str]:
    return dict(_field(part) for part in text.split(",") if part.strip())


def _field(part: str) -> tuple[str, str]:
    name, equals, value = part.strip().partition("=")
    if not equals:
        raise Malformed(
            f"'{part.strip()[:80]}' not a valid key=value pair (missing equal-sign) in Authorization header."
        )
    return name, value.strip()


def _from_query(request: Request) -> Credential:
    values: dict[str, str] = {}
    for name in ("Algorithm", "Credential", "SignedHeaders", "Signature", "Date", "Expires"):
        given = request.arguments.get(f"X-Amz-{name}", [])
        if len(given) != 1 or not given[0]:
            raise MalformedQuery(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            )
        values[name] = given[0]
    if values["Algorithm"] != ALGORITHM:
        raise MalformedQuery(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    expires = _lifetime(values["Expires"])
    if not _MOMENT.fullmatch(values["Date"]):
        raise MalformedQuery("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    try:
        return _credential(values["Credential"], values["SignedHeaders"], values["Signature"], values["Date"], expires)
    except Malformed as error:
        raise MalformedQuery(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        ) from error


def _lifetime(text: str) -> int:
    """Seconds that a URL is good for."""
    if re.fullmatch("-[0-9]{1,12}", text):
        raise MalformedQuery("X-Amz-Expires must be non-negative")
    if not re.fullmatch("[0-9]{1,12}", text):
        raise MalformedQuery("X-Amz-Expires should be a number")
    if int(text) > LONGEST:
        raise MalformedQuery(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{LONGEST} seconds"
        )
    return int(text)


def _from_old_query(request: Request) -> OldCredential:
    values = [request.argument(name) for name in ("AWSAccessKeyId", "Signature", "Expires")]
    if not all(values):
        raise OldMalformed("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
    key, signature, expires = (str(value) for value in values)
    if not re.fullmatch("[0-9]{1,12}", expires):
        raise OldMalformed(f"Invalid date (should be seconds since epoch): {expires[:40]}")
    return OldCredential(key, signature, int(expires))


def _credential(claim: str, signed: str, signature: str, moment: str, expires: int | None) -> Credential:
    parts = claim.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
        raise Malformed(f"Credential must be 'access-key/yyyymmdd/region/service/aws4_request', got '{claim[:120]}'.")
    access_key, date, region, service, _ = parts
    return Credential(access_key, date, region, service, tuple(signed.split(";")), signature, moment, expires)
