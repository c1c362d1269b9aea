"""Cases of every protocol, in `cases/<protocol>.json`, in the manner of botocore's own.

    params    botocore writes a request of them, and we read them back; `read` where we should see something else
    request   raw, as a client other than boto3 may send it: we read `read`, or refuse it with the code `refused`
    result    we write `response` of it, and botocore reads the result back; `heard` where it sees something else
    error     likewise: `heard` is what botocore's parser says of it, when asked for the modelled shape

A suite has a service's metadata and shapes; `input`, `output` and `error` name its shapes. In values a timestamp is
seconds since 1970, a blob its Latin-1 text, a number that is none its name.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore import parsers, serialize
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from potager.kernel.errors import WireError
from potager.wire import protocols
from potager.wire.message import Request, Response
from potager.wire.paths import Node
from potager.wire.protocols.xml import DECLARATION
from potager.wire.validate import validate
from tests.wire.client import received

CASES = [
    pytest.param(suite, case, id=f"{path.stem}: {suite['description']}: {case['id']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.json"))
    for suite in json.loads(path.read_text())
    for case in suite["cases"]
]


def operation_of(suite: dict[str, Any]) -> OperationModel:
    described = {"name": "Do", "http": {"method": "POST", "requestUri": "/", **suite.get("http", {})}}
    described |= {part: {"shape": suite[part]} for part in ("input", "output") if part in suite}
    described["errors"] = [{"shape": suite["error"]}] if "error" in suite else []
    described["endpoint"] = suite.get("endpoint", {})
    if "wrapper" in suite:
        described["output"]["resultWrapper"] = suite["wrapper"]
    service = {"metadata": suite["metadata"], "operations": {"Do": described}, "shapes": suite.get("shapes", {})}
    return ServiceModel(service, "cases").operation_model("Do")


def meant(shape: Shape | None, value: Any) -> Any:
    """A case's value as Python has it."""
    if value is None or shape is None:
        return value
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        return {name: meant(shape.members[name], item) for name, item in value.items()}
    if isinstance(shape, ListShape):
        return [meant(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: meant(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    if shape.type_name == "blob":
        return value.encode("latin-1")
    return float(value) if shape.type_name in ("float", "double") else value


def shown(shape: Shape | None, value: Any) -> str:
    """A value to be compared: botocore leaves `Infinity` a text, and has time zones of its own."""

    def plain(shape: Shape | None, value: Any) -> Any:
        if isinstance(shape, StructureShape) and not shape.is_document_type:
            return {name: plain(shape.members.get(name), value[name]) for name in sorted(value)}
        if isinstance(shape, ListShape):
            return [plain(shape.member, item) for item in value]
        if isinstance(shape, MapShape):
            return {key: plain(shape.value, item) for key, item in value.items()}
        if isinstance(value, bytearray):
            return bytes(value)
        if isinstance(value, datetime):
            return value.timestamp()
        return float(value) if shape is not None and shape.type_name in ("float", "double") and value else value

    return repr(plain(shape, value))


def bytes_of(said: dict[str, Any]) -> bytes:
    return bytes.fromhex(said["hex"]) if "hex" in said else said.get("body", "").encode()


def read(suite: dict[str, Any], request: Request, body: bytes) -> dict[str, Any]:
    """What we read out of a request."""
    operation = operation_of(suite)
    protocol = suite["metadata"]["protocol"]
    labels: dict[str, str] = {}
    if protocol.startswith("rest"):
        tree = Node()
        tree.add(operation.http["method"], operation.http["requestUri"], "cases", "Do")
        found = tree.find(request.method, request.path)
        assert found is not None, request.path
        labels = found[1]
    parsed = protocols.of(protocol).parse(operation, request, body, labels)
    return validate(operation.input_shape, parsed) if suite.get("validated") else parsed


@pytest.mark.parametrize(("suite", "case"), [each for each in CASES if "params" in each.values[1]])
def test_what_botocore_writes_is_read(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite)
    params = meant(operation.input_shape, case["params"])
    written = serialize.create_serializer(suite["metadata"]["protocol"], False).serialize_to_request(params, operation)
    prepare_request_dict(written, "http://localhost:8484", context={})
    request, body = received(create_request_object(written).prepare())
    expected = meant(operation.input_shape, case.get("read", case["params"]))
    assert shown(operation.input_shape, read(suite, request, body)) == shown(operation.input_shape, expected)


@pytest.mark.parametrize(("suite", "case"), [each for each in CASES if "request" in each.values[1]])
def test_what_other_clients_write_is_read_or_refused(suite: dict[str, Any], case: dict[str, Any]) -> None:
    said = case["request"]
    headers = {"host": "localhost", **suite.get("headers", {}), **said.get("headers", {})}
    method = said.get("method", suite.get("http", {}).get("method", "POST"))
    request = Request(method, said.get("path", "/"), said.get("query", ""), headers)
    if "refused" in case:
        with pytest.raises(WireError) as caught:
            read(suite, request, bytes_of(said))
        assert (caught.value.code, caught.value.status) == (case["refused"], case.get("status", 400))
        return
    shape = operation_of(suite).input_shape
    assert shown(shape, read(suite, request, bytes_of(said))) == shown(shape, meant(shape, case["read"]))


def heard(suite: dict[str, Any], response: Response, shape: Shape | None) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    streams = isinstance(shape, StructureShape) and "streaming" in str(suite["shapes"])
    answer = {
        "status_code": response.status,
        "headers": HeadersDict(dict(response.headers)),
        "body": bytearray(response.body) if streams else response.body,  # boto3 leaves a stream as it is
        "context": {"operation_name": "Do"},
    }
    said = parsers.create_parser(suite["metadata"]["protocol"]).parse(answer, shape)
    said.pop("ResponseMetadata", None)
    return said


def expect(response: Response, said: dict[str, Any]) -> None:
    """Status, the headers that are named (None: absent) and the very bytes of the body, without XML's declaration."""
    assert response.status == said.get("status", 200)
    for name, value in said.get("headers", {}).items():
        assert response.header(name) == value, name
    if "body" in said or "hex" in said:
        body = response.body
        assert isinstance(body, bytes)
        assert body.removeprefix(DECLARATION.encode()) == bytes_of(said)


@pytest.mark.parametrize(("suite", "case"), [each for each in CASES if "result" in each.values[1]])
def test_what_we_write_is_read_by_botocore(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite)
    shape = operation.output_shape
    result = meant(shape, case["result"])
    response = protocols.of(suite["metadata"]["protocol"]).serialize(operation, result, "the-id")
    expect(response, case["response"])
    assert shown(shape, heard(suite, response, shape)) == shown(shape, meant(shape, case.get("heard", case["result"])))


@pytest.mark.parametrize(("suite", "case"), [each for each in CASES if "error" in each.values[1]])
def test_errors_that_we_write_are_read_by_botocore(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite)
    raised = WireError(**case["error"])
    response = protocols.of(suite["metadata"]["protocol"]).error(operation, raised, "the-id")
    expect(response, case["response"])
    shape = next(iter(operation.error_shapes), None)
    found = heard(suite, response, None) | (heard(suite, response, shape) if shape is not None else {})
    assert found == case["heard"]
