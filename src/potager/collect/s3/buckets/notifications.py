"""Whom a bucket tells of what happens in it. What happens is written down (`records.py`); later features deliver it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, cast

from botocore.model import StringShape

from potager.collect.s3.buckets.records import BRIDGE, NOTIFICATION, TARGETS, affixes, matches
from potager.collect.s3.faults import fault
from potager.collect.s3.service import Req, operation
from potager.kernel.context import Context
from potager.kernel.errors import WireError
from potager.store.objects import Objects
from potager.wire import model

SERVICES = {"TopicConfigurations": "sns", "QueueConfigurations": "sqs", "LambdaFunctionConfigurations": "lambda"}
MOST_TARGETS = 100
LONGEST_ID = 255


@operation
async def put_bucket_notification_configuration(ctx: Context, req: Req) -> None:
    """Has a bucket tell of what happens in it, or with an empty configuration tell nothing any more."""
    configuration = checked(req["NotificationConfiguration"])
    await ctx[Objects].configure(
        req["Bucket"], lambda bucket: replace(bucket, doc={**bucket.doc, NOTIFICATION: configuration})
    )


@operation
async def get_bucket_notification_configuration(ctx: Context, req: Req) -> Mapping[str, Any]:
    """What a bucket tells to whom; nothing where it was never asked to."""
    return (await ctx[Objects].bucket(req["Bucket"])).doc.get(NOTIFICATION, {})


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration, each target with an id; else what S3 says of a bad one."""
    good: dict[str, Any] = {}
    for kind, member in TARGETS.items():
        if targets := given.get(kind):
            good[kind] = [_target(kind, member, target) for target in targets]
    if BRIDGE in given:
        good[BRIDGE] = {}
    everybody: list[dict[str, Any]] = [target for kind in TARGETS for target in good.get(kind, ())]
    if len(everybody) > MOST_TARGETS:
        raise _bad("The number of configurations is more than a bucket may have.", len(everybody))
    if len({target["Id"] for target in everybody}) < len(everybody):
        raise _bad("Configuration IDs must be unique.", None)
    for one, other in combinations(everybody, 2):
        if _overlap(one, other):
            text = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
            raise _bad(text, one["Id"])
    return good


def _target(kind: str, member: str, given: Mapping[str, Any]) -> dict[str, Any]:
    name = given.get("Id") or secrets.token_urlsafe(36)
    if len(name) > LONGEST_ID:
        raise _bad(f"Configuration ID may not be longer than {LONGEST_ID} characters.", name)
    parts = given[member].split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or parts[2] != SERVICES[kind] or not parts[5]:
        raise _bad("The ARN could not be parsed", given[member])
    for event in given["Events"]:
        if event not in _events():
            raise _bad("A specified event is not supported for notifications.", event)
    if not given["Events"]:
        raise fault("MalformedXML")
    good = {**given, "Id": name}
    if "Filter" in given:
        good["Filter"] = {"Key": {"FilterRules": _rules(given["Filter"].get("Key", {}).get("FilterRules", ()))}}
    return good


def _rules(given: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The rules of a filter, with their names as S3 gives them back."""
    good: list[dict[str, str]] = []
    for rule in given:
        name = rule.get("Name", "").lower()
        if name not in ("prefix", "suffix"):
            raise _bad("filter rule name must be either prefix or suffix", rule.get("Name"))
        if any(each["Name"].lower() == name for each in good):
            raise _bad(f"Cannot specify more than one {name} rule in a filter.", None)
        if len(rule.get("Value", "").encode("utf-8", "surrogatepass")) > 1024:
            raise _bad("Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation", None)
        good.append({"Name": name.capitalize(), "Value": rule.get("Value", "")})
    return good


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether an object could be told of to both for the same event."""
    shared = any(matches(a, b) or matches(b, a) for a in one["Events"] for b in other["Events"])
    (prefix, suffix), (prefix2, suffix2) = affixes(one), affixes(other)
    beginnings = prefix.startswith(prefix2) or prefix2.startswith(prefix)
    return shared and beginnings and (suffix.endswith(suffix2) or suffix2.endswith(suffix))


def _events() -> frozenset[str]:
    return frozenset(cast("StringShape", model.load("s3").shape_for("Event")).enum)


def _bad(text: str, value: object) -> WireError:
    return fault("InvalidArgument", text, ArgumentValue=value)
