"""What a request says of itself, as the condition keys of policies: `aws:SourceIp`, `s3:prefix`, `s3:x-amz-acl` ...

The keys of an operation's own members come from the model: whatever travels in a header or in the query is
`s3:<its name there>`. Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from potager.collect.s3.objects import tags
from potager.kernel import clock
from potager.kernel.context import Caller, Context
from potager.kernel.globs import Values
from potager.store.objects import Bucket
from potager.wire import model

OTHERS = frozenset(
    (
        "s3:accessgrantsinstancearn",
        "s3:accesspointnetworkorigin",
        "s3:authtype",
        "s3:bucketnamespace",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:inventoryaccessibleoptionalfields",
        "s3:locationconstraint",
        "s3:object-lock-legal-hold",
        "s3:object-lock-mode",
        "s3:object-lock-remaining-retention-days",
        "s3:object-lock-retain-until-date",
        "s3:objectcreationoperation",
        "s3:requestobjecttagkeys",
        "s3:resourceaccount",
        "s3:signatureage",
        "s3:signatureversion",
        "s3:tlsversion",
        "s3:x-amz-content-sha256",
    )
)
"""S3's keys that no member of an operation is called by."""
FAMILIES = ("s3:existingobjecttag/", "s3:requestobjecttag/", "s3:buckettag/")
"""The beginnings of S3's keys whose end is the name of a tag."""

EXISTING_TAG = FAMILIES[0]


@cache
def known() -> frozenset[str]:
    """All of S3's keys, in lower case, but for the families."""
    return OTHERS | {f"s3:{name}" for operation in model.names("s3") for name in _members(operation).values()}


@cache
def _members(operation: str) -> Mapping[str, str]:
    """The members that travel in headers and query, with their names there in lower case."""
    shape = model.operation("s3", operation).input_shape
    where = {name: member.serialization for name, member in shape.members.items()} if shape else {}
    return {
        name: str(found.get("name", name)).lower()
        for name, found in where.items()
        if found.get("location") in ("header", "querystring")
    }


def values(
    ctx: Context, bucket: Bucket, operation: str, req: Mapping[str, Any], existing: Mapping[str, str] | None = None
) -> Values:
    """The values of all condition keys that the request has; `existing` are the tags of the object that is there."""
    said: dict[str, Sequence[str]] = {key: (value,) for key, value in _general(ctx, bucket).items() if value}
    for member, name in _members(operation).items():
        if isinstance(value := req.get(member), (str, int, datetime)):
            said[f"s3:{name}"] = (_text(value),)
    location = req.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    if location:
        said["s3:locationconstraint"] = (location,)
    said |= {EXISTING_TAG + key.lower(): (value,) for key, value in (existing or {}).items()}
    given = _given_tags(req.get("Tagging"))
    if given:
        said |= {f"s3:requestobjecttag/{key.lower()}": (value,) for key, value in given.items()}
        said["s3:requestobjecttagkeys"] = tuple(given)
    return said


def _general(ctx: Context, bucket: Bucket) -> dict[str, str]:
    origin, now = ctx.origin, datetime.fromtimestamp(clock.now(), UTC)
    said = {
        "aws:currenttime": now.isoformat(),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:securetransport": _text(origin.secure),
        "aws:sourceip": origin.client,
        "aws:useragent": origin.headers.get("user-agent", ""),
        "aws:referer": origin.headers.get("referer", ""),
        "aws:requestedregion": bucket.region,
        "aws:resourceaccount": bucket.account,
        "aws:viaawsservice": "false",
        "aws:principalisawsservice": "false",
        "aws:principaltype": "AssumedRole" if ctx.caller.arn else "Anonymous",
        "aws:userid": ctx.caller.user_id,
        "aws:principalaccount": ctx.account,
        "aws:principalarn": role_of(ctx.caller),
        "s3:resourceaccount": bucket.account,
        "s3:authtype": origin.authentication,
        "s3:x-amz-content-sha256": origin.headers.get("x-amz-content-sha256", ""),
    }
    if origin.signed:
        signed = datetime.strptime(origin.signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        said["s3:signatureage"] = str(max(0, int((now - signed).total_seconds() * 1000)))
    if origin.authentication:
        said["s3:signatureversion"] = "AWS4-HMAC-SHA256" if origin.signed else "AWS"
    return said


def role_of(caller: Caller) -> str:
    """The ARN of the role that a session is of; the caller's own ARN where it is no session."""
    parts = caller.arn.split(":", 5)
    kind, *names = parts[-1].split("/")
    if len(parts) == 6 and kind == "assumed-role" and len(names) == 2:
        return f"arn:{parts[1]}:iam::{parts[4]}:role/{names[0]}"
    return caller.arn


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _given_tags(tagging: Any) -> Mapping[str, str]:
    """Tags out of a header (`a=b&c=d`) or a document."""
    if isinstance(tagging, str):
        return tags.of_header(tagging)
    if not isinstance(tagging, Mapping):
        return {}
    listed = cast("Mapping[str, Any]", tagging).get("TagSet", ())
    return {each.get("Key", ""): each.get("Value", "") for each in listed}
