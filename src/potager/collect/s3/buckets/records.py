"""What a bucket is asked to tell, and how it tells it: records as S3 sends them to queues, topics and functions.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote_plus

from potager.collect.s3.owners import canonical
from potager.kernel import clock
from potager.kernel.context import Context
from potager.store.entries import Entry, Note
from potager.store.events import Event, Events, Told
from potager.store.objects import Bucket

NOTIFICATION = "NotificationConfiguration"
"""Where a bucket's document has what is to be told to whom."""
TARGETS = {
    "TopicConfigurations": "TopicArn",
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
"""Lists of a configuration, and what names the target in each."""
BRIDGE = "EventBridgeConfiguration"
LIFECYCLE = "s3.amazonaws.com"
"""Who a lifecycle rule is, in records."""
_EMPTY = "d41d8cd98f00b204e9800998ecf8427e"

acting: ContextVar[Context | None] = ContextVar("acting", default=None)
"""The surroundings of the request under way."""


def observer(events: Events) -> Callable[[Bucket], Note | None]:
    """What `Objects.observe` is to be."""

    def observe(bucket: Bucket) -> Note | None:
        configuration = bucket.doc.get(NOTIFICATION)
        if not configuration:
            return None
        ctx = acting.get()

        def describe(name: str, entry: Entry) -> Told | None:
            name = "ObjectCreated:Post" if name == "ObjectCreated:Put" and _is_form(ctx) else name
            told = list(_told(configuration, f"s3:{name}", entry.key))
            bridged = BRIDGE in configuration
            if not told and not bridged:
                return None
            doc = {"Record": _record(bucket, name, entry, ctx), "Destinations": told, "EventBridge": bridged}
            return "s3", name, f"arn:aws:s3:::{bucket.name}/{entry.key}", doc

        return events.note(describe)

    return observe


def delivered(event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
    """The targets of an event of S3, by ARN, and the record that each is to get."""
    for target in event.doc["Destinations"]:
        record = event.doc["Record"]
        shown = {**record["s3"], "configurationId": target["Id"]}
        shown["object"] = {**shown["object"], "sequencer": f"{event.id:018X}"}
        yield target["Arn"], {**record, "s3": shown}


def matches(pattern: str, name: str) -> bool:
    """Whether an event type of a configuration, which may end with `*`, takes an event's name."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def affixes(target: Mapping[str, Any]) -> tuple[str, str]:
    """The prefix and the suffix that a target asks for."""
    given = target.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    rules = {rule.get("Name", "").lower(): rule.get("Value", "") for rule in given}
    return rules.get("prefix", ""), rules.get("suffix", "")


def _told(configuration: Mapping[str, Any], name: str, key: str) -> Iterator[dict[str, str]]:
    for kind, member in TARGETS.items():
        for target in configuration.get(kind, ()):
            prefix, suffix = affixes(target)
            asked = any(matches(pattern, name) for pattern in target["Events"])
            if asked and key.startswith(prefix) and key.endswith(suffix):
                yield {"Id": target["Id"], "Arn": target[member]}


def _is_form(ctx: Context | None) -> bool:
    """Whether an object is put by a form; one that nobody signed is told by its content type."""
    if ctx is None or ctx.account:
        return ctx is not None and ctx.origin.authentication == "POST"
    return ctx.origin.headers.get("content-type", "").startswith("multipart/form-data")


def _record(bucket: Bucket, name: str, entry: Entry, ctx: Context | None) -> dict[str, Any]:
    expiring = name.startswith("LifecycleExpiration")
    principal = LIFECYCLE if ctx is None or expiring else f"AWS:{ctx.caller.user_id}"
    return {
        "eventVersion": "2.3" if expiring or name.startswith(("ObjectTagging", "ObjectAcl")) else "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": clock.iso(clock.now()),
        "eventName": name,
        "userIdentity": {"principalId": principal},
        "requestParameters": {"sourceIPAddress": ctx.origin.client if ctx and not expiring else LIFECYCLE},
        "responseElements": {"x-amz-request-id": ctx.request_id if ctx and not expiring else ""},
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": canonical(bucket.account)},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": _object(name, entry),
        },
    }


def _object(name: str, entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": quote_plus(entry.key.encode("utf-8", "surrogatepass"), safe="/")}
    if name.endswith(":DeleteMarkerCreated"):
        shown["eTag"] = _EMPTY
    elif not name.endswith(":Delete") or name.startswith("ObjectTagging"):
        shown |= {"size": entry.size, "eTag": entry.etag}
    if entry.version is not None:
        shown["versionId"] = entry.version
    return shown
