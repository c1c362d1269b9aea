"""Conditions on an object's ETag and time, in the order of RFC 9110, section 13.2.2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import formatdate
from typing import Any

from potager.collect.s3.faults import fault
from potager.kernel.errors import WireError
from potager.store.objects import Entry


def readable(req: Mapping[str, Any], entry: Entry, prefix: str = "") -> None:
    """Raises `PreconditionFailed` (412) or `NotModified` (304) where a read is not to go on.

    `prefix` is `CopySource` for the conditions on a copy's source, which all fail with 412.
    """
    match, none_match = req.get(prefix + "IfMatch"), req.get(prefix + "IfNoneMatch")
    named = "x-amz-copy-source-" if prefix else ""
    if match is not None:
        if not _matches(match, entry.etag):
            raise fault("PreconditionFailed", Condition=f"{named}If-Match")
    elif _seconds(req.get(prefix + "IfUnmodifiedSince"), math.inf) < math.floor(entry.modified):
        raise fault("PreconditionFailed", Condition=f"{named}If-Unmodified-Since")
    since = _seconds(req.get(prefix + "IfModifiedSince"), -math.inf)
    old = math.floor(entry.modified) <= since
    unchanged = old if none_match is None else _matches(none_match, entry.etag)
    if unchanged and prefix:
        raise fault("PreconditionFailed", Condition=named + ("If-None-Match" if none_match else "If-Modified-Since"))
    if unchanged:
        stamp = {"ETag": f'"{entry.etag}"', "Last-Modified": formatdate(math.floor(entry.modified), usegmt=True)}
        raise fault("NotModified", headers=stamp)


def conditional(req: Mapping[str, Any]) -> bool:
    """Whether a write depends on what is there; `NotImplemented` for values that S3 does not take on a write."""
    match, none_match = req.get("IfMatch"), req.get("IfNoneMatch")
    if match is not None and none_match is not None:
        raise _untaken("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
    if none_match not in (None, "*"):
        raise _untaken("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
    if match == "*":
        raise _untaken("If-Match", "We don't accept the provided value of If-Match header for this API")
    return match is not None or none_match is not None


def _untaken(header: str, why: str) -> WireError:
    return fault("NotImplemented", Header=header, additionalMessage=why)


def writable(req: Mapping[str, Any], entry: Entry | None) -> None:
    """Raises `PreconditionFailed` where a write is not to replace what is there, or `NoSuchKey` where nothing is."""
    match = req.get("IfMatch")
    if match is not None and entry is None:
        raise fault("NoSuchKey", Key=req.get("Key"))
    if match is not None and entry is not None and not _matches(match, entry.etag):
        raise fault("PreconditionFailed", Condition="If-Match")
    if req.get("IfNoneMatch") is not None and entry is not None:
        raise fault("PreconditionFailed", Condition="If-None-Match")


def completable(req: Mapping[str, Any], entry: Entry | None, begun: float, replacing: bool) -> None:
    """As `writable`, and `ConditionalRequestConflict` where the object came or went while its parts were sent.

    `begun` is when the upload was, in seconds since 1970; `replacing` whether an object was there then.
    """
    writable(req, entry)
    came = req.get("IfMatch") is not None and entry is not None and entry.modified > begun
    went = req.get("IfNoneMatch") is not None and replacing
    if came or went:
        condition = "If-Match" if came else "If-None-Match"
        raise fault("ConditionalRequestConflict", Condition=condition, Key=req.get("Key"))


def deletable(req: Mapping[str, Any], entry: Entry | None) -> None:
    """As `writable`, for a deletion: `If-Match: *` asks that an object is there at all."""
    match = req.get("IfMatch")
    if entry is None and match == "*":
        raise fault("PreconditionFailed", Condition="If-Match")
    writable({"IfMatch": match, "Key": req.get("Key")}, entry)
    if entry is None:
        return
    time, size = req.get("IfMatchLastModifiedTime"), req.get("IfMatchSize")
    if size not in (None, entry.size) or (time is not None and int(time.timestamp()) != int(entry.modified)):
        raise fault("PreconditionFailed", Condition="If-Match")


def _matches(header: str, etag: str) -> bool:
    given = [each.strip().removeprefix("W/").strip('"') for each in header.split(",")]
    return "*" in given or etag in given


def _seconds(given: datetime | None, absent: float) -> float:
    return absent if given is None else given.timestamp()
