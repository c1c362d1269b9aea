"""Captured requests as AWS writes them: a JSON document a line.

{"captureData": {"endpointInput":  {"observedContentType", "mode": "INPUT", "data", "encoding"},
                 "endpointOutput": {...}},
 "eventMetadata": {"eventId", "customAttributes", "inferenceId", "inferenceTime"}, "eventVersion": "0"}
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from potager.deploy.capture.terms import Terms
from potager.deploy.router import Exchange
from potager.kernel import ids


def written(terms: Terms, exchanges: Iterable[Exchange]) -> bytes:
    """A line for each exchange, in their order."""
    return "".join(_line(terms, exchange) + "\n" for exchange in exchanges).encode()


def _line(terms: Terms, exchange: Exchange) -> str:
    query, answer = exchange.query, exchange.answer
    data: dict[str, Any] = {}
    if terms.inputs:
        data["endpointInput"] = _half(terms, "INPUT", query.content_type, query.body)
    if terms.outputs and answer is not None:
        data["endpointOutput"] = _half(terms, "OUTPUT", answer.content_type, answer.body)
    about: dict[str, Any] = {"eventId": ids.request_id()}
    if query.attributes:
        about["customAttributes"] = [query.attributes]
    if query.inference_id:
        about["inferenceId"] = query.inference_id
    about["inferenceTime"] = moment(exchange).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(
        {"captureData": data, "eventMetadata": about, "eventVersion": "0"}, ensure_ascii=False, separators=(",", ":")
    )


def _half(terms: Terms, mode: str, content_type: str, body: bytes) -> dict[str, str]:
    text, encoding = _encoded(body, terms.encoding(content_type))
    half = {"observedContentType": content_type} if content_type else {}
    return half | {"mode": mode, "data": text, "encoding": encoding}


def _encoded(body: bytes, encoding: str) -> tuple[str, str]:
    """The text of a body, and how it is encoded: what should be a text and is none is kept as bytes."""
    if encoding != "BASE64":
        try:
            return body.decode(), encoding
        except UnicodeDecodeError:
            pass
    return b64encode(body).decode(), "BASE64"


def moment(exchange: Exchange) -> datetime:
    """When a request came."""
    return datetime.fromtimestamp(exchange.at, UTC)
