"""Conditions on an object's ETag and time, in the order of RFC 9110, section 13.2.2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from email.utils import formatdate
from typing import Any

from potager.collect.s3.faults import fault
from potager.store.objects import Entry


def readable(req: Mapping[str, Any], entry: Entry, prefix: str = "") -> None:
    """Raises `PreconditionFailed` (412) or `NotModified` (304) where a read is not to go on.

    `prefix` is `CopySource` for the conditions on a copy's source, which all fail with 412.
    """
    match, none_match = req.get(prefix + "IfMatch"), req.get(prefix + "IfNoneMatch")
    if match is not None:
        if not _matches(match, entry.etag):
            raise fault("PreconditionFailed", Condition="If-Match")
    elif _seconds(req.get(prefix + "IfUnmodifiedSince"), math.inf) < math.floor(entry.modified):
        raise fault("PreconditionFailed", Condition="If-Unmodified-Since")
    since = _seconds(req.get(prefix + "IfModifiedSince"), -math.inf)
    old = math.floor(entry.modified) <= since
    unchanged = old if none_match is None else _matches(none_match, entry.etag)
    if unchanged and prefix:
        raise fault("PreconditionFailed", Condition="If-None-Match" if none_match else "If-Modified-Since")
    if unchanged:
        stamp = {"ETag": f'"{entry.etag}"', "Last-Modified": formatdate(math.floor(entry.modified), usegmt=True)}
        raise fault("NotModified", headers=stamp)


def writable(req: Mapping[str, Any], entry: Entry | None) -> None:
    """Raises `PreconditionFailed` where a write is not to replace what is there, or `NoSuchKey` where nothing is."""
    match, none_match = req.get("IfMatch"), req.get("IfNoneMatch")
    if match is not None:
        if entry is None:
            raise fault("NoSuchKey", Key=req.get("Key"))
        if not _matches(match, entry.etag):
            raise fault("PreconditionFailed", Condition="If-Match")
    if none_match is not None and entry is not None and _matches(none_match, entry.etag):
        raise fault("PreconditionFailed", Condition="If-None-Match")


def _matches(header: str, etag: str) -> bool:
    given = [each.strip().removeprefix("W/").strip('"') for each in header.split(",")]
    return "*" in given or etag in given


def _seconds(given: datetime | None, absent: float) -> float:
    return absent if given is None else given.timestamp()
