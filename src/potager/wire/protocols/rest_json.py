"""REST with JSON bodies: sagemaker-runtime and its sisters.

Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from potager.kernel.errors import WireError
from potager.wire.eventstream import MEDIA_TYPE
from potager.wire.message import Request, Response
from potager.wire.protocols import binding, document, events, fault
from potager.wire.protocols.shapes import Mistyped

_NO_LABELS: Mapping[str, str] = {}


def parse(
    operation: OperationModel, request: Request, body: Any, labels: Mapping[str, str] = _NO_LABELS
) -> dict[str, Any]:
    bound = binding.inputs(operation)
    try:
        members = bound.read(request, labels)
    except Mistyped as error:
        raise document.unreadable(f"{error}.") from error
    if bound.payload is not None:
        _read_payload(*bound.payload, body, members)
    elif bound.has_document and operation.input_shape is not None:
        in_body = document.read(operation.input_shape, document.loads(body))
        members.update({name: value for name, value in in_body.items() if name not in members})
    return members


def _read_payload(name: str, shape: Shape, body: Any, members: dict[str, Any]) -> None:
    if shape.serialization.get("eventstream"):
        members[name] = body.events(shape, EVENTS)
    elif shape.type_name == "blob":
        members[name] = body
    elif shape.type_name == "string":
        members[name] = body.decode("utf-8", "replace")
    elif body:
        members[name] = document.read(shape, document.loads(body))


EVENTS = events.Format("application/json", document.write_bytes, document.read_bytes)


def serialize(operation: OperationModel, result: Mapping[str, Any], request_id: str = "") -> Response:
    bound = binding.outputs(operation)
    headers = bound.write_headers(result)
    status = int(operation.http.get("responseCode", 200))
    if bound.status is not None and result.get(bound.status):
        status = int(result[bound.status])
    data: Any = b""
    kind = "application/json"
    if bound.payload is not None:
        data, kind = _write_payload(*bound.payload, result)
    elif operation.output_shape is not None:
        body_members = {name: value for name, value in result.items() if bound.in_body(name)}
        data = document.dumps(document.write(operation.output_shape, body_members))
    return response(status, headers, data, kind, request_id)


def _write_payload(name: str, shape: Shape, result: Mapping[str, Any]) -> tuple[Any, str]:
    value = result.get(name)
    if isinstance(shape, StructureShape) and shape.serialization.get("eventstream"):
        return events.frames(shape, value, EVENTS), MEDIA_TYPE
    if shape.type_name in ("blob", "string"):
        return (
            value.encode() if isinstance(value, str) else b"" if value is None else value
        ), "application/octet-stream"
    return (b"" if value is None else document.dumps(document.write(shape, value))), "application/json"


def response(status: int, headers: list[tuple[str, str]], data: Any, kind: str, request_id: str) -> Response:
    names = {name.lower() for name, _ in headers}
    if "content-type" not in names:
        headers.append(("Content-Type", kind))
    if isinstance(data, bytes) and "content-length" not in names:
        headers.append(("Content-Length", str(len(data))))
    if request_id:
        headers.append(("x-amzn-RequestId", request_id))
    return Response(status, headers, data)


def error(
    operation: OperationModel | None, error: WireError, request_id: str = "", request: Request | None = None
) -> Response:
    status, members = fault.body(operation, error, document.write)
    headers = [("x-amzn-ErrorType", error.code), *error.headers.items()]
    return response(status, headers, document.dumps(members), "application/json", request_id)
