"""One module a protocol, each with the same three functions, and what several of them share.

    parse(operation, request, body, labels) -> members
    serialize(operation, result, request_id) -> Response
    error(operation | None, error, request_id, request | None) -> Response

`json`, `query`, `rest_json`, `rest_xml` and `cbor` are protocols. `document` (JSON), `dataitem` (CBOR), `element` (XML)
and `text` (headers, queries, forms) turn values into what they look like on the wire; they compile a shape once into
closures, which is what makes a request cost microseconds. `binding` says which member travels in the path, the query, a
header or the body; `events` has the members that are streams of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Protocol, cast

from botocore.model import OperationModel

from potager.kernel.errors import WireError
from potager.wire.message import Request, Response

_MODULES = {
    "json": "json",
    "query": "query",
    "rest-json": "rest_json",
    "rest-xml": "rest_xml",
    "smithy-rpc-v2-cbor": "cbor",
}


class WireProtocol(Protocol):
    """What a module of this package offers."""

    def parse(
        self, operation: OperationModel, request: Request, body: Any, labels: Mapping[str, str] = ...
    ) -> dict[str, Any]:
        """The input's members; `WireError` for what cannot be read."""
        ...

    def serialize(self, operation: OperationModel, result: Mapping[str, Any], request_id: str = ...) -> Response:
        """The output's members as a response; members that the model does not know are left out."""
        ...

    def error(
        self, operation: OperationModel | None, error: WireError, request_id: str = ..., request: Request | None = ...
    ) -> Response:
        """An error as a response; its status is the model's where the model fixes one."""
        ...


_loaded: dict[str, WireProtocol] = {}


def of(protocol: str) -> WireProtocol:
    """The module of a protocol by its name in botocore's models."""
    module = _loaded.get(protocol)
    if module is None:
        module = cast(WireProtocol, import_module(f"{__name__}.{_MODULES[protocol]}"))
        _loaded[protocol] = module
    return module


@cache
def streams(operation: OperationModel) -> bool:
    """Whether the input's payload is a stream, which a handler gets as a `Body` rather than as bytes."""
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape else None
    return bool(payload and shape and shape.members[payload].serialization.get("streaming"))


@cache
def event_members(operation: OperationModel) -> tuple[str | None, str | None]:
    """The members of input and output that are event streams."""
    shapes = (operation.input_shape, operation.output_shape)
    given, answered = (shape.event_stream_name if shape is not None else None for shape in shapes)
    return given, answered
