"""Is a request from whom it says: AWS Signature Version 4, in headers and in presigned URLs; version 2 in URLs of S3.

    credential.of ─► secret ─► clock ─► canonical request ─► string to sign ─► signature ─► payload's hash

What is wrong is said in the code of the service's own protocol. Comparisons take constant time. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

from potager.kernel.names import REGION
from potager.wire import credential, refusal, sigv2
from potager.wire.credential import ALGORITHM, Credential, Malformed, OldCredential, Undated
from potager.wire.message import Request

_SHA256 = re.compile("[0-9a-f]{64}")
_PLAIN = re.compile("[A-Za-z0-9/_.~-]*")

SKEW = timedelta(minutes=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-"
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_FREE = frozenset(("x-amz-user-agent",))
"""Headers that clients add after they have signed, and that decide nothing."""

Secrets = Callable[[str], str | None]
"""Gives the secret of an access key, None for a key that is not there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed a request, and what the signature says about its body.

    Attributes
    ----------
    access_key, region, service : from the credential; a version 2 signature has no region (``""``), a request
        that nobody signed no access key either.
    token : the session token that came along, None without one; whether it is good is the caller's to say.
    payload : the body's SHA-256 in hex, `UNSIGNED-PAYLOAD`, or the name of a streaming mode.
    presigned : the signature stood in the URL.
    """

    access_key: str
    region: str
    service: str
    token: str | None = None
    payload: str = UNSIGNED
    presigned: bool = False
    moment: str = ""
    scope: str = ""
    signature: str = ""
    signing_key: bytes = field(default=b"", repr=False)

    @property
    def authentication(self) -> str:
        """Where the signature stood, as policies call it; "" without one."""
        return "" if not self.access_key else "REST-QUERY-STRING" if self.presigned else "REST-HEADER"


def verify(
    request: Request,
    secret_of: Secrets,
    now: datetime,
    *,
    protocol: str = "json",
    service: str | None = None,
    body: bytes | None = None,
    unsigned: bool = False,
) -> Identity:
    """Who signed the request; `WireError` when nobody has, or not rightly. S3 takes requests that nobody signed.

    Parameters
    ----------
    now : aware.
    protocol : the target's; the error's code depends on it.
    service : the signing name that the target wants; another one in the scope is refused. None: any.
    body : the whole body where it has been read; its hash is then checked. A body that is still travelling (None) must
        have its hash in `x-amz-content-sha256`, and `payload.opened` checks it on its way.
    unsigned : whether the target takes them, too.
    """
    refuse = refusal.of(protocol)
    try:
        claim = credential.of(request)
    except Malformed as error:
        raise refuse.unreadable(error) from error
    if claim is None:
        if service is None or not (unsigned or service == "s3"):
            raise refuse.missing()
        return _anonymous(request, service, body, refuse)
    secret = secret_of(claim.access_key)
    if secret is None:
        raise refuse.unknown_key(claim.access_key)
    if isinstance(claim, OldCredential):
        return _verify_old(request, claim, secret, now, protocol)
    return _verify(request, claim, secret, now, refuse, service, body)


def _anonymous(request: Request, service: str, body: bytes | None, refuse: refusal.Refusal) -> Identity:
    """Nobody: what their body is said to be holds all the same."""
    chunked = "aws-chunked" in request.headers.get("content-encoding", "")  # boto3 leaves the mode out
    payload = request.headers.get("x-amz-content-sha256") or (UNSIGNED_CHUNKS if chunked else UNSIGNED)
    if payload.startswith(STREAMING) and payload != UNSIGNED_CHUNKS:
        raise refuse.missing()
    _check_payload(payload, body, refuse)
    return Identity("", "", service, payload=payload)


def _verify(
    request: Request,
    claim: Credential,
    secret: str,
    now: datetime,
    refuse: refusal.Refusal,
    service: str | None,
    body: bytes | None,
) -> Identity:
    _check_clock(claim, now, refuse)
    if service is not None and claim.service != service:
        raise refuse.scope(f"Credential should be scoped to correct service: '{service}'.")
    if not REGION.fullmatch(claim.region):
        raise refuse.region(claim.region)
    _check_signed_headers(request, claim, refuse)
    payload, hashed = _payload(request, claim, body)
    key = signing_key(secret, claim.date, claim.region, claim.service)
    canonical = canonical_request(request, claim, payload)
    to_sign = f"{ALGORITHM}\n{_compact(claim, refuse)}\n{claim.scope}\n{sha256(canonical).hexdigest()}"
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode("utf-8", "replace")):
        raise refuse.signature(canonical, to_sign)
    if not hashed:
        _check_payload(payload, body, refuse)
    token = request.headers.get("x-amz-security-token") or request.argument("X-Amz-Security-Token")
    return Identity(
        claim.access_key,
        claim.region,
        claim.service,
        token,
        payload,
        claim.expires is not None,
        _compact(claim, refuse),
        claim.scope,
        claim.signature,
        key,
    )


def _check_clock(claim: Credential, now: datetime, refuse: refusal.Refusal) -> None:
    moment = _moment(claim.moment, refuse)
    if claim.expires is None and abs(now - moment) > SKEW:
        raise refuse.skewed(moment, now, SKEW)
    if _day(moment) != claim.date:
        raise refuse.scope(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: {claim.date}."
        )
    if claim.expires is None:
        return
    if moment - now > SKEW:
        raise refuse.not_yet(moment, now)
    if now > moment + timedelta(seconds=claim.expires):
        raise refuse.expired(moment + timedelta(seconds=claim.expires), now)


@lru_cache(maxsize=256)
def _parsed(text: str) -> datetime | None:
    try:
        if re.fullmatch("[0-9]{8}T[0-9]{6}Z", text):
            return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


@lru_cache(maxsize=256)
def _day(moment: datetime) -> str:
    return moment.strftime("%Y%m%d")


def _moment(text: str, refuse: refusal.Refusal) -> datetime:
    moment = _parsed(text)
    if moment is None or moment < EPOCH:
        raise refuse.unreadable(Undated(f"Date must be in ISO-8601 'basic format'. Got '{text[:40]}'."))
    return moment


def _compact(claim: Credential, refuse: refusal.Refusal) -> str:
    """The moment as the string to sign has it; a `Date` header is spelled otherwise."""
    if len(claim.moment) == 16 and claim.moment.endswith("Z"):
        return claim.moment
    return _moment(claim.moment, refuse).strftime("%Y%m%dT%H%M%SZ")


def _check_signed_headers(request: Request, claim: Credential, refuse: refusal.Refusal) -> None:
    """`host` and every `x-amz-*` header must be signed, or somebody on the way could change what is asked."""
    signed = set(claim.signed_headers)
    missing = [] if "host" in signed else ["host"]
    missing += [name for name in request.headers if name.startswith("x-amz-") and name not in signed]
    missing = [name for name in missing if name not in _FREE]
    if missing:
        raise refuse.unsigned_headers(missing)


def _payload(request: Request, claim: Credential, body: bytes | None) -> tuple[str, bool]:
    """What the canonical request says of the body, and whether that is the body's own hash, made here."""
    said = request.headers.get("x-amz-content-sha256")
    if said:
        return said, False
    if claim.expires is not None and claim.service == "s3":
        return request.argument("X-Amz-Content-Sha256") or UNSIGNED, False
    return sha256(body or b"").hexdigest(), True


