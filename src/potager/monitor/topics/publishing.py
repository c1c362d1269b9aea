"""Publish: a message is written down for every subscription that wants it, and brought there afterwards."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from potager.kernel import clock, ids
from potager.kernel.context import Context
from potager.kernel.errors import Fault, Invalid, Unserved, WireError
from potager.kernel.names import Arn
from potager.monitor.topics import filters
from potager.monitor.topics.delivery import Deliverer
from potager.monitor.topics.messages import NOTIFICATION
from potager.monitor.topics.service import CONFIRMED, Output, Req, document, invalid, place, sns, subscribers, topic
from potager.store.rows import Row, Rows, Tx
from potager.wire.service import partly

LARGEST = 256 * 1024
"""Bytes of a message with its attributes, and of a batch."""
MOST = 10
"""Messages of a batch."""
LONGEST_SUBJECT = 100
_ENTRY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TYPE = re.compile(r"(String|Number|Binary)(\.[A-Za-z0-9._-]+)?")


@sns.operation
@partly("to topics alone")
async def publish(ctx: Context, req: Req) -> Output:
    """Sends a message to whoever subscribes to a topic; once this answers, it is not lost."""
    if req.get("PhoneNumber"):
        raise Unserved("Potager sends no SMS. Publish to a topic: leave out PhoneNumber and give TopicArn.")
    arn = place(ctx, _target(req))
    message = _message(arn, req)
    if _size(req) > LARGEST:
        raise Invalid("Invalid parameter: Message too long")
    await _send(ctx, arn, [message])
    return {"MessageId": message["MessageId"]}


def _target(req: Req) -> str:
    given = [req[member] for member in ("TopicArn", "TargetArn") if req.get(member)]
    if len(given) != 1:
        raise Invalid("Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter")
    if given[0].count(":") > 5 or ":endpoint/" in given[0]:
        raise Unserved("Potager has no mobile push. Publish to a topic: give its TopicArn.")
    return given[0]


@sns.operation
@partly("to topics alone")
async def publish_batch(ctx: Context, req: Req) -> Output:
    """Up to ten messages at once; each is taken or refused by itself."""
    arn, entries = place(ctx, req["TopicArn"]), req["PublishBatchRequestEntries"]
    _check_batch(entries)
    taken: list[dict[str, Any]] = []
    succeeded: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            message = _message(arn, entry)
        except Fault as fault:
            told = {"Code": "InvalidParameter", "Message": fault.message, "SenderFault": True}
            failed.append({"Id": entry["Id"], **told})
            continue
        taken.append(message)
        succeeded.append({"Id": entry["Id"], "MessageId": message["MessageId"]})
    await _send(ctx, arn, taken)
    return {"Successful": succeeded, "Failed": failed}


def _check_batch(entries: Sequence[Mapping[str, Any]]) -> None:
    names = [entry["Id"] for entry in entries]
    if not entries:
        raise WireError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > MOST:
        raise WireError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
    if len(set(names)) < len(names):
        raise WireError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    if not all(_ENTRY.fullmatch(name) for name in names):
        raise WireError("InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the rules.")
    if sum(map(_size, entries)) > LARGEST:
        text = "The length of all the batch messages put together is more than the limit."
        raise WireError("BatchRequestTooLong", text)


def _message(arn: Arn, req: Mapping[str, Any]) -> dict[str, Any]:
    """A message as it rests; `Invalid` for one that cannot be."""
    if req.get("MessageDeduplicationId"):
        text = "The request includes MessageDeduplicationId parameter that is not valid for this topic type"
        raise Invalid(f"Invalid parameter: {text}")
    if not req["Message"]:
        raise Invalid("Invalid parameter: Empty message")
    subject = req.get("Subject")
    if subject is not None and not _is_subject(subject):
        raise Invalid("Invalid parameter: Subject")
    return {
        "MessageId": ids.request_id(),
        "TopicArn": str(arn),
        "Timestamp": clock.iso(clock.now()),
        "Subject": subject,
        "Texts": _texts(req),
        "MessageAttributes": {
            name: _attribute(name, value) for name, value in req.get("MessageAttributes", {}).items()
        },
    }


def _is_subject(text: str) -> bool:
    return 0 < len(text) <= LONGEST_SUBJECT and text.isprintable() and not text[0].isspace()


def _texts(req: Mapping[str, Any]) -> dict[str, str]:
    """The message by protocol; `default` is for those that are not named."""
    structure = req.get("MessageStructure")
    if structure is None or structure == "":
        return {"default": req["Message"]}
    if structure != "json":
        raise Invalid("Invalid parameter: MessageStructure")
    try:
        texts = document("Message Structure", req["Message"])
    except Invalid as fault:
        raise invalid("Message Structure", "JSON message body failed to parse") from fault
    if not isinstance(texts.get("default"), str):
        raise Invalid("Invalid parameter: Message Structure - No default entry in JSON message body")
    return {name: text for name, text in texts.items() if isinstance(text, str)}


def _attribute(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    """A message attribute as documents have it."""
    kind, text, blob = given["DataType"], given.get("StringValue"), given.get("BinaryValue")
    if not _TYPE.fullmatch(kind):
        raise _bad(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes "
            "is Binary, Number, and String."
        )
    if kind.startswith("Binary"):
        if not blob:
            raise _bad(f"The message attribute '{name}' must contain a non-empty BinaryValue.")
        return {"Type": kind, "Value": base64.b64encode(blob).decode()}
    if not text:
        raise _bad(f"The message attribute '{name}' must contain non-empty message attribute value.")
    if kind.startswith("Number") and not _is_number(text):
        raise _bad(f"Could not cast message attribute '{name}' value to number.")
    if kind == "String.Array" and not _is_array(text):
        raise _bad(f"The message attribute '{name}' is no JSON array of strings, numbers, true, false and null.")
    return {"Type": kind, "Value": text}


def _bad(text: str) -> WireError:
    return WireError("ParameterValueInvalid", text)


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _is_array(text: str) -> bool:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and not any(isinstance(each, (list, dict)) for each in cast("list[Any]", found))


def _size(req: Mapping[str, Any]) -> int:
    attributes = req.get("MessageAttributes", {}).items()
    texts = [req["Message"], *(text for name, each in attributes for text in _parts(name, each))]
    return sum(len(text if isinstance(text, bytes) else text.encode("utf-8", "replace")) for text in texts)


def _parts(name: str, attribute: Mapping[str, Any]) -> list[str | bytes]:
    """What counts of a message attribute."""
    return [name, attribute["DataType"], attribute.get("StringValue", ""), attribute.get("BinaryValue", b"")]


async def _send(ctx: Context, arn: Arn, messages: Sequence[Mapping[str, Any]]) -> None:
    """Writes messages down for those who want them, and has them brought there."""
    deliverer = ctx[Deliverer]

    def write(tx: Tx) -> list[Row]:
        topic(tx, arn)
        return [
            deliverer.put(tx, row, _delivery(row, message))
            for row in subscribers(tx, arn.scope, str(arn), CONFIRMED)
            for message in messages
            if _wants(row, message)
        ]

    deliverer.wake(await ctx[Rows].write(write))


def _wants(row: Row, message: Mapping[str, Any]) -> bool:
    attributes = row.doc["Attributes"]
    if not attributes.get("FilterPolicy"):
        return True
    policy, scope = json.loads(attributes["FilterPolicy"]), attributes.get("FilterPolicyScope", filters.ATTRIBUTES)
    return filters.matches(policy, scope, message["MessageAttributes"], _text(row, message))


def _text(row: Row, message: Mapping[str, Any]) -> str:
    return message["Texts"].get(row.doc["Protocol"], message["Texts"]["default"])


def _delivery(row: Row, message: Mapping[str, Any]) -> dict[str, Any]:
    """What one subscription gets."""
    kept = {name: value for name, value in message.items() if name != "Texts"}
    return {**kept, "Type": NOTIFICATION, "Text": _text(row, message)}
