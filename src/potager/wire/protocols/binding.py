"""Where the members of a rest operation travel: path, query, headers, status, or the body.

    input   labels ─┐                        output  ┌─► status
            query  ─┼─► members ─► handler ─► members ┼─► headers
            headers ┤                                 └─► payload, or all the rest as one document
            body   ─┘

Source: https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from potager.wire.message import Request
from potager.wire.protocols import text
from potager.wire.protocols.shapes import Mistyped, lower_camel


@dataclass
class Inputs:
    """How an operation's input is bound; each reader beside the member it fills.

    `query_maps` are the members that take all parameters that are not `named`, each with whether it takes lists.
    """

    labels: list[tuple[str, str, text.Reader]] = field(default_factory=list[tuple[str, str, text.Reader]])
    query: list[tuple[str, str, text.Reader, bool]] = field(default_factory=list[tuple[str, str, text.Reader, bool]])
    query_maps: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    named: set[str] = field(default_factory=set[str])
    headers: dict[str, tuple[str, text.Reader]] = field(default_factory=dict[str, tuple[str, text.Reader]])
    header_maps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    payload: tuple[str, Shape] | None = None
    has_document: bool = False

    def read(self, request: Request, labels: Mapping[str, str]) -> dict[str, Any]:
        """The members that do not travel in the body."""
        members: dict[str, Any] = {}
        for name, key, read in self.labels:
            if key in labels:
                members[name] = _converted(read, labels[key], name)
        if (self.query or self.query_maps) and request.query:
            for name, key, read, many in self.query:
                if values := request.arguments.get(key):
                    members[name] = (
                        [_converted(read, value, name) for value in values]
                        if many
                        else _converted(read, values[0], name)
                    )
            self._read_query_maps(request, members)
        self._read_headers(request, members)
        return members

    def _read_query_maps(self, request: Request, members: dict[str, Any]) -> None:
        for name, many in self.query_maps:
            given = request.arguments.items()
            others = {key: values for key, values in given if key not in self.named and not key.startswith("X-Amz-")}
            if others:
                members[name] = others if many else {key: values[0] for key, values in others.items()}

    def _read_headers(self, request: Request, members: dict[str, Any]) -> None:
        for key, value in request.headers.items():  # a request has few of the many that an operation knows
            if key in self.headers:
                name, read = self.headers[key]
                try:
                    members[name] = _converted(read, value, name)
                except Mistyped:
                    if not name.endswith("Since"):  # a condition whose date is none is passed over (RFC 9110, 13.1.3)
                        raise
        for name, prefix in self.header_maps:
            cut = len(prefix)
            found = {key[cut:]: value for key, value in request.headers.items() if key.startswith(prefix)}
            if found:
                members[name] = found


def _converted(read: text.Reader, value: str, name: str) -> Any:
    try:
        return read(value)
    except Mistyped as error:
        raise error.within(lower_camel(name)) from None


@dataclass
class Outputs:
    """How an operation's output is bound."""

    headers: dict[str, tuple[str, text.Writer]] = field(default_factory=dict[str, tuple[str, text.Writer]])
    header_maps: dict[str, str] = field(default_factory=dict[str, str])
    status: str | None = None
    payload: tuple[str, Shape] | None = None
    has_document: bool = False

    def in_body(self, name: str) -> bool:
        """Whether a member travels in the body."""
        return name not in self.headers and name not in self.header_maps and name != self.status

    def write_headers(self, result: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The members that travel in headers."""
        headers: list[tuple[str, str]] = []
        for name, value in result.items():
            if value is None:
                continue
            if name in self.headers:
                key, write = self.headers[name]
                if value != [] and not (value == "" and key.lower() == "content-type"):
                    headers.append((key, text.safe_header(write(value))))
            elif name in self.header_maps:
                prefix = self.header_maps[name]
                headers.extend((prefix + key, text.safe_header(str(item))) for key, item in value.items())
        return headers


_inputs: WeakKeyDictionary[OperationModel, Inputs] = WeakKeyDictionary()
_outputs: WeakKeyDictionary[OperationModel, Outputs] = WeakKeyDictionary()


def inputs(operation: OperationModel) -> Inputs:
    """How the operation's input is bound, compiled once."""
    found = _inputs.get(operation)
    if found is None:
        found = _inputs[operation] = _bind_inputs(operation.input_shape)
        literal = operation.http.get("requestUri", "").partition("?")[2]
        found.named = {key for _, key, _, _ in found.query} | {pair.partition("=")[0] for pair in literal.split("&")}
    return found


def outputs(operation: OperationModel) -> Outputs:
    """How the operation's output is bound, compiled once."""
    found = _outputs.get(operation)
    if found is None:
        found = _outputs[operation] = _bind_outputs(operation.output_shape)
    return found


def _bind_inputs(shape: StructureShape | None) -> Inputs:
    bound = Inputs()
    for name, member in shape.members.items() if shape else ():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri":
            bound.labels.append((name, key, text.reader(member)))
        elif location == "querystring":
            _bind_query(bound, name, key, member)
        elif location == "header":
            bound.headers[key.lower()] = (name, text.header_reader(member))
        elif location == "headers":
            bound.header_maps.append((name, key.lower()))
        else:
            bound.has_document = True
    bound.payload = _payload(shape)
    return bound


def _bind_query(bound: Inputs, name: str, key: str, member: Shape) -> None:
    if isinstance(member, ListShape):
        bound.query.append((name, key, text.reader(member.member), True))
    elif isinstance(member, MapShape):  # whatever no other member asks for
        bound.query_maps.append((name, isinstance(member.value, ListShape)))
    else:
        bound.query.append((name, key, text.reader(member), False))


def _bind_outputs(shape: StructureShape | None) -> Outputs:
    bound = Outputs()
    for name, member in shape.members.items() if shape else ():
        location, key = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "header":
            bound.headers[name] = (key, text.header_writer(member))
        elif location == "headers":
            bound.header_maps[name] = key
        elif location == "statusCode":
            bound.status = name
        else:
            bound.has_document = True
    bound.payload = _payload(shape)
    return bound


def _payload(shape: StructureShape | None) -> tuple[str, Shape] | None:
    name = shape.serialization.get("payload") if shape else None
    return (name, shape.members[name]) if shape and name else None
