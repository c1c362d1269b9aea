"""Subscriptions: asked for, confirmed by whoever owns the endpoint, listed, ended; their attributes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from potager.kernel import clock, ids
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, Unserved, WireError
from potager.monitor.topics import filters, retries
from potager.monitor.topics.delivery import Deliverer
from potager.monitor.topics.messages import CONFIRMATION
from potager.monitor.topics.service import (
    CONFIRMED,
    PAGE,
    PENDING,
    SUBSCRIPTION,
    Output,
    Req,
    document,
    invalid,
    place,
    sns,
    subscribers,
    subscription,
    topic,
)
from potager.store.listing import listing
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

WEB, POST = ("http", "https"), ("email", "email-json")
OTHERS = ("sms", "sqs", "application", "lambda", "firehose")
"""Protocols that SNS has and this does not."""
TOKEN_LIFE = 2 * 86_400.0
"""Seconds in which a subscription can be confirmed."""
WAITS = "PendingConfirmation"
"""What lists have for the ARN of a subscription that nobody has confirmed."""
DEFAULTS = {"RawMessageDelivery": "false"}
ATTRIBUTES = ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery")
UNSERVED = ("RedrivePolicy", "SubscriptionRoleArn", "ReplayPolicy")
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,253}")


@sns.operation
@partly("http, https, email and email-json")
async def subscribe(ctx: Context, req: Req) -> Output:
    """Asks an endpoint whether it wants what is published; it gets nothing else before it says so."""
    arn, protocol, endpoint = place(ctx, req["TopicArn"]), req["Protocol"], req.get("Endpoint", "")
    _check_endpoint(ctx, protocol, endpoint)
    given = dict(req.get("Attributes", {}))
    _check_all(given, protocol)
    deliverer = ctx[Deliverer]

    def write(tx: Tx) -> tuple[Row, list[Row]]:
        topic(tx, arn)
        row = _known(tx, ctx, str(arn), protocol, endpoint)
        if row is not None and any(row.doc["Attributes"].get(name) != value for name, value in given.items()):
            raise invalid("Attributes", "Subscription already exists with different attributes")
        if row is None:
            name = f"{arn.resource}:{ids.uuid()}"  # by the ARN anybody may unsubscribe
            doc = {"TopicArn": str(arn), "Protocol": protocol, "Endpoint": endpoint, "Attributes": given}
            doc |= {"_principal": ctx.caller.arn, "_token": secrets.token_hex(128), "_asked": clock.now()}
            row = tx.insert(SUBSCRIPTION, arn.scope, name, doc, arn=ctx.arn(name, "sns"), status=PENDING)
        elif row.status == PENDING:
            row = tx.update(row, doc={**row.doc, "_asked": clock.now()})
        return row, [deliverer.put(tx, row, _question())] if row.status == PENDING else []

    row, asked = await ctx[Rows].write(write)
    deliverer.wake(asked)
    shown = row.arn if row.status == CONFIRMED or req.get("ReturnSubscriptionArn") else "pending confirmation"
    return {"SubscriptionArn": shown}


def _check_endpoint(ctx: Context, protocol: str, endpoint: str) -> None:
    if protocol in OTHERS:
        raise Unserved(f"Potager's SNS does not deliver by {protocol}. Use one of {', '.join((*WEB, *POST))}.")
    if protocol in WEB:
        _check_url(protocol, endpoint)
    elif protocol not in POST:
        raise invalid("Protocol", f"{protocol} is none of {', '.join((*WEB, *POST))}.")
    elif not _ADDRESS.fullmatch(endpoint):
        raise Invalid("Invalid parameter: Email address")
    elif ctx[Deliverer].mail is None:
        raise Invalid(
            f"Invalid parameter: Protocol Reason: {protocol} needs a server for mail, and none is set. Start Potager "
            "with --smtp-host and --smtp-from."
        )


def _check_url(protocol: str, endpoint: str) -> None:
    try:
        url = urlsplit(endpoint)
        good = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        good = False
    if not good or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        raise Invalid("Invalid parameter: HTTP(S) Endpoint")
    if not endpoint.startswith(f"{protocol}://"):
        raise invalid("Endpoint", "Endpoint must match the specified protocol")


def _check_all(attributes: Mapping[str, str], protocol: str) -> None:
    for name, value in attributes.items():
        if name == "FilterPolicy" and value:
            filters.check(document(name, value), attributes.get("FilterPolicyScope", filters.ATTRIBUTES))
        elif name != "FilterPolicy":
            _check(name, value, protocol)


def _check(name: str, value: str, protocol: str) -> None:
    """`Invalid` for an attribute that cannot be, `Unserved` for one that does nothing here."""
    if name in UNSERVED:
        raise Unserved(f"Potager's SNS does not serve the subscription attribute {name}. Leave it out.")
    if name not in ATTRIBUTES:
        raise Invalid("Invalid parameter: AttributeName")
    if name == "RawMessageDelivery":
        if value.lower() not in ("true", "false"):
            raise invalid(name, f"Invalid value [{value}]. Must be true or false.")
        if value.lower() == "true" and protocol in POST:
            raise invalid(name, f"Delivery protocol [{protocol}] does not support raw message delivery.")
    if name == "FilterPolicyScope" and value not in (filters.ATTRIBUTES, filters.BODY):
        raise invalid(name, f"Invalid value [{value}]. Please use either MessageBody or MessageAttributes")
    if name == "DeliveryPolicy" and value:
        retries.check(document(name, value), of_topic=False)


def _known(tx: Tx, ctx: Context, topic_arn: str, protocol: str, endpoint: str) -> Row | None:
    """The subscription of an endpoint to a topic."""
    same = (protocol, endpoint)
    found = subscribers(tx, ctx.scope, topic_arn)
    return next((row for row in found if (row.doc["Protocol"], row.doc["Endpoint"]) == same), None)


def _question() -> dict[str, Any]:
    return {"Type": CONFIRMATION, "MessageId": ids.request_id(), "Timestamp": clock.iso(clock.now())}


@sns.operation
async def confirm_subscription(ctx: Context, req: Req) -> Output:
    """Takes the token that the endpoint was sent. Nobody has to sign: who has the token has the endpoint."""
    arn, token = place(ctx, req["TopicArn"]), req["Token"]
    guarded = req.get("AuthenticateOnUnsubscribe", "").lower() == "true" and bool(ctx.account)

    def asked(tx: Tx) -> Row:
        topic(tx, arn)
        for row in subscribers(tx, arn.scope, str(arn)):
            if secrets.compare_digest(row.doc["_token"].encode(), token.encode("utf-8", "replace")):
                return row
        raise Invalid("Invalid token")

    def write(tx: Tx) -> Row:
        return _confirmed(tx, tx.get(SUBSCRIPTION, found.scope, found.name) or found, guarded, bool(ctx.account))

    found = await ctx[Rows].read(asked)  # strangers without a token have nobody wait for the writer
    return {"SubscriptionArn": (await ctx[Rows].write(write)).arn}


def _confirmed(tx: Tx, row: Row, guarded: bool, authenticated: bool) -> Row:
    if row.status == CONFIRMED:
        return row
    if clock.now() > row.doc["_asked"] + TOKEN_LIFE:
        raise Invalid("Invalid token: it has expired. Subscribe again.")
    return tx.update(row, doc={**row.doc, "_guarded": guarded, "_authenticated": authenticated}, status=CONFIRMED)


@sns.operation
async def unsubscribe(ctx: Context, req: Req) -> None:
    """Ends a subscription. Whoever gets its messages may, unsigned, unless it was confirmed otherwise."""
    arn = place(ctx, req["SubscriptionArn"], "SubscriptionArn", 7)

    def write(tx: Tx) -> None:
        row = tx.get(SUBSCRIPTION, arn.scope, arn.resource)
        if row is None:
            return
        if not ctx.account and row.doc.get("_guarded"):
            text = "This subscription is ended by its owner alone. Sign the request."
            raise WireError("AuthorizationError", text, 403)
        tx.delete(row)

    if await ctx[Rows].get(SUBSCRIPTION, arn.scope, arn.resource) is not None:
        await ctx[Rows].write(write)


@sns.operation
async def list_subscriptions(ctx: Context, req: Req) -> Output:
    """The subscriptions of the account in this region."""
    return await _listed(ctx, req, {})


@sns.operation
async def list_subscriptions_by_topic(ctx: Context, req: Req) -> Output:
    """The subscriptions of a topic."""
    arn = place(ctx, req["TopicArn"])
    await ctx[Rows].read(lambda tx: topic(tx, arn))
    return await _listed(ctx, req, {"TopicArn": str(arn)})


async def _listed(ctx: Context, req: Req, where: Mapping[str, str]) -> Output:
    rows, token = await listing(
        ctx[Rows], SUBSCRIPTION, ctx.scope, req, descending=False, order_by="name", limit=PAGE, where=where
    )
    shown = [
        {
            "SubscriptionArn": row.arn if row.status == CONFIRMED else WAITS,
            "Owner": row.account,
            **{name: row.doc[name] for name in ("Protocol", "Endpoint", "TopicArn")},
        }
        for row in rows
    ]
    return {"Subscriptions": shown, "NextToken": token}


@sns.operation
async def get_subscription_attributes(ctx: Context, req: Req) -> Output:
    """What was set of a subscription."""
    arn = place(ctx, req["SubscriptionArn"], "SubscriptionArn", 7)

    def read(tx: Tx) -> tuple[Row, Row]:
        row = subscription(tx, arn)
        return row, topic(tx, place(ctx, row.doc["TopicArn"]))

    row, of = await ctx[Rows].read(read)
    own = {name: value for name, value in row.doc["Attributes"].items() if value}
    shown = {
        "SubscriptionArn": row.arn,
        "Owner": row.account,
        "ConfirmationWasAuthenticated": str(row.doc.get("_authenticated", False)).lower(),
        "PendingConfirmation": str(row.status == PENDING).lower(),
        "SubscriptionPrincipal": row.doc["_principal"],
        **{name: row.doc[name] for name in ("Protocol", "Endpoint", "TopicArn")},
        **DEFAULTS,
        **own,
    }
    if "FilterPolicy" in own:
        shown.setdefault("FilterPolicyScope", filters.ATTRIBUTES)
    if row.doc["Protocol"] in WEB:
        policies = [json.loads(each.doc["Attributes"].get("DeliveryPolicy") or "{}") for each in (of, row)]
        shown["EffectiveDeliveryPolicy"] = json.dumps(retries.effective(*policies))
    return {"Attributes": shown}


@sns.operation
async def set_subscription_attributes(ctx: Context, req: Req) -> None:
    """Sets one attribute of a subscription; without a value it is taken away."""
    arn = place(ctx, req["SubscriptionArn"], "SubscriptionArn", 7)
    name, value = req["AttributeName"], req.get("AttributeValue", "")
    if name not in ATTRIBUTES:
        _check(name, value, "")

    def write(tx: Tx) -> None:
        row = subscription(tx, arn)
        kept = {each: text for each, text in row.doc["Attributes"].items() if each != name}
        attributes = kept | ({name: value} if value else {})
        _check_all(attributes, row.doc["Protocol"])
        tx.update(row, doc={**row.doc, "Attributes": attributes})

    await ctx[Rows].write(write)
