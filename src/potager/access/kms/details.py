"""What a key carries beside its material: a policy, which is kept and shown and asked by nobody, and tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from potager.access.kms.service import Output, Req, change, lasting, named, own, page, service
from potager.kernel import tags
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, LimitReached, WireError
from potager.store.keyring import NoKey
from potager.store.rows import Rows, Tx
from potager.wire.service import partly

POLICY = "default"
"""The one name that a key policy has."""


def checked_policy(text: str) -> str:
    """A policy's text; `MalformedPolicyDocumentException` for one that is no JSON object with statements."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError("MalformedPolicyDocumentException", f"The policy is not JSON: {error}.") from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise WireError("MalformedPolicyDocumentException", "The policy is not a JSON object with a Statement.")
    return text


def checked_tags(given: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Values by key; `TagException` for keys that cannot be."""
    try:
        found = tags.checked({"Key": each["TagKey"], "Value": each["TagValue"]} for each in given)
    except Invalid as fault:
        raise WireError("TagException", fault.message) from fault
    if len(found) > tags.MOST:
        raise LimitReached(f"A key has at most {tags.MOST} tags.")
    return found


def _usual(account: str) -> str:
    """The policy of a key that was given none."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


@service.operation
@partly("policies are kept and not asked")
async def put_key_policy(ctx: Context, req: Req) -> None:
    """Gives a key a policy."""
    _check_name(req)
    text = checked_policy(req["Policy"])
    await change(ctx, req["KeyId"], lambda row: {"_policy": text})


@service.operation
async def get_key_policy(ctx: Context, req: Req) -> Output:
    """A key's policy."""
    _check_name(req)
    row = await ctx[Rows].read(lambda tx: named(ctx, tx, req["KeyId"]))
    return {"Policy": row.doc.get("_policy") or _usual(row.account), "PolicyName": POLICY}


@service.operation
async def list_key_policies(ctx: Context, req: Req) -> Output:
    """The names of a key's policies, of which there is one."""
    await ctx[Rows].read(lambda tx: named(ctx, tx, req["KeyId"]))
    return {"PolicyNames": [POLICY], "Truncated": False}


def _check_name(req: Req) -> None:
    if req.get("PolicyName", POLICY) != POLICY:
        raise NoKey("No such policy exists")


@service.operation
async def tag_resource(ctx: Context, req: Req) -> None:
    """Adds tags to a key, or sets them anew."""
    given = checked_tags(req["Tags"])

    def write(tx: Tx) -> None:
        row = own(lasting(named(ctx, tx, req["KeyId"])))
        tx.tag(row.arn, given)

    await ctx[Rows].write(write)


@service.operation
async def untag_resource(ctx: Context, req: Req) -> None:
    """Takes tags off a key; those that it does not have are passed over."""
    await ctx[Rows].write(lambda tx: tx.untag(own(lasting(named(ctx, tx, req["KeyId"]))).arn, req["TagKeys"]))


@service.operation
async def list_resource_tags(ctx: Context, req: Req) -> Output:
    """A key's tags, by their keys."""
    found = await ctx[Rows].read(lambda tx: tx.tags(named(ctx, tx, req["KeyId"]).arn))
    shown, more = page(req, list(found.items()), lambda pair: pair[0])
    return {"Tags": [{"TagKey": key, "TagValue": value} for key, value in shown], **more}
