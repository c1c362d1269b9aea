"""For every operation: botocore serializes and we parse, we serialize and botocore parses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from potager.kernel.body import Body
from potager.kernel.errors import Invalid, WireError
from potager.wire import model, project, protocols, route
from potager.wire.validate import validate
from tests.wire import client
from tests.wire.sampling import Sampler

EVERY_OPERATION = pytest.mark.parametrize(("service", "name"), client.OPERATIONS)


def seen(shape: Shape | None, value: Any) -> Any:
    """A value as the other side may at best see it: what an empty flattened list or map leaves is nothing."""
    if isinstance(shape, StructureShape) and isinstance(value, dict) and not shape.is_document_type:
        members = {name: seen(shape.members[name], item) for name, item in value.items() if name in shape.members}
        if members.get(str(shape.serialization.get("payload"))) == "":
            del members[shape.serialization["payload"]]
        return {name: item for name, item in members.items() if item not in ([], {}, None)}
    if isinstance(shape, ListShape):
        return [seen(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: seen(shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Body):
        return f"{value.length} bytes"
    return value.decode("latin-1") if isinstance(value, bytes) else value


@EVERY_OPERATION
@pytest.mark.parametrize("optional", [0.0, 1.0])
def test_a_request_of_botocore_is_parsed_into_what_was_asked(service: str, name: str, optional: float) -> None:
    operation = model.operation(service, name)
    sampler = Sampler(f"{service} {name} {optional}", optional)
    params = sampler.structure(operation.input_shape) if operation.input_shape else {}
    request, body = client.request(service, name, params)
    target = route.resolve(request, body if route.is_form(request) else b"")
    assert (target.service, target.region) == (service, "eu-west-1")
    assert target.operation == NEWER.get(name, name)
    if name in NEWER and operation.deprecated:
        return
    heard = protocols.of(target.protocol).parse(operation, request, body, target.labels)
    _drop_what_the_transport_adds(heard, params)
    assert seen(operation.input_shape, heard) == seen(operation.input_shape, params)
    _expect_valid(operation.input_shape, heard, sampler.exact)


NEWER = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
}
"""Operations that look alike on the wire: the newer name wins."""


def _expect_valid(shape: Shape | None, heard: dict[str, Any], exact: bool) -> None:
    try:
        for name in [
            name for name, value in heard.items() if shape and shape.members[name].serialization.get("streaming")
        ]:
            heard[name] = Body.of(heard[name])
        assert seen(shape, validate(shape, heard)) == seen(shape, heard)
    except Invalid:
        assert not exact


@EVERY_OPERATION
@pytest.mark.parametrize("optional", [0.0, 1.0])
def test_a_response_is_read_by_botocore_as_what_was_answered(service: str, name: str, optional: float) -> None:
    operation = model.operation(service, name)
    shape = operation.output_shape
    sampler = Sampler(f"{service} {name} {optional}", optional)
    result = sampler.structure(shape) if shape else {}
    assert not list(project.unknown(shape, result))
    events = _stream(Sampler(f"{service} {name}"), shape, result)
    response = protocols.of(client.PROTOCOLS[service]).serialize(operation, result, "the-request-id")
    if name == "GetBucketNotification":
        pytest.skip("botocore cannot read its flattened `Event` beside `Events`")
    if name == "GetBucketLocation":
        # botocore reads this one in a handler, from the text of the root.
        assert f">{result.get('LocationConstraint', '')}</LocationConstraint>".encode() in response.body
        return
    heard = client.parsed(operation, response, shape)
    told = heard.pop("ResponseMetadata").get("RequestId")
    if shape is not None or client.PROTOCOLS[service] != "smithy-rpc-v2-cbor":  # botocore reads none of an empty answer
        assert told == "the-request-id"
    if shape is not None and shape.event_stream_name:
        del result[shape.event_stream_name]
        stream = shape.members[shape.event_stream_name]
        said = [seen(stream, event) for event in heard.pop(shape.event_stream_name)]
        assert said == [seen(stream, event) for event in events]
    _drop_what_the_transport_adds(heard, result)
    assert seen(shape, heard) == seen(shape, result)


def _stream(sampler: Sampler, shape: StructureShape | None, result: dict[str, Any]) -> list[dict[str, Any]]:
    """One event of every kind that an output's stream has, put into the result as a handler would."""
    if shape is None or not shape.event_stream_name:
        return []
    stream = shape.members[shape.event_stream_name]
    assert isinstance(stream, StructureShape)
    kinds = {name: member for name, member in stream.members.items() if not member.metadata.get("exception")}
    events = [{name: sampler.structure(member)} for name, member in kinds.items() if isinstance(member, StructureShape)]

    async def come() -> AsyncIterator[dict[str, Any]]:
        for event in events:
            yield event

    result[shape.event_stream_name] = come()
    return events


def _drop_what_the_transport_adds(heard: dict[str, Any], result: dict[str, Any]) -> None:
    for name in ("ContentLength", "ContentType", "StatusCode"):
        if name not in result:
            heard.pop(name, None)


ERRORS = {
    (service, error.name): (service, name, error.name)
    for service, name in client.OPERATIONS
    for error in model.operation(service, name).error_shapes
}
"""Each service's errors, each with one of the operations that model it."""


@pytest.mark.parametrize(("service", "name", "error"), list(ERRORS.values()))
def test_an_error_is_read_by_botocore_with_its_code_and_members(service: str, name: str, error: str) -> None:
    operation = model.operation(service, name)
    shape = next(found for found in operation.error_shapes if found.name == error)
    assert isinstance(shape, StructureShape)
    fields = Sampler(f"{service} {error}").structure(shape)
    said = {key: value for key, value in fields.items() if key.lower() != "message"}
    fault = WireError(shape.error_code or shape.name, "it broke <here> & there", 409, fields=said)
    response = protocols.of(client.PROTOCOLS[service]).error(operation, fault, "the-request-id")
    assert response.status == shape.metadata.get("error", {}).get("httpStatusCode", 409)
    heard = client.parsed(operation, response, operation.output_shape)
    assert heard["Error"]["Code"] == shape.error_code
    assert heard["Error"]["Message"] == "it broke <here> & there"
    assert heard["ResponseMetadata"]["RequestId"] == "the-request-id"
    modelled = client.parsed(operation, response, shape)
    assert seen(shape, {key: value for key, value in modelled.items() if key in said}) == seen(shape, said)


@pytest.mark.parametrize("service", list(client.PROTOCOLS))
def test_an_error_that_nobody_models_keeps_its_code_message_and_status(service: str) -> None:
    name = sorted(model.names(service))[0]
    operation = model.operation(service, name)
    fault = WireError("NobodyKnowsException", "1 validation error detected: é", 400)
    for known in (operation, None):
        response = protocols.of(client.PROTOCOLS[service]).error(known, fault, "the-request-id")
        heard = client.parsed(operation, response, operation.output_shape)
        assert response.status == 400
        assert (heard["Error"]["Code"], heard["Error"]["Message"]) == ("NobodyKnowsException", fault.message)
