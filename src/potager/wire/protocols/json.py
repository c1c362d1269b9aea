"""AWS JSON 1.0 and 1.1: one JSON object each way, the operation in X-Amz-Target.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from botocore.model import OperationModel

from potager.kernel.errors import WireError
from potager.wire.eventstream import MEDIA_TYPE
from potager.wire.message import Request, Response
from potager.wire.protocols import document, events, fault

TYPE = "application/x-amz-json-1.1"
_NO_LABELS: Mapping[str, str] = {}


def parse(
    operation: OperationModel, request: Request, body: Any, labels: Mapping[str, str] = _NO_LABELS
) -> dict[str, Any]:
    if isinstance(body, events.Opened):
        return events.members(operation.input_shape, body, EVENTS)
    value = document.loads(body)
    return document.read(operation.input_shape, value) if operation.input_shape else {}


def serialize(operation: OperationModel, result: Mapping[str, Any], request_id: str = "") -> Response:
    if reply := events.reply(operation.output_shape, result, EVENTS):
        return response(200, reply, request_id, MEDIA_TYPE)
    # An operation without output answers an empty body, as SageMaker's Delete operations do.
    data = document.dumps(document.write(operation.output_shape, result)) if operation.output_shape else b""
    return response(200, data, request_id)


def error(
    operation: OperationModel | None, error: WireError, request_id: str = "", request: Request | None = None
) -> Response:
    status, members = fault.body(operation, error, document.write)
    reply = response(status, document.dumps({"__type": error.code, **members}), request_id)
    reply.headers.append(("x-amzn-ErrorType", error.code))
    reply.headers.extend((*fault.query_header(operation, error, status), *error.headers.items()))
    return reply


EVENTS = events.Format(TYPE, document.write_bytes, document.read_bytes)


def response(status: int, data: bytes | AsyncIterator[bytes], request_id: str, kind: str = TYPE) -> Response:
    headers = [("Content-Type", kind)]
    if isinstance(data, bytes):
        headers.append(("Content-Length", str(len(data))))
    if request_id:
        headers.append(("x-amzn-RequestId", request_id))
    return Response(status, headers, data)
