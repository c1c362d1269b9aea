"""Server-side encryption on the wire: what a request asks for, what it must bring to read, what an answer says.

    x-amz-server-side-encryption: AES256 | aws:kms       SSE-S3, SSE-KMS; a bucket's default where a request is silent
    x-amz-server-side-encryption-customer-*              SSE-C: the key comes with every request and is never stored
    x-amz-copy-source-server-side-encryption-customer-*  SSE-C of a copy's source

Answers name an encryption exactly where the bytes are encrypted. `store/sealing.py` makes the keys.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, cast

from potager.collect.s3.faults import fault
from potager.kernel.context import Context
from potager.kernel.errors import Unserved
from potager.store import sealing
from potager.store.objects import Bucket, Entry
from potager.store.sealing import Wish
from potager.store.uploads import Upload

ALGORITHM = "AES256"
"""The only one for a customer's key."""
HEADER = "x-amz-server-side-encryption"
_HEADERS = {
    "ServerSideEncryption": HEADER,
    "SSEKMSKeyId": f"{HEADER}-aws-kms-key-id",
    "SSECustomerAlgorithm": f"{HEADER}-customer-algorithm",
    "SSECustomerKeyMD5": f"{HEADER}-customer-key-MD5",
}
_CUSTOMERS = "Requests specifying Server Side Encryption with Customer provided keys must provide "


def confidential(ctx: Context, req: Mapping[str, Any]) -> None:
    """`InvalidRequest` for a customer's key that came in the clear from another machine."""
    if not any("SSECustomerKey" in name for name in req) or ctx.origin.secure or _is_near(ctx.origin.client):
        return
    text = "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure "
    raise fault("InvalidRequest", text + "connection.")


def _is_near(client: str) -> bool:
    """Whether a request came from this machine, or from the server itself."""
    try:
        return not client or ip_address(client).is_loopback
    except ValueError:
        return False


def unsaid(ctx: Context) -> None:
    """`InvalidArgument` for a read that asks for an encryption: it is what it is."""
    if HEADER in ctx.origin.headers:
        text = f"The header {HEADER} is not for requests that read. Leave it out."
        raise fault("InvalidArgument", text, ArgumentName=HEADER, ArgumentValue=ctx.origin.headers[HEADER])


def signed(ctx: Context, doc: Mapping[str, Any], req: Mapping[str, Any] | None = None) -> None:
    """`InvalidArgument` for somebody who did not sign and asks for what a KMS key opens: nobody lets them use a key.

    doc : the document of an object, or of a bucket for a request that makes an object in it.
    """
    default = sealing.default(doc.get(sealing.CONFIGURATION)) if req is not None else None
    asked = (req or {}).get("ServerSideEncryption") or (default.kind if default else None)
    if ctx.account or sealing.KMS not in (asked, doc.get(sealing.MEMBER, {}).get("Kind")):
        return
    text = "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4."
    raise fault("InvalidArgument", text)


def wish(req: Mapping[str, Any]) -> Wish | None:
    """The encryption that a request asks for, None where it does not say."""
    kind, given = req.get("ServerSideEncryption"), customer(req)
    if given is not None:
        if kind is not None:
            text = "Server Side Encryption with Customer provided key is incompatible with the encryption method"
            raise fault("InvalidArgument", f"{text} specified", ArgumentName=HEADER, ArgumentValue=kind)
        return Wish(sealing.CUSTOMER, customer=given)
    if kind == "aws:kms:dsse":
        raise Unserved("Potager does not serve dual-layer encryption (aws:kms:dsse). Use aws:kms.")
    if kind not in (None, sealing.S3, sealing.KMS):
        text = "The encryption method specified is not supported"
        raise fault("InvalidArgument", text, ArgumentName=HEADER, ArgumentValue=kind)
    if kind != sealing.KMS:
        _without_kms(req, kind)
        return Wish(kind) if kind else None
    context = _context(req.get("SSEKMSEncryptionContext"))
    return Wish(kind, key=req.get("SSEKMSKeyId"), context=context, bucket_key=req.get("BucketKeyEnabled", False))


def _without_kms(req: Mapping[str, Any], kind: str | None) -> None:
    if any(req.get(name) for name in ("SSEKMSKeyId", "SSEKMSEncryptionContext")):
        text = f"Server Side Encryption with AWS KMS managed key requires HTTP header {HEADER} : aws:kms"
        raise fault("InvalidArgument", text, ArgumentName=HEADER, ArgumentValue=kind)


def _context(text: str | None) -> dict[str, str]:
    """An encryption context, which travels as base64 of JSON."""
    if text is None:
        return {}
    try:
        read = json.loads(b64decode(text, validate=True))
        json.dumps(read, ensure_ascii=False).encode()
        pairs = cast("dict[Any, Any]", read) if isinstance(read, dict) else None
    except (ValueError, RecursionError):
        pairs = None
    if pairs is None or not all(isinstance(value, str) for value in pairs.values()):
        said = (
            f"The header '{HEADER}-context' shall be Base64-encoded UTF-8 string holding JSON which represents a "
            "string-string map"
        )
        raise fault("InvalidArgument", said, ArgumentName=f"{HEADER}-context", ArgumentValue=text)
    return pairs


