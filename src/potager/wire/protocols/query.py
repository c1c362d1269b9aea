"""AWS Query: a form in, XML out. STS and IAM speak it.

    Action=CreateRole&Version=2010-05-08&RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=b

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from potager.kernel.errors import WireError
from potager.wire.message import Request, Response, form
from potager.wire.protocols import element, fault, text
from potager.wire.protocols.shapes import Compiler, Memo, Mistyped, lower_camel
from potager.wire.protocols.xml import DECLARATION, escape

Branch = dict[str, Any]
"""A form's names, split at their dots: branches by name, and under `""` the value that stands at this very name."""

MAX_DEPTH = 32
_NO_LABELS: Mapping[str, str] = {}


def parse(
    operation: OperationModel, request: Request, body: bytes, labels: Mapping[str, str] = _NO_LABELS
) -> dict[str, Any]:
    fields = {**request.arguments, **form(body.decode("utf-8", "replace"))}
    if operation.input_shape is None:
        return {}
    try:
        return _reader(operation.input_shape)(_tree(fields))
    except Mistyped as error:
        raise WireError("MalformedInput", f"{error}.") from error


def _tree(fields: Mapping[str, list[str]]) -> Branch:
    root: Branch = {}
    for name, values in fields.items():
        parts = name.split(".")
        if len(parts) > MAX_DEPTH:
            raise Mistyped(f"a parameter is nested deeper than {MAX_DEPTH} levels")
        branch = root
        for part in parts:
            branch = cast(Branch, branch.setdefault(part, {})) if part else branch
        branch[""] = values[0]
    return root


Read = Callable[[Branch], Any]


def _build_reader(shape: Shape, memo: Memo[Read]) -> Read:
    if isinstance(shape, StructureShape):
        return _structure_reader(shape, memo)
    if isinstance(shape, ListShape):
        return _list_reader(shape, memo)
    if isinstance(shape, MapShape):
        return _map_reader(shape, memo)
    scalar = text.reader(shape)

    def read_scalar(branch: Branch) -> Any:
        if not isinstance(branch.get(""), str):
            raise Mistyped("Unexpected complex element")
        return scalar(branch[""])

    return memo.put(shape, read_scalar)


def _structure_reader(shape: StructureShape, memo: Memo[Read]) -> Read:
    fields: dict[str, tuple[str, Read]] = {}

    def read_structure(branch: Branch) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, found in branch.items():
            if key in fields:
                name, read_member = fields[key]
                try:
                    members[name] = read_member(found)
                except Mistyped as error:
                    raise error.within(lower_camel(name)) from None
        return members

    memo.put(shape, read_structure)
    for name, member in shape.members.items():
        fields[element.list_name(member, name)] = (name, memo.of(member))
    return read_structure


def _list_reader(shape: ListShape, memo: Memo[Read]) -> Read:
    item: list[Read] = []
    inner = None if shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")

    def read_list(branch: Branch) -> list[Any]:
        return [item[0](entry) for entry in _numbered(branch if inner is None else branch.get(inner, {}))]

    memo.put(shape, read_list)
    item.append(memo.of(shape.member))
    return read_list


def _numbered(branch: Branch) -> list[Branch]:
    """The branches 1, 2, ... in the order of their numbers; gaps are closed, as AWS closes them."""
    numbers = [key for key in branch if key.isascii() and key.isdigit() and len(key) < 9]
    if len(numbers) != len(branch) - ("" in branch):
        raise Mistyped("a list's parameters must be numbered")
    return [branch[key] for key in sorted(numbers, key=int)]


def _map_reader(shape: MapShape, memo: Memo[Read]) -> Read:
    parts: list[Read] = []
    inner = None if shape.serialization.get("flattened") else "entry"
    names = (shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value"))

    def read_map(branch: Branch) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for entry in _numbered(branch if inner is None else branch.get(inner, {})):
            if not all(name in entry for name in names):
                raise Mistyped(f"an entry without {names[0]} or {names[1]}")
            entries[parts[0](entry[names[0]])] = parts[1](entry[names[1]])
        return entries

    memo.put(shape, read_map)
    parts.extend((memo.of(shape.key), memo.of(shape.value)))
    return read_map


_reader = Compiler(_build_reader)


def serialize(operation: OperationModel, result: Mapping[str, Any], request_id: str = "") -> Response:
    shape, inner = operation.output_shape, ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", operation.name + "Result")
        inner = element.write(shape, wrapper, result)
    root = operation.name + "Response"
    metadata = f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata>"
    return response(200, f'<{root} xmlns="{_namespace(operation)}">{inner}{metadata}</{root}>', request_id)


def _namespace(operation: OperationModel | None) -> str:
    return str(operation.metadata.get("xmlNamespace", "")) if operation else ""


def error(
    operation: OperationModel | None, error: WireError, request_id: str = "", request: Request | None = None
) -> Response:
    shape = fault.shape_of(operation, error.code)
    status = fault.status_of(shape, error)
    extra = "".join(
        element.write(member, member.serialization.get("name", name), value)
        for name, (member, value) in fault.members(shape, error).items()
        if name.lower() != "message"
    )
    code = shape.error_code if shape is not None and shape.error_code else error.code
    inner = (
        f"<Error><Type>{fault.sender(status)}</Type><Code>{escape(code)}</Code>"
        f"<Message>{escape(error.message)}</Message>{extra}</Error><RequestId>{escape(request_id)}</RequestId>"
    )
    namespace = f' xmlns="{_namespace(operation)}"' if operation else ""
    reply = response(status, f"<ErrorResponse{namespace}>{inner}</ErrorResponse>", request_id)
    reply.headers.extend(error.headers.items())
    return reply


def response(status: int, document: str, request_id: str) -> Response:
    data = (DECLARATION + document).encode("utf-8", "replace")
    headers = [("Content-Type", "text/xml"), ("Content-Length", str(len(data)))]
    if request_id:
        headers.append(("x-amzn-RequestId", request_id))
    return Response(status, headers, data)
