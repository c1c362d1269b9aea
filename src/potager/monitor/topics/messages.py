"""What subscribers are sent: JSON documents with their headers, and mails.

Sources: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html and http-header.html beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
VERSION = "2010-03-31"
"""Of SNS's Query interface."""
AGENT = "Amazon Simple Notification Service Agent"
SUBJECT = "AWS Notification Message"
"""Of a mail whose message has none."""
CONFIRM_SUBJECT = "AWS Notification - Subscription Confirmation"

Document = dict[str, Any]


def confirmation(message_id: str, topic_arn: str, token: str, url: str, at: str) -> Document:
    """Asks the owner of an endpoint whether it is to be subscribed; `url` is where this server is reached."""
    asked = {"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token, "Version": VERSION}
    told = (
        f"You have chosen to subscribe to the topic {topic_arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    return {
        "Type": CONFIRMATION,
        "MessageId": message_id,
        "Token": token,
        "TopicArn": topic_arn,
        "Message": told,
        "SubscribeURL": f"{url}/?{urlencode(asked)}",
        "Timestamp": at,
    }


def notification(message: Mapping[str, Any], text: str) -> Document:
    """What was published; `text` is the message for the subscription's protocol."""
    subject = {"Subject": message["Subject"]} if message.get("Subject") else {}
    return {
        "Type": NOTIFICATION,
        "MessageId": message["MessageId"],
        "TopicArn": message["TopicArn"],
        **subject,
        "Message": text,
        "Timestamp": message["Timestamp"],
    }


def unsubscribe_url(subscription_arn: str, url: str) -> str:
    """The link by which whoever gets a message ends that."""
    asked = {"Action": "Unsubscribe", "SubscriptionArn": subscription_arn, "Version": VERSION}
    return f"{url}/?{urlencode(asked)}"


def body(document: Mapping[str, Any]) -> bytes:
    """A document as it is sent."""
    return json.dumps(document, indent=2, separators=(",", " : "), ensure_ascii=False).encode("utf-8", "replace")


def headers(document: Mapping[str, Any], subscription_arn: str, kind: str, *, raw: bool) -> dict[str, str]:
    """The headers of a POST; `kind` is its content type."""
    found = {
        "x-amz-sns-message-type": document["Type"],
        "x-amz-sns-message-id": document["MessageId"],
        "x-amz-sns-topic-arn": document["TopicArn"],
    }
    if document["Type"] == NOTIFICATION:
        found["x-amz-sns-subscription-arn"] = subscription_arn
    if raw:
        found["x-amz-sns-rawdelivery"] = "true"
    return {**found, "Content-Type": kind, "User-Agent": AGENT}


def mail(document: Mapping[str, Any], display_name: str, unsubscribe: str) -> tuple[str, str]:
    """The subject and the text of a mail."""
    topic = display_name or document["TopicArn"]
    if document["Type"] == CONFIRMATION:
        text = (
            f"You have chosen to subscribe to the topic:\n{topic}\n\n"
            f"To confirm this subscription, click or visit the link below (If this was in error no action is "
            f"necessary):\n{document['SubscribeURL']}\n"
        )
        return CONFIRM_SUBJECT, text
    footer = (
        "--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to "
        f"unsubscribe:\n{unsubscribe}\n"
    )
    return document.get("Subject") or SUBJECT, f"{document['Message']}\n\n{footer}"
