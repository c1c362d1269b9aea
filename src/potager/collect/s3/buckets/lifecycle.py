"""The lifecycle configuration of a bucket: kept as it was given, if it is good. `expiry.py` carries it out.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from potager.collect.s3 import naming
from potager.collect.s3.buckets import tagging
from potager.collect.s3.buckets.expiry import LIFECYCLE, Expirer
from potager.collect.s3.buckets.rules import DAY
from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.kernel.errors import Unserved, WireError
from potager.store.objects import Bucket, Objects

MOST_RULES = 1000
LONGEST_ID = 255
MOST_NEWER = 100
"""Newer noncurrent versions that a rule may keep."""
SMALLEST_MOVED = "TransitionDefaultMinimumObjectSize"
ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
TRANSITIONS = ("Transitions", "NoncurrentVersionTransitions")


@operation
async def put_bucket_lifecycle_configuration(ctx: Context, req: Req) -> Mapping[str, Any]:
    """Has a bucket do away with its objects by rules, in the place of those that it had."""
    given = req.get("LifecycleConfiguration")
    if given is None:
        raise fault("MissingRequestBodyError")
    smallest = req.get(SMALLEST_MOVED, "all_storage_classes_128K")
    configuration = {"Rules": checked(given["Rules"]), SMALLEST_MOVED: smallest}
    await ctx[Objects].configure(
        req["Bucket"], lambda bucket: replace(bucket, doc={**bucket.doc, LIFECYCLE: configuration})
    )
    ctx[Expirer].wake(req["Bucket"])
    return {SMALLEST_MOVED: smallest}


@operation
async def get_bucket_lifecycle_configuration(ctx: Context, req: Req) -> Mapping[str, Any]:
    """The rules of a bucket, as they were given."""
    bucket = await ctx[Objects].bucket(req["Bucket"])
    if LIFECYCLE not in bucket.doc:
        raise fault("NoSuchLifecycleConfiguration", BucketName=bucket.name)
    return bucket.doc[LIFECYCLE]


@operation
async def delete_bucket_lifecycle(ctx: Context, req: Req) -> None:
    """Has a bucket keep its objects."""

    def without(bucket: Bucket) -> Bucket:
        return replace(bucket, doc={name: value for name, value in bucket.doc.items() if name != LIFECYCLE})

    await ctx[Objects].configure(req["Bucket"], without)


def checked(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules, each with an id and with its date in seconds since 1970; else what S3 says of a bad one."""
    if not 0 < len(rules) <= MOST_RULES:
        raise fault("MalformedXML")
    named = [_checked(rule) for rule in rules]
    if len({rule["ID"] for rule in named}) < len(named):
        raise _argument("Rule ID must be unique. Found same ID for more than one rule")
    return named


def _checked(rule: Mapping[str, Any]) -> dict[str, Any]:
    name = rule.get("ID") or secrets.token_urlsafe(36)
    if len(name) > LONGEST_ID:
        raise _argument(f"ID length should not exceed allowed limit of {LONGEST_ID}")
    for member in TRANSITIONS:
        if member in rule:
            raise Unserved(f"Potager has one storage class and moves no object to another. Leave out {member}.")
    if not any(action in rule for action in ACTIONS):
        raise fault("InvalidRequest", "At least one action needs to be specified in a rule")
    good = {**rule, "ID": name}
    _check_filter(rule)
    if "Expiration" in rule:
        good["Expiration"] = _expiration(rule["Expiration"])
    if "NoncurrentVersionExpiration" in rule:
        _check_noncurrent(rule["NoncurrentVersionExpiration"])
    if "AbortIncompleteMultipartUpload" in rule:
        _positive(rule["AbortIncompleteMultipartUpload"], "DaysAfterInitiation", "AbortIncompleteMultipartUpload")
    return good


def _check_filter(rule: Mapping[str, Any]) -> None:
    if ("Filter" in rule) == ("Prefix" in rule):
        raise fault("MalformedXML")
    given: Mapping[str, Any] = rule.get("Filter", {"Prefix": rule.get("Prefix", "")})
    if len([name for name in given if name != "Prefix" or given[name]]) > 1:
        raise fault("MalformedXML")
    both: Mapping[str, Any] = given.get("And", {})
    if "And" in given and len(both) + max(0, len(both.get("Tags", ())) - 1) < 2:
        raise fault("MalformedXML")
    naming.prefix(given.get("Prefix", "") or both.get("Prefix", ""))
    tags = [given["Tag"]] if "Tag" in given else both.get("Tags", [])
    tagging.checked(tags)
    sizes = {**given, **both}
    _check_sizes(sizes.get("ObjectSizeGreaterThan"), sizes.get("ObjectSizeLessThan"))
    _check_reach(rule, bool(tags), bool(sizes.keys() & {"ObjectSizeGreaterThan", "ObjectSizeLessThan"}))


def _check_sizes(larger: int | None, smaller: int | None) -> None:
    if (larger is not None and larger < 0) or (smaller is not None and smaller < 1):
        raise fault("InvalidRequest", "The object sizes of a Filter have to be positive")
    if larger is not None and smaller is not None and smaller <= larger:
        text = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'"
        raise fault("InvalidRequest", text)


def _check_reach(rule: Mapping[str, Any], tags: bool, sizes: bool) -> None:
    """Uploads under way and delete markers have no tags and no size that a rule could ask for."""
    untagged = {"AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload" in rule}
    untagged["ExpiredObjectDeleteMarker"] = "ExpiredObjectDeleteMarker" in rule.get("Expiration", {})
    for action, asked in untagged.items():
        if asked and tags:
            raise fault("InvalidRequest", f"{action} cannot be specified with Tags.")
        if asked and sizes:
            raise fault("InvalidRequest", f"{action} cannot be specified with object size.")


def _expiration(given: Mapping[str, Any]) -> dict[str, Any]:
    if len(given) != 1:
        raise fault("MalformedXML")
    if "Days" in given:
        _positive(given, "Days", "Expiration")
    if "Date" not in given:
        return dict(given)
    date: datetime = given["Date"]
    if date.timestamp() % DAY:
        raise _argument("'Date' must be at midnight GMT")
    return {"Date": date.timestamp()}


def _check_noncurrent(given: Mapping[str, Any]) -> None:
    _positive(given, "NoncurrentDays", "NoncurrentVersionExpiration")
    if not 1 <= given.get("NewerNoncurrentVersions", 1) <= MOST_NEWER:
        raise _argument(f"'NewerNoncurrentVersions' must be between 1 and {MOST_NEWER}")


def _positive(given: Mapping[str, Any], member: str, action: str) -> None:
    if member not in given:
        raise fault("MalformedXML")
    if given[member] < 1:
        raise _argument(f"'{member}' for {action} action must be a positive integer")


def _argument(text: str) -> WireError:
    return fault("InvalidArgument", text)
