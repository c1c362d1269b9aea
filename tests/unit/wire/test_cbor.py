"""CBOR as Smithy RPC v2 has it: data items of every spelling, bounds, errors, and the headers around them."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.errors import Fault, WireError
from potager.wire import model, protocols, route
from potager.wire.message import Request
from potager.wire.protocols import dataitem
from tests.wire import client

PATH = "/service/GraniteServiceVersion20100801/operation/"
HEADERS = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}


def parsed(name: str, body: bytes, **headers: str) -> dict[str, Any]:
    request = Request("POST", PATH + name, "", HEADERS | headers)
    return protocols.of("smithy-rpc-v2-cbor").parse(model.operation("cloudwatch", name), request, body, {})


def refused(name: str, body: bytes, **headers: str) -> WireError:
    with pytest.raises(WireError) as caught:
        parsed(name, body, **headers)
    return caught.value


@pytest.mark.parametrize(
    ("hexadecimal", "value"),
    [
        ("00", 0),
        ("1818", 24),
        ("1903e8", 1000),
        ("1b7fffffffffffffff", 2**63 - 1),
        ("3b7fffffffffffffff", -(2**63)),
        ("c24101", 1),
        ("c349010000000000000000", -(2**64) - 1),
        ("f93c00", 1.0),
        ("fa3fc00000", 1.5),
        ("fb3ff199999999999a", 1.1),
        ("f97c00", float("inf")),
        ("f4", False),
        ("f6", None),
        ("f7", None),
        ("63e6bca2", "漢"),
        ("7f6261626163ff", "abc"),
        ("5f41014102ff", b"\x01\x02"),
        ("9f0102ff", [1, 2]),
        ("bf6161f6ff", {"a": None}),
        ("c11a5f5e1000", datetime.fromtimestamp(0x5F5E1000, UTC)),
        ("c1fb41d9e5b0a0200000", datetime.fromtimestamp(1737933440.5, UTC)),
        ("c120", datetime.fromtimestamp(-1, UTC)),
    ],
)
def test_an_item_is_read_however_it_is_spelled(hexadecimal: str, value: Any) -> None:
    found = dataitem.loads(bytes.fromhex(hexadecimal))
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "hexadecimal",
    [
        "",
        "ff",
        "18",
        "1c",
        "0000",
        "61ff",
        "9b7fffffffffffffff00",
        "bb7fffffffffffffff6161",
        "5b7fffffffffffffff00",
        "5f6161ff",
        "5f5f4101ffff",
        "7f4101ff",
        "a10100",
        "bf6161ff",
        "82ff",
        "f818",
        "fc",
        "c0" + "74" + b"2026-11-23T10:00:00Z".hex(),
        "c16161",
        "c1f97e00",
        "c1fb7fefffffffffffff",
        "d81c80",
        "d81d00",
        "d823" + "63" + b"a+a".hex(),
        "c25841" + "ff" * 65,
    ],
)
def test_bytes_that_are_no_item_of_the_protocol_are_refused(hexadecimal: str) -> None:
    with pytest.raises(dataitem.NotCbor):
        dataitem.loads(bytes.fromhex(hexadecimal))


@pytest.mark.parametrize(
    "body",
    [
        b"\x81" * 100_000,
        b"\x9f" * 100_000,
        b"\xc1" * 100_000,
        b"\xa1\x61a" * 100_000,
        b"\x9f" + b"\x00" * (dataitem.MAX_ITEMS + 1) + b"\xff",
        b"\x7f" + b"\x60" * (dataitem.MAX_ITEMS + 1) + b"\xff",
    ],
)
def test_deep_and_endless_documents_are_refused(body: bytes) -> None:
    assert refused("PutMetricData", body).code == "SerializationException"


@given(st.binary(max_size=80))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        assert isinstance(parsed("PutMetricData", body), dict)
    except Fault as fault:
        assert fault.message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(value=VALUES)
@settings(max_examples=200, deadline=None)
def test_what_another_library_writes_is_read_the_same(value: Any) -> None:
    assert dataitem.loads(cbor2.dumps(value)) == value
    out = bytearray()
    dataitem._any(out, [value])
    assert cbor2.loads(bytes(out)) == [value]


def test_members_are_read_and_unknown_or_null_ones_passed_over() -> None:
    body = cbor2.dumps({"Namespace": "n", "Nobody": {"knows": [1]}, "EntityMetricData": None})
    assert parsed("PutMetricData", body) == {"Namespace": "n"}


def test_a_blob_is_bytes_and_a_timestamp_is_tagged() -> None:
    operation = model.operation("textract", "DetectDocumentText")
    read = protocols.of("smithy-rpc-v2-cbor").parse
    request = Request("POST", "/", "", HEADERS)
    assert read(operation, request, cbor2.dumps({"Document": {"Bytes": b"\0\xff"}}), {}) == {
        "Document": {"Bytes": b"\0\xff"}
    }
    with pytest.raises(WireError, match="STRING_VALUE can not be converted to a Blob"):
        read(operation, request, cbor2.dumps({"Document": {"Bytes": "AP8="}}), {})
    data = {"MetricData": [{"MetricName": "m", "Timestamp": 1700000000}]}
    assert "NUMBER_VALUE can not be converted to a Timestamp" in refused("PutMetricData", cbor2.dumps(data)).message


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.5, b"\xfa" + struct.pack(">f", 0.5)),
        (0.1, b"\xfb" + struct.pack(">d", 0.1)),
        (1e300, b"\xfb" + struct.pack(">d", 1e300)),
        (float("nan"), b"\xf9\x7e\x00"),
        (float("-inf"), b"\xf9\xfc\x00"),
    ],
)
def test_a_float_is_written_as_short_as_it_can_be_without_loss(value: float, written: bytes) -> None:
    shape = model.operation("cloudwatch", "PutMetricData").input_shape.members["MetricData"].member  # type: ignore[union-attr]
    assert dataitem.write(shape, {"Value": value}) == b"\xa1\x65Value" + written


def test_no_input_takes_no_body_and_no_output_has_none() -> None:
    assert parsed("ListMetrics", b"") == parsed("ListMetrics", b"\xa0") == parsed("ListMetrics", b"\xbf\xff") == {}
    serialize = protocols.of("smithy-rpc-v2-cbor").serialize
    none = serialize(model.operation("cloudwatch", "PutMetricData"), {}, "id")
    empty = serialize(model.operation("cloudwatch", "PutDashboard"), {}, "id")
    assert (none.body, none.header("content-type"), none.header("smithy-protocol")) == (b"", None, "rpc-v2-cbor")
    assert (empty.body, empty.header("content-type")) == (b"\xa0", "application/cbor")


@pytest.mark.parametrize(
    ("headers", "code", "status"),
    [
        ({"content-type": "application/json"}, "UnsupportedMediaTypeException", 415),
        ({"content-type": ""}, "UnsupportedMediaTypeException", 415),
        ({"accept": "application/json, text/html"}, "NotAcceptableException", 406),
    ],
)
def test_another_media_type_is_refused(headers: dict[str, str], code: str, status: int) -> None:
    error = refused("ListMetrics", b"\xa0", **headers)
    assert (error.code, error.status) == (code, status)


@pytest.mark.parametrize("accept", ["*/*", "application/cbor;q=1", "text/html, application/*"])
def test_a_media_type_that_fits_is_taken(accept: str) -> None:
    assert parsed("ListMetrics", b"\xa0", accept=accept) == {}


@pytest.mark.parametrize(
    ("method", "path", "protocol", "status"),
    [
        ("POST", PATH + "ListMetrics", "rpc-v3-tea", 404),
        ("GET", PATH + "ListMetrics", "rpc-v2-cbor", 405),
        ("POST", "/service/GraniteServiceVersion20100801/operations/ListMetrics", "rpc-v2-cbor", 404),
        ("POST", "/service/Nobody/operation/ListMetrics", "rpc-v2-cbor", 404),
    ],
)
def test_a_request_that_means_nothing_is_refused_in_cbor(method: str, path: str, protocol: str, status: int) -> None:
    request = Request(method, path, "", HEADERS | {"smithy-protocol": protocol})
    with pytest.raises(WireError) as caught:
        route.resolve(request)
    response = route.guess(request).error(caught.value, "id", request)
    assert (response.status, caught.value.code) == (status, "UnknownOperationException")
    assert dataitem.loads(bytes(response.body))["__type"] == "UnknownOperationException"  # type: ignore[arg-type]


def test_a_service_that_spoke_query_says_its_old_code_as_well() -> None:
    operation = model.operation("cloudwatch", "GetDashboard")
    error = WireError("ResourceNotFound", "no such dashboard", 404)
    response = protocols.of("smithy-rpc-v2-cbor").error(operation, error, "id")
    heard = client.parsed(operation, response, operation.output_shape)
    assert heard["Error"] == {
        "Code": "ResourceNotFound",
        "Message": "no such dashboard",
        "QueryErrorCode": "DashboardNotFoundError",
        "Type": "Sender",
    }
