"""The table of SNS's operations, and what they share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from potager.kernel.context import Context
from potager.kernel.errors import Denied, Exists, Invalid, LimitReached, NotFound
from potager.kernel.names import Arn, Scope
from potager.store.pages import Page
from potager.store.rows import Row, Tx
from potager.wire.service import Service

Req = dict[str, Any]
Output = Mapping[str, Any]

TOPIC, SUBSCRIPTION = "sns-topic", "sns-subscription"
"""Kinds of rows."""
PENDING, CONFIRMED = "Pending", "Confirmed"
"""Statuses of subscriptions."""
PAGE = 100
"""Items of one answer, as on AWS."""
EVERY = 10**6
"""More subscriptions than a topic has."""

sns = Service(
    "sns",
    {
        NotFound: ("NotFound", "ResourceNotFound"),
        Exists: ("InvalidParameter",),
        Invalid: ("InvalidParameter",),
        Denied: ("AuthorizationError",),
        LimitReached: ("TagLimitExceeded", "InvalidParameter"),
    },
)


def invalid(member: str, reason: str) -> Invalid:
    """As SNS says that a parameter is wrong."""
    return Invalid(f"Invalid parameter: {member} Reason: {reason}")


def place(ctx: Context, text: str, member: str = "TopicArn", parts: int = 6) -> Arn:
    """The ARN of a topic (six parts) or a subscription (seven), of the caller's own account and region.

    Whoever did not sign is held against nothing: they come with a token, or with an ARN that nobody can guess.
    """
    found = text.split(":")
    if len(found) < parts:
        raise invalid(member, f"An ARN must have at least {parts} elements, not {len(found)}")
    arn = Arn.parse(text)
    if arn.service != "sns" or (ctx.account and (arn.account, arn.region) != (ctx.account, ctx.region)):
        raise Invalid(f"Invalid parameter: {member}")
    return arn


def topic(tx: Tx, arn: Arn) -> Row:
    """A topic; `NotFound` where there is none."""
    found = tx.get(TOPIC, arn.scope, arn.resource)
    if found is None:
        raise NotFound("Topic does not exist")
    return found


def subscription(tx: Tx, arn: Arn) -> Row:
    """A subscription; `NotFound` where there is none."""
    found = tx.get(SUBSCRIPTION, arn.scope, arn.resource)
    if found is None:
        raise NotFound("Subscription does not exist")
    return found


def subscribers(tx: Tx, scope: Scope, topic_arn: str, status: str | None = None) -> list[Row]:
    """The subscriptions of a topic."""
    page = Page(limit=EVERY, order_by="name", status=status, where={"TopicArn": topic_arn})
    return tx.page(SUBSCRIPTION, scope, page)[0]


def document(member: str, text: str) -> dict[str, Any]:
    """An attribute that is a JSON object."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(member, "failed to parse JSON.") from error
    if not isinstance(found, dict):
        raise invalid(member, "it is not a JSON object.")
    return cast("dict[str, Any]", found)