def customer(req: Mapping[str, Any], source: str = "") -> bytes | None:
    """The customer's key that comes with a request; None without one.

    source : `CopySource` for the key of a copy's source.
    """
    algorithm, key, digest = (req.get(f"{source}SSECustomer{name}") for name in ("Algorithm", "Key", "KeyMD5"))
    if algorithm is None and key is None and digest is None:
        return None
    if algorithm is None:
        raise fault("InvalidArgument", _CUSTOMERS + "a valid encryption algorithm.")
    if algorithm != ALGORITHM:
        raise fault("InvalidEncryptionAlgorithmError", ArgumentName=f"{HEADER}-customer-algorithm")
    if key is None:
        raise fault("InvalidArgument", _CUSTOMERS + "an appropriate secret key.")
    try:
        raw = b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise fault("InvalidArgument", "The secret key was invalid for the specified algorithm.")
    if digest is None:
        raise fault("InvalidArgument", _CUSTOMERS + "the client calculated MD5 of the secret key.")
    if not hmac.compare_digest(_md5(raw).encode(), digest.encode("utf-8", "replace")):
        raise fault("InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided.")
    return raw


def _md5(key: bytes) -> str:
    return b64encode(hashlib.md5(key, usedforsecurity=False).digest()).decode()


def permitted(bucket: Bucket, wished: Wish | None) -> Wish | None:
    """`AccessDenied` for a kind of encryption that the bucket blocks; else the wish."""
    for rule in bucket.doc.get(sealing.CONFIGURATION, {}).get("Rules", ()):
        blocked = rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", ())
        if wished is not None and wished.kind in blocked:
            raise fault("AccessDenied", "The bucket blocks server-side encryption with customer-provided keys (SSE-C).")
    return wished


def recodes(bucket: Bucket, source: Entry) -> bool:
    """Whether an object is encrypted anew by being copied to where it is, by a request that does not say so."""
    kind = source.doc.get(sealing.MEMBER, {}).get("Kind", sealing.S3)
    return sealing.CONFIGURATION in bucket.doc or kind != sealing.S3


def opening(req: Mapping[str, Any], entry: Entry, source: str = "") -> bytes | None:
    """The customer's key that opens an object, None where it takes none; raises where a request brings the wrong one.

    source : `CopySource` for a copy's source.
    """
    given, doc = customer(req, source), entry.doc.get(sealing.MEMBER, {})
    if doc.get("Kind") != sealing.CUSTOMER:
        if given is not None:
            raise fault("InvalidRequest", "The encryption parameters are not applicable to this object.")
        return None
    if given is None:
        text = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided "
        raise fault("InvalidRequest", text + "to retrieve the object.")
    if not sealing.fits(doc, given):
        raise fault("AccessDenied")
    return given


def continuing(req: Mapping[str, Any], upload: Upload) -> bytes | None:
    """The customer's key that a part is sealed with, None where it takes none: it must be that of the upload."""
    given, doc = customer(req), upload.doc.get(sealing.MEMBER, {})
    if doc.get("Kind") != sealing.CUSTOMER:
        if given is not None:
            text = "The multipart upload initiate did not request encryption. Please resend the request without "
            raise fault("InvalidRequest", text + "sending encryption parameters.")
        return None
    if given is None:
        text = "The multipart upload initiate requested encryption. Subsequent part requests must include the "
        raise fault("InvalidRequest", text + "appropriate encryption parameters.")
    if not sealing.fits(doc, given):
        raise fault("InvalidRequest", "The provided encryption parameters did not match the ones used originally.")
    return given


def context(req: Mapping[str, Any]) -> dict[str, str]:
    """The encryption context that a request gave, as its answer repeats it."""
    return {name: req[name] for name in ("SSEKMSEncryptionContext",) if name in req}


def headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What PutObject's answer says of the encryption, as headers: a form's answer has no model."""
    return [(name, str(answer[member])) for member, name in _HEADERS.items() if answer.get(member)]


def shown(req: Mapping[str, Any], doc: Mapping[str, Any], *, customers: bool = True) -> dict[str, Any]:
    """What an answer says of the encryption of an object or upload, by its document.

    customers : whether it has members for a customer's key.
    """
    found = doc.get(sealing.MEMBER)
    if found is None or (found["Kind"] == sealing.CUSTOMER and not customers):
        return {}
    if found["Kind"] == sealing.CUSTOMER:
        told = {"SSECustomerAlgorithm": ALGORITHM}
        return told | ({"SSECustomerKeyMD5": req["SSECustomerKeyMD5"]} if "SSECustomerKeyMD5" in req else {})
    if found["Kind"] == sealing.S3:
        return {"ServerSideEncryption": sealing.S3}
    answer = {"ServerSideEncryption": sealing.KMS, "SSEKMSKeyId": found["KeyId"]}
    return answer | ({"BucketKeyEnabled": True} if found["BucketKey"] else {})
