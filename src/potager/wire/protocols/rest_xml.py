"""REST with XML bodies: S3.

Source: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, Shape, StringShape, StructureShape

from potager.kernel.errors import Invalid, WireError
from potager.wire import errata
from potager.wire.message import Request, Response
from potager.wire.protocols import binding, element, events, fault, xml
from potager.wire.protocols.shapes import Mistyped, lower_camel
from potager.wire.validate import validate

_NO_LABELS: Mapping[str, str] = {}


def parse(
    operation: OperationModel, request: Request, body: Any, labels: Mapping[str, str] = _NO_LABELS
) -> dict[str, Any]:
    bound = binding.inputs(operation)
    try:
        members = bound.read(request, labels)
    except Mistyped as error:
        raise _mistyped(operation, error) from error
    if bound.payload is not None:
        _read_payload(*bound.payload, body, members)
        if operation.input_shape is not None and bound.payload[0] in operation.input_shape.required_members:
            _require(bound.payload[0], members)
    elif bound.has_document and operation.input_shape is not None and body:
        members = {**_read_document(operation.input_shape, body), **members}
    errata.s3_read(members)
    _check(operation, members)
    return members


def _mistyped(operation: OperationModel, error: Mistyped) -> WireError:
    """A number of the query that is none, by the parameter's name, as S3 has it; or whatever else is no such thing."""
    for name, shape in operation.input_shape.members.items() if operation.input_shape else ():
        queried = shape.type_name == "integer" and shape.serialization.get("location") == "querystring"
        if queried and error.path == [lower_camel(name)]:
            key = shape.serialization["name"]
            text = f"Provided {key} not an integer or within integer range"
            return WireError("InvalidArgument", text, fields={"ArgumentName": key})
    return WireError("InvalidArgument", f"{error}.")


def _check(operation: OperationModel, members: Mapping[str, Any]) -> None:
    """Raises what S3 says in words of its own where the model would only have a value wrong or missing."""
    if operation.name in errata.S3_MISSING:
        name, code, message = errata.S3_MISSING[operation.name]
        if not members.get(name):
            raise WireError(code, message)
    for name, (code, message) in errata.S3_UNKNOWN.items():
        if name in members and operation.input_shape is not None:
            shape = operation.input_shape.members[name]
            if isinstance(shape, StringShape) and members[name] not in shape.enum:
                raise WireError(code, message, fields={f"{name}Requested": members[name]})


def _read_payload(name: str, shape: Shape, body: Any, members: dict[str, Any]) -> None:
    if shape.serialization.get("eventstream"):
        members[name] = body.events(shape, EVENTS)
    elif shape.type_name == "blob":
        members[name] = body
    elif shape.type_name == "string":
        members[name] = body.decode("utf-8", "replace")
    elif body:
        members[name] = _read_document(shape, body, whole=True)


def _require(name: str, members: Mapping[str, Any]) -> None:
    if name not in members:
        raise WireError("MissingRequestBodyError", "Request Body is empty")


def _read_document(shape: Shape, body: bytes, *, whole: bool = False) -> Any:
    """What a document says. A `whole` one is held against the model: S3 blames the document for what it lacks."""
    try:
        value = element.read(shape, xml.loads(body))
        if whole:
            validate(shape, value)
        return value
    except (xml.NotXml, Mistyped, Invalid) as error:
        message = "The XML you provided was not well-formed or did not validate against our published schema"
        raise WireError("MalformedXML", f"{message}: {error}"[:500]) from error


def _write_document(shape: Shape, value: Any) -> bytes:
    written = element.write(shape, shape.name, value, milliseconds=True)
    return (xml.DECLARATION + written).encode("utf-8", "replace")


EVENTS = events.Format("text/xml", _write_document, _read_document)


def serialize(operation: OperationModel, result: Mapping[str, Any], request_id: str = "") -> Response:
    bound = binding.outputs(operation)
    status = errata.s3_status(operation.name, result, int(operation.http.get("responseCode", 200)))
    if bound.status is not None and result.get(bound.status):
        status = int(result[bound.status])
    headers = bound.write_headers(result)
    if operation.name in errata.S3_TYPED:
        headers.append(("Content-Type", errata.S3_TYPED[operation.name]))
    data: Any = b""
    if bound.payload is not None:
        data = _write_payload(operation, *bound.payload, result)
    elif bound.has_document and operation.output_shape is not None:
        root = errata.S3_ROOTS.get(operation.name, operation.name + "Result")
        data = _document(operation, operation.output_shape, root, result)
    return response(status, headers, data, request_id)


def _write_payload(operation: OperationModel, name: str, shape: Shape, result: Mapping[str, Any]) -> Any:
    value = result.get(name)
    if isinstance(shape, StructureShape) and shape.serialization.get("eventstream"):
        return events.frames(shape, value, EVENTS)
    if shape.type_name in ("blob", "string"):
        return value.encode() if isinstance(value, str) else b"" if value is None else value
    if value is None:
        return b""
    root = errata.S3_ROOTS.get(operation.name) or shape.serialization.get("name", shape.name)
    return _document(operation, shape, root, value)


def _document(operation: OperationModel, shape: Shape, root: str, value: Mapping[str, Any]) -> bytes:
    namespace = errata.S3_NAMESPACE
    if operation.name in errata.S3_TEXT_ROOTS:
        inner = xml.escape(str(value.get(root) or ""))
        written = f'<{root} xmlns="{namespace}">{inner}</{root}>'
    else:
        written = element.write(shape, root, value, namespace, milliseconds=True)
    return (xml.DECLARATION + written).encode("utf-8", "replace")


def response(status: int, headers: list[tuple[str, str]], data: Any, request_id: str) -> Response:
    names = {name.lower() for name, _ in headers}
    if data and isinstance(data, bytes) and data.startswith(b"<?xml") and "content-type" not in names:
        headers.append(("Content-Type", "application/xml"))
    if isinstance(data, bytes) and "content-length" not in names and status not in (204, 304):
        headers.append(("Content-Length", str(len(data))))
    if request_id:
        headers.extend((("x-amz-request-id", request_id), ("x-amz-id-2", errata.host_id(request_id))))
    return Response(status, headers, data)


def error(
    operation: OperationModel | None, error: WireError, request_id: str = "", request: Request | None = None
) -> Response:
    shape = fault.shape_of(operation, error.code)
    status = fault.status_of(shape, error)
    data = (
        b"" if (request and request.method == "HEAD") or status == 304 else _error_document(error, request_id, request)
    )
    return response(status, list(error.headers.items()), data, request_id)


def _error_document(error: WireError, request_id: str, request: Request | None) -> bytes:
    fields: dict[str, Any] = {"Code": error.code, "Message": error.message, **error.fields}
    if request is not None:
        fields.setdefault("Resource", request.path)
    fields.update({"RequestId": request_id, "HostId": errata.host_id(request_id)})
    inner = "".join(f"<{name}>{xml.escape(str(value))}</{name}>" for name, value in fields.items() if value is not None)
    return f"{xml.DECLARATION}<Error>{inner}</Error>".encode("utf-8", "replace")
