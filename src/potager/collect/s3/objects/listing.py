"""Objects listed: ListObjectsV2, and ListObjects which older clients still send.

Keys come percent-encoded where the client asks for `EncodingType=url`, as boto3 does, because XML cannot hold every
character that a key can.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation, owner
from potager.kernel.context import Context
from potager.store.objects import Entry, Listing, Objects

MOST_KEYS = 1000
_DIGEST = 9
"""Bytes of a token's digest."""
_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*")
Encode = Callable[[str], str]


@operation
async def list_objects_v2(ctx: Context, req: Req) -> Mapping[str, Any]:
    """A page of a bucket's objects, folded at the delimiter."""
    token = req.get("ContinuationToken")
    after = _opened(req["Bucket"], token) if token is not None else req.get("StartAfter", "")
    listed = await _page(ctx, req, after)
    encode, account = encoding(req), (await ctx[Objects].bucket(req["Bucket"])).account
    return {
        **_common(req, listed, encode),
        "Contents": [_content(entry, encode, account if req.get("FetchOwner") else None) for entry in listed.entries],
        "KeyCount": len(listed.entries) + len(listed.prefixes),
        "ContinuationToken": token,
        "NextContinuationToken": None if listed.after is None else _sealed(req["Bucket"], listed.after),
        "StartAfter": encode(req["StartAfter"]) if "StartAfter" in req else None,
    }


@operation
async def list_objects(ctx: Context, req: Req) -> Mapping[str, Any]:
    """As ListObjectsV2, by markers: NextMarker is given where a delimiter is, else the last key is the marker."""
    listed = await _page(ctx, req, req.get("Marker", ""))
    encode, account = encoding(req), (await ctx[Objects].bucket(req["Bucket"])).account
    following = listed.after if req.get("Delimiter") else None
    return {
        **_common(req, listed, encode),
        "Contents": [_content(entry, encode, account) for entry in listed.entries],
        "Marker": encode(req.get("Marker", "")),
        "NextMarker": None if following is None else encode(following),
    }


async def _page(ctx: Context, req: Req, after: str) -> Listing[Entry]:
    limit = most(req, "MaxKeys")
    return await ctx[Objects].list(req["Bucket"], req.get("Prefix", ""), req.get("Delimiter", ""), after, limit)


def most(req: Req, member: str) -> int:
    """Items of a page: as many as asked for, 1,000 at most."""
    given = req.get(member, MOST_KEYS)
    if given < 0:
        raise negative(member, given)
    return min(given, MOST_KEYS)


def negative(member: str, given: int) -> Exception:
    """The error for a number that a page cannot begin or end with."""
    name = re.sub("(?<!^)[A-Z]", r"-\g<0>", member).lower()
    text = f"Argument {name} must be an integer between 0 and {2**31 - 1}"
    return fault("InvalidArgument", text, ArgumentName=name, ArgumentValue=given)


def _common(req: Req, listed: Listing[Entry], encode: Encode) -> dict[str, Any]:
    return {
        "Name": req["Bucket"],
        "Prefix": encode(req.get("Prefix", "")),
        "Delimiter": encode(req["Delimiter"]) if req.get("Delimiter") else None,
        "MaxKeys": most(req, "MaxKeys"),
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": listed.after is not None,
        "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in listed.prefixes],
    }


def _content(entry: Entry, encode: Encode, account: str | None) -> dict[str, Any]:
    """An object as a listing shows it, with its owner where their account is given."""
    shown: dict[str, Any] = {
        "Key": encode(entry.key),
        "LastModified": entry.modified,
        "ETag": f'"{entry.etag}"',
        "Size": entry.size,
        "StorageClass": entry.doc.get("StorageClass", "STANDARD"),
    }
    shown |= summed(entry)
    if account is not None:
        shown["Owner"] = owner(account)
    return shown


def summed(entry: Entry) -> dict[str, Any]:
    """What a listing tells of an object's checksum."""
    if not entry.checksum:
        return {}
    algorithm, _, kind = entry.checksum.partition(" ")
    return {"ChecksumAlgorithm": [algorithm], "ChecksumType": kind}


def encoding(req: Req) -> Encode:
    """How keys are written in the answer to this request."""
    return _encoded if req.get("EncodingType") == "url" else _plain


def _encoded(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe="/")


def _plain(text: str) -> str:
    return text


def _sealed(bucket: str, after: str) -> str:
    """A token for the page behind a key; a stranger's, another bucket's or a mutilated one is told by its digest."""
    return urlsafe_b64encode(_digest(bucket, after.encode()) + after.encode()).decode()


def _opened(bucket: str, token: str) -> str:
    with suppress(ValueError):
        raw = urlsafe_b64decode(token)
        if raw[:_DIGEST] == _digest(bucket, raw[_DIGEST:]):
            return raw[_DIGEST:].decode()
    text = "The continuation token provided is incorrect"
    raise fault("InvalidArgument", text, ArgumentName="continuation-token")


def _digest(bucket: str, after: bytes) -> bytes:
    return hashlib.blake2b(after, digest_size=_DIGEST, person=b"potager list", key=bucket.encode()[:64]).digest()
