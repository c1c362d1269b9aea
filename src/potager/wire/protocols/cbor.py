"""Smithy RPC v2 with CBOR bodies, which newer clients choose where a service has it (CloudWatch, Textract, ...).

    POST /service/<target>/operation/<name>          200
    smithy-protocol: rpc-v2-cbor               ─►    smithy-protocol: rpc-v2-cbor
    content-type: application/cbor                   content-type: application/cbor, unless there is no output

An operation without input takes no body; an empty one is also that of an input without members. Errors name themselves
in `__type`, and for services that spoke Query before in `x-amzn-query-error`.
Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from botocore.model import OperationModel, Shape

from potager.kernel.errors import WireError
from potager.wire.eventstream import MEDIA_TYPE
from potager.wire.message import Request, Response
from potager.wire.protocols import dataitem, document, events, fault
from potager.wire.protocols.shapes import Mistyped

TYPE = "application/cbor"
_NO_LABELS: Mapping[str, str] = {}


def parse(
    operation: OperationModel, request: Request, body: Any, labels: Mapping[str, str] = _NO_LABELS
) -> dict[str, Any]:
    if isinstance(body, events.Opened):
        return events.members(operation.input_shape, body, EVENTS)
    _check_headers(request, body)
    return read(operation.input_shape, body) if operation.input_shape else {}


def _check_headers(request: Request, body: bytes) -> None:
    kind = _media_type(request.headers.get("content-type", ""))
    if body and kind != TYPE:
        raise WireError("UnsupportedMediaTypeException", f"Content-Type must be {TYPE}, got '{kind[:80]}'.", 415)
    accepted = {_media_type(part) for part in request.headers.get("accept", "*/*").split(",")}
    if not accepted & {TYPE, MEDIA_TYPE, "application/*", "*/*"}:
        raise WireError("NotAcceptableException", f"The answer is {TYPE}, which Accept does not name.", 406)


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def read(shape: Shape, body: bytes) -> Any:
    """What a shape makes of a CBOR document; `SerializationException` where it cannot."""
    try:
        return _reader(shape)(dataitem.loads(body) if body else {})
    except dataitem.NotCbor as error:
        raise document.unreadable(f"The request's body is not CBOR: {error}.") from error
    except Mistyped as error:
        raise document.unreadable(f"{error}.") from error


def _blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise document.mistyped(value, "Blob")
    return value


def _timestamp(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise document.mistyped(value, "Timestamp")
    return value


def _float(value: Any) -> float:
    if type(value) is str:
        raise document.mistyped(value, "Double")
    return document.SCALARS["double"](value)


_reader = document.reading(
    {**document.SCALARS, "blob": _blob, "timestamp": _timestamp, "float": _float, "double": _float}
)


EVENTS = events.Format(TYPE, dataitem.write, read)


def serialize(operation: OperationModel, result: Mapping[str, Any], request_id: str = "") -> Response:
    shape = operation.output_shape
    if reply := events.reply(shape, result, EVENTS):
        return response(200, reply, request_id, MEDIA_TYPE)
    return response(200, b"" if shape is None else dataitem.write(shape, result), request_id)


def error(
    operation: OperationModel | None, error: WireError, request_id: str = "", request: Request | None = None
) -> Response:
    shape = fault.shape_of(operation, error.code)
    status = fault.status_of(shape, error)
    # The shape's own name: what it was called in Query stands in the header.
    written = {"__type": dataitem.text(shape.name if shape is not None else error.code)}
    for name, (member, value) in fault.members(shape, error).items():
        written[name] = dataitem.write(member, value)
    if not any(name.lower() == "message" for name in written):
        written["message"] = dataitem.text(error.message)
    members = b"".join(dataitem.text(name) + item for name, item in written.items())
    reply = response(status, dataitem.head(dataitem.MAP, len(written)) + members, request_id)
    reply.headers.extend((*fault.query_header(operation, error, status), *error.headers.items()))
    return reply


def response(status: int, data: bytes | AsyncIterator[bytes], request_id: str, kind: str = TYPE) -> Response:
    headers = [("smithy-protocol", "rpc-v2-cbor")]
    if isinstance(data, bytes):
        headers.append(("Content-Length", str(len(data))))
    if data:
        headers.append(("Content-Type", kind))
    if request_id:
        headers.append(("x-amzn-RequestId", request_id))
    return Response(status, headers, data)
