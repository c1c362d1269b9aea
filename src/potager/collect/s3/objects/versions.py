"""Versions as requests name them and answers show them.

A version's id is what `potager.kernel.ids` makes, or "null", which S3 calls a version that was written while the bucket
kept none. Answers tell ids from the day on which versioning was first turned on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from potager.collect.s3.faults import fault
from potager.store.objects import NULL, Bucket, Entry

_ID = re.compile(r"[A-Za-z0-9_-]{32}")


def asked(req: Mapping[str, Any]) -> str | None:
    """The version that a request is about, None for the current one; `InvalidArgument` for what cannot be an id."""
    given = req.get("VersionId")
    return None if given is None else checked(given, "versionId")


def checked(given: str, argument: str) -> str:
    """The id, if it can be one."""
    if not given:
        raise fault("InvalidArgument", "Version id cannot be the empty string", ArgumentName=argument, ArgumentValue="")
    if given != NULL and not _ID.fullmatch(given):
        raise fault("InvalidArgument", "Invalid version id specified", ArgumentName=argument, ArgumentValue=given)
    return given


def name(entry: Entry) -> str:
    """What a version is called."""
    return entry.version or NULL


def shown(bucket: Bucket, entry: Entry, member: str = "VersionId") -> dict[str, str]:
    """The id as the member of an output; none where the bucket never kept versions."""
    return {} if bucket.versioning is None else {member: name(entry)}
