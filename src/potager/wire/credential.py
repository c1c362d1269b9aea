"""Who a request says has signed it, before anybody has checked: the claim in its header or its URL.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html (version 4) and
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (version 2, which boto3 still writes into
presigned URLs of S3's older regions, us-east-1 among them).
"""

from __future__ import annotations

from dataclasses import dataclass

from potager.wire.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"


class Malformed(ValueError):
    """The claim cannot be read; the text says why."""


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
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return _from_header(authorization.strip(), request)
    if "X-Amz-Algorithm" in request.arguments or "X-Amz-Signature" in request.arguments:
        return _from_query(request)
    if "AWSAccessKeyId" in request.arguments and "Signature" in request.arguments:
        return _from_old_query(request)
    return None


def _from_header(text: str, request: Request) -> Credential | OldCredential:
    if text.startswith("AWS "):
        access_key, colon, signature = text[4:].partition(":")
        if not colon:
            raise Malformed("Authorization header of the form 'AWS access-key:signature' expected.")
        return OldCredential(access_key, signature)
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise Malformed(f"Unsupported Authorization Type: '{algorithm[:40]}'.")
    fields = dict(_field(part) for part in rest.split(",") if part.strip())
    missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not fields.get(name)]
    if missing:
        raise Malformed("".join(f"Authorization header requires '{name}' parameter. " for name in missing).strip())
    moment = request.headers.get("x-amz-date") or request.headers.get("date")
    if not moment:
        raise Malformed("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    return _credential(fields["Credential"], fields["SignedHeaders"], fields["Signature"], moment.strip(), None)


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
            raise Malformed(f"Query-string authentication version 4 requires the X-Amz-{name} parameter, once.")
        values[name] = given[0]
    if values["Algorithm"] != ALGORITHM:
        raise Malformed(f"X-Amz-Algorithm only supports '{ALGORITHM}'.")
    expires = _seconds(values["Expires"], "X-Amz-Expires")
    if not 0 <= expires <= 604800:
        raise Malformed("X-Amz-Expires must be less than a week (in seconds) that is 604800.")
    return _credential(values["Credential"], values["SignedHeaders"], values["Signature"], values["Date"], expires)


def _from_old_query(request: Request) -> OldCredential:
    expires = request.argument("Expires")
    if not expires:
        raise Malformed("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters.")
    return OldCredential(
        request.arguments["AWSAccessKeyId"][0], request.arguments["Signature"][0], _seconds(expires, "Expires")
    )


def _seconds(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Malformed(f"{name} should be a number.")
    return int(text)


def _credential(claim: str, signed: str, signature: str, moment: str, expires: int | None) -> Credential:
    parts = claim.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request" or not all(parts):
        raise Malformed(f"Credential must be 'access-key/yyyymmdd/region/service/aws4_request', got '{claim[:120]}'.")
    access_key, date, region, service, _ = parts
    return Credential(access_key, date, region, service, tuple(signed.split(";")), signature, moment, expires)
