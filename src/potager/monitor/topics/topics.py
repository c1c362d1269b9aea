"""Topics: created, described, listed, deleted; their attributes and tags."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from potager.kernel import tags
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, NotFound, Unserved, WireError
from potager.kernel.names import Arn
from potager.monitor.topics import retries
from potager.monitor.topics.service import (
    CONFIRMED,
    PAGE,
    PENDING,
    TOPIC,
    Output,
    Req,
    document,
    invalid,
    place,
    sns,
    subscribers,
    topic,
)
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FEEDBACK = re.compile(r"(HTTP|SQS|Lambda|Firehose|Application)(Success|Failure)Feedback(RoleArn|SampleRate)")
UNSERVED = {
    "KmsMasterKeyId": "messages that wait for delivery rest unencrypted",
    "FifoTopic": "there are no FIFO topics",
    "ContentBasedDeduplication": "there are no FIFO topics",
    "ArchivePolicy": "there are no FIFO topics",
    "FifoThroughputScope": "there are no FIFO topics",
    "DataProtectionPolicy": "messages are not looked into",
}
"""Attributes that are refused by name, and why."""
CHECKED = ("DisplayName", "Policy", "DeliveryPolicy", "SignatureVersion", "TracingConfig")


@sns.operation
@partly("standard topics; policies are kept and not asked")
async def create_topic(ctx: Context, req: Req) -> Output:
    """A new topic, or the one of that name where it has the same attributes and tags."""
    name, given, tagged = req["Name"], dict(req.get("Attributes", {})), tags.checked(req.get("Tags", ()))
    if name.endswith(".fifo") or given.get("FifoTopic") == "true":
        raise Unserved("Potager's SNS has no FIFO topics. Choose a name without .fifo, and leave out FifoTopic.")
    if not _NAME.fullmatch(name):
        raise invalid("Topic Name", "A topic's name has 1 to 256 letters, digits, hyphens and underscores.")
    if req.get("DataProtectionPolicy"):
        _check("DataProtectionPolicy", req["DataProtectionPolicy"])
    for member, value in given.items():
        _check(member, value)
    given = {member: value for member, value in given.items() if member not in UNSERVED}
    arn = ctx.arn(name, "sns")

    def write(tx: Tx) -> None:
        found = tx.get(TOPIC, ctx.scope, name)
        if found is None:
            tx.insert(TOPIC, ctx.scope, name, {"Attributes": given}, arn=arn)
            tx.tag(arn, tagged)
            return
        kept = found.doc["Attributes"]
        if any(kept.get(member, "") != value for member, value in given.items()):
            raise invalid("Attributes", "Topic already exists with different attributes")
        if tagged and tx.tags(arn) != tagged:
            raise invalid("Tags", "Topic already exists with different tags")

    await ctx[Rows].write(write)
    return {"TopicArn": arn}


def _check(member: str, value: str) -> None:
    """`Invalid` for an attribute that cannot be, `Unserved` for one that does nothing here."""
    if (why := UNSERVED.get(member)) and value not in ("", "false"):
        raise Unserved(f"Potager does not serve the topic attribute {member}: {why}. Leave it out.")
    if member in UNSERVED or _FEEDBACK.fullmatch(member):
        return
    if member not in CHECKED:
        raise Invalid(f"Invalid parameter: AttributeName {member}")
    if member == "SignatureVersion" and value not in ("1", "2"):
        raise invalid("SignatureVersion", "it is 1 or 2.")
    if member == "TracingConfig" and value != "PassThrough":
        raise Unserved("Potager does not trace messages through SNS. Leave TracingConfig at PassThrough.")
    if member == "Policy" and value:
        document(member, value)
    if member == "DeliveryPolicy" and value:
        retries.check(document(member, value), of_topic=True)


@sns.operation
async def delete_topic(ctx: Context, req: Req) -> None:
    """Removes a topic and its subscriptions; one that is not there is as good as removed."""
    arn = place(ctx, req["TopicArn"])

    def write(tx: Tx) -> None:
        found = tx.get(TOPIC, arn.scope, arn.resource)
        for row in subscribers(tx, arn.scope, str(arn)):
            tx.delete(row)
        if found is not None:
            tx.delete(found)

    await ctx[Rows].write(write)


@sns.operation
async def list_topics(ctx: Context, req: Req) -> Output:
    """The topics of the account in this region, by name."""
    rows, token = await listing(ctx[Rows], TOPIC, ctx.scope, req, descending=False, order_by="name", limit=PAGE)
    return {"Topics": [{"TopicArn": row.arn} for row in rows], "NextToken": token}


@sns.operation
async def get_topic_attributes(ctx: Context, req: Req) -> Output:
    """What was set of a topic, and how many subscriptions it has."""
    arn = place(ctx, req["TopicArn"])

    def read(tx: Tx) -> tuple[Row, list[Row]]:
        return topic(tx, arn), subscribers(tx, arn.scope, str(arn))

    row, found = await ctx[Rows].read(read)
    statuses = [each.status for each in found]
    policy = document("DeliveryPolicy", row.doc["Attributes"].get("DeliveryPolicy") or "{}")
    counts = {"Confirmed": statuses.count(CONFIRMED), "Pending": statuses.count(PENDING), "Deleted": 0}
    shown = {
        "Policy": _usual(arn),
        "Owner": row.account,
        "TopicArn": row.arn,
        "DisplayName": "",
        "EffectiveDeliveryPolicy": json.dumps({"http": _effective(policy)}),
        **{f"Subscriptions{name}": str(count) for name, count in counts.items()},
    }
    return {"Attributes": shown | {name: value for name, value in row.doc["Attributes"].items() if value}}


def _effective(policy: Mapping[str, Any]) -> dict[str, Any]:
    found = retries.effective(policy)
    disabled = bool(policy.get("http", {}).get("disableSubscriptionOverrides"))
    return {
        "defaultHealthyRetryPolicy": found["healthyRetryPolicy"],
        "disableSubscriptionOverrides": disabled,
        "defaultRequestPolicy": found["requestPolicy"],
    }


def _usual(arn: Arn) -> str:
    """The policy of a topic that was given none."""
    actions = ("Publish", "RemovePermission", "SetTopicAttributes", "DeleteTopic", "ListSubscriptionsByTopic")
    more = ("GetTopicAttributes", "AddPermission", "Subscribe")
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in (*actions, *more)],
        "Resource": str(arn),
        "Condition": {"StringEquals": {"AWS:SourceOwner": arn.account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


@sns.operation
async def set_topic_attributes(ctx: Context, req: Req) -> None:
    """Sets one attribute of a topic; without a value it is taken away."""
    arn, name, value = place(ctx, req["TopicArn"]), req["AttributeName"], req.get("AttributeValue", "")
    _check(name, value)

    def write(tx: Tx) -> None:
        row = topic(tx, arn)
        tx.update(row, doc={**row.doc, "Attributes": {**row.doc["Attributes"], name: value}})

    await ctx[Rows].write(write)


def _tagged(ctx: Context, tx: Tx, req: Req) -> Row:
    arn = place(ctx, req["ResourceArn"], "ResourceArn")
    try:
        return topic(tx, arn)
    except NotFound as fault:
        raise WireError("ResourceNotFound", "Resource does not exist", 404) from fault


@sns.operation
async def tag_resource(ctx: Context, req: Req) -> None:
    """Adds tags to a topic, or sets them anew."""
    given = tags.checked(req["Tags"])

    def write(tx: Tx) -> None:
        row = _tagged(ctx, tx, req)
        tx.tag(row.arn, given)

    await ctx[Rows].write(write)


@sns.operation
async def untag_resource(ctx: Context, req: Req) -> None:
    """Takes tags off a topic; those that it does not have are passed over."""
    await ctx[Rows].write(lambda tx: tx.untag(_tagged(ctx, tx, req).arn, req["TagKeys"]))


@sns.operation
async def list_tags_for_resource(ctx: Context, req: Req) -> Output:
    """A topic's tags, by key."""
    found = await ctx[Rows].read(lambda tx: tx.tags(_tagged(ctx, tx, req).arn))
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}
