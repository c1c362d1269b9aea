"""What became of an asynchronous request, and how SNS topics are told of it.

Source of the layout: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MOST_INCLUDED = 128 * 1024
"""Bytes of a response that a notice carries, as on AWS."""

_REQUEST = {
    "accept": "accept",
    "content_type": "contentType",
    "attributes": "customAttributes",
    "endpoint": "endpointName",
    "input": "inputLocation",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Parameters
    ----------
    location : of the object with the answer, or with what the model said in its place; None where there is none.
    body : of that object; empty where it was not kept in memory.
    reason : why there is no answer, "" where there is one.
    """

    location: str | None
    content_type: str = ""
    body: bytes = b""
    reason: str = ""


def topic(doc: Mapping[str, Any], outcome: Outcome) -> str | None:
    """The ARN of the topic that is told; None where none is."""
    return doc["notices"].get("ErrorTopic" if outcome.reason else "SuccessTopic")


def notice(doc: Mapping[str, Any], region: str, received: float, at: float, outcome: Outcome) -> dict[str, Any]:
    """AWS's notice of a request, `doc` of its row, that came and was done with at these times."""
    told: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _instant(at),
        "receivedTime": _instant(received),
        "invocationStatus": "Failed" if outcome.reason else "Completed",
        "requestParameters": {name: doc[key] for key, name in _REQUEST.items() if doc[key]},
    }
    if outcome.reason:
        told["failureReason"] = outcome.reason
    if outcome.location:
        place = "failureLocation" if outcome.reason else "outputLocation"
        told["responseParameters"] = {"contentType": outcome.content_type, place: outcome.location}
    if _included(doc, outcome):
        told["responseBody"] = {"content": base64.b64encode(outcome.body).decode(), "encoding": "BASE64"}
    return told | {
        "inferenceId": doc["inference_id"],
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _included(doc: Mapping[str, Any], outcome: Outcome) -> bool:
    kind = "ERROR_NOTIFICATION_TOPIC" if outcome.reason else "SUCCESS_NOTIFICATION_TOPIC"
    return kind in doc["notices"].get("IncludeInferenceResponseIn", ()) and 0 < len(outcome.body) <= MOST_INCLUDED


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