def _check_payload(payload: str, body: bytes | None, refuse: refusal.Refusal) -> None:
    if payload == UNSIGNED or payload.startswith(STREAMING):
        return
    if not _SHA256.fullmatch(payload):
        raise refuse.bad_payload_hash()
    if body is not None and not hmac.compare_digest(sha256(body).hexdigest(), payload):
        raise refuse.payload(payload, sha256(body).hexdigest())


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service."""
    key = hmac.digest(b"AWS4" + secret.encode(), date.encode(), "sha256")
    key = hmac.digest(key, region.encode(), "sha256")
    key = hmac.digest(key, service.encode(), "sha256")
    return hmac.digest(key, b"aws4_request", "sha256")


def canonical_request(request: Request, claim: Credential, payload: str) -> bytes:
    """What both sides hash."""
    path = _object_path(request.path) if claim.service == "s3" else _normalized(request.path)
    headers = "".join(f"{name}:{_trimmed(request.headers.get(name, ''))}\n" for name in claim.signed_headers)
    parts = (
        request.method,
        path or "/",
        _canonical_query(request.query),
        headers,
        ";".join(claim.signed_headers),
        payload,
    )
    try:
        return "\n".join(parts).encode("latin-1")
    except UnicodeEncodeError:
        return "\n".join(parts).encode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def _object_path(path: str) -> str:
    """Each segment percent-encoded the one canonical way, whatever the client sent; `%2F` stays what it is."""
    if "%" not in path and _PLAIN.fullmatch(path):
        return path
    return "/".join(quote(unquote_to_bytes(segment), safe="-_.~") for segment in path.split("/"))


def _trimmed(value: str) -> str:
    return " ".join(value.split())


@lru_cache(maxsize=256)
def _normalized(path: str) -> str:
    """Without empty and dotted segments, and encoded once more, as every service but S3 signs it."""
    if "//" not in path and "/." not in path:
        return quote(path, safe="/~")
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    return quote("/" + "/".join(segments) + ("/" if segments and path.endswith("/") else ""), safe="/~")


def _canonical_query(query: str) -> str:
    """Sorted by encoded name and value; a name without `=` gets one; the signature itself is left out."""
    if not query:
        return ""
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    canonical = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs if name != "X-Amz-Signature")
    return "&".join(f"{name}={value}" for name, value in canonical)


def _encoded(text: str) -> str:
    """Percent-encoded the one way that is canonical, whatever way the client chose."""
    if text.isalnum() and text.isascii():
        return text
    return quote(unquote_to_bytes(text.replace("+", "%20")), safe="-_.~")


def _verify_old(request: Request, claim: OldCredential, secret: str, now: datetime, protocol: str) -> Identity:
    refuse = refusal.of(protocol)
    if protocol != "rest-xml":
        raise refuse.malformed("Signature Version 2 is taken for S3 alone. Use Signature Version 4.")
    sigv2.check(request, claim, secret, now)
    token = request.headers.get("x-amz-security-token") or request.argument("x-amz-security-token")
    return Identity(claim.access_key, "", "s3", token, UNSIGNED, claim.expires is not None)
