"""What a client may send, and for how long, over real connections and through the real pipeline; nobody has signed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from potager.gateway import exchange, pipeline
from potager.gateway.connection import MOST_HEAD
from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire import message, model, protocols, route
from potager.wire.message import Request, form
from potager.wire.protocols import document, xml
from tests.wire.serving import served

JSON = "x-amz-target: SageMaker.ListModels\r\ncontent-type: application/x-amz-json-1.1"
FORM = "content-type: application/x-www-form-urlencoded"
CBOR = "smithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor"


async def said(port: int, head: str, *parts: bytes) -> bytes:
    """All that the server says until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nhost: localhost\r\n\r\n".encode())
    writer.writelines(parts)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("head", "limit"),
    [
        (f"POST / HTTP/1.1\r\n{JSON}", pipeline.DOCUMENT_LIMIT),
        (f"POST /service/Textract/operation/DetectDocumentText HTTP/1.1\r\n{CBOR}", pipeline.DOCUMENT_LIMIT),
        (f"POST / HTTP/1.1\r\n{FORM}", route.MAX_FORM),
        ("POST /endpoints/e/invocations HTTP/1.1", pipeline.DOCUMENT_LIMITS["rest-json"]),
        ("POST /bucket?delete HTTP/1.1", pipeline.DOCUMENT_LIMITS["rest-xml"]),
    ],
)
async def test_a_body_that_is_too_large_is_refused_before_it_comes(head: str, limit: int) -> None:
    async with served() as port:
        assert b" 413 " in await said(port, f"{head}\r\ncontent-length: {limit + 2**20 + 2}", b"x" * (2**20 + 1))


@pytest.mark.parametrize("length", ["content-length: 100", "transfer-encoding: chunked"])
@pytest.mark.parametrize("kind", [JSON, FORM])
async def test_a_document_that_does_not_come_is_given_up(
    monkeypatch: pytest.MonkeyPatch, kind: str, length: str
) -> None:
    monkeypatch.setattr(pipeline, "DOCUMENT_TIME", 0.01)
    monkeypatch.setattr(exchange, "SETTLE_TIME", 0.01)
    async with served() as port:
        answer = await said(port, f"POST / HTTP/1.1\r\n{kind}\r\n{length}", b"1")
    assert b"RequestTimeout" in answer
    assert b"connection: close" in answer


async def test_a_document_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", -1.0)
    monkeypatch.setattr(exchange, "LEAST_RATE", 10**9)
    async with served() as port:
        answer = await said(port, f"POST / HTTP/1.1\r\n{JSON}\r\ncontent-length: 100", b"{")
    assert b"too slowly" in answer


async def test_all_bodies_together_have_a_limit_and_give_their_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MOST_HELD", 100)
    async with served() as port:
        for size, status in ((100, b" 400 "), (101, b" 503 "), (100, b" 400 ")):
            head = f"POST / HTTP/1.1\r\n{FORM}\r\ncontent-length: {size}\r\nconnection: close"
            assert status in await said(port, head, b"Action=".ljust(size, b"x"))


def test_parameters_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message, "MOST_FIELDS", 3)
    assert form("a=1&b=2&c=3") == {"a": ["1"], "b": ["2"], "c": ["3"]}
    with pytest.raises(WireError) as caught:
        form("a=1&b=2&c=3&d=4")
    assert (caught.value.code, caught.value.status) == ("MalformedQueryString", 400)


def test_a_query_never_has_too_many_parameters() -> None:
    assert MOST_HEAD < message.MOST_FIELDS


HUGE = b"\xc2\x5a\x00\x0f\x42\x40" + b"1" * 10**6


def read(service: str, name: str, protocol: str, body: bytes) -> WireError:
    request = Request("POST", "/", "", {"content-type": "application/cbor"}, Body.of(b""))
    with pytest.raises(WireError) as caught:
        protocols.of(protocol).parse(model.operation(service, name), request, body, {})
    return caught.value


@pytest.mark.parametrize(
    ("service", "name", "protocol", "body", "code"),
    [
        ("sagemaker", "Search", "json", b"[" * 10**6, "SerializationException"),
        ("sagemaker", "Search", "json", b'{"a":' * 10**5, "SerializationException"),
        ("sagemaker", "Search", "json", b'{"MaxResults": ' + b"9" * 10**6 + b"}", "SerializationException"),
        ("sagemaker", "Search", "json", b'{"MaxResults": 1e999999}', "SerializationException"),
        ("sagemaker", "Search", "json", b'{"MaxResults": -1' + b"0" * 400 + b".0}", "SerializationException"),
        ("s3", "DeleteObjects", "rest-xml", b"<Delete>" + b"<a>" * 10**5, "MalformedXML"),
        (
            "s3",
            "PutBucketLifecycleConfiguration",
            "rest-xml",
            b"<a>" + b"<b/>" * (xml.MAX_ELEMENTS + 1) + b"</a>",
            "MalformedXML",
        ),
        ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", b"\x81" * 10**6, "SerializationException"),
        ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", HUGE, "SerializationException"),
        ("iam", "CreateRole", "query", b"a." * 10**5 + b"=1", "MalformedInput"),
        ("iam", "CreateRole", "query", b"MaxSessionDuration=" + b"9" * 10**6, "MalformedInput"),
    ],
)
def test_deep_wide_and_huge_values_are_refused(service: str, name: str, protocol: str, body: bytes, code: str) -> None:
    assert read(service, name, protocol, body).code == code


BILLION = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><Delete>&d;</Delete>"""


@pytest.mark.parametrize(
    "body",
    [
        BILLION,
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><Delete/>',
        b'<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]><Delete/>',
    ],
)
def test_entities_are_not_expanded(body: bytes) -> None:
    assert read("s3", "DeleteObjects", "rest-xml", body).code == "MalformedXML"


def test_a_text_in_a_million_pieces_is_put_together_once() -> None:
    assert xml.loads(b"<a>" + b"x<!---->" * 10**6 + b"</a>").text == "x" * 10**6


def test_a_tag_that_does_not_end_and_a_crowd_of_attributes_are_refused() -> None:
    for body in (
        b"<a " + b"".join(b'a%d="" ' % number for number in range(10**4)) + b"/>",
        b"<a><!--" + b"-a" * 10**5 + b"--></a>",
        b"<a " + b"".join(b'a%d="" ' % number for number in range(xml.MAX_ATTRIBUTES + 1)) + b"/>",
    ):
        assert read("s3", "DeleteObjects", "rest-xml", body).code == "MalformedXML"


def test_a_long_document_of_references_is_taken() -> None:
    assert xml.loads(b"<a b='c'>" + b"&#x00041;" * 10**5 + b"</a>").text == "A" * 10**5


async def test_a_large_document_is_read_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    resolve = route.resolve

    def resolving(request: Request, body: bytes) -> route.Target:
        threads.append(threading.current_thread().name)
        return resolve(request, body)

    monkeypatch.setattr(route, "resolve", resolving)
    async with served() as port:
        for size in (pipeline.SMALL, pipeline.SMALL + 1):
            head = f"POST / HTTP/1.1\r\n{FORM}\r\ncontent-length: {size}\r\nconnection: close"
            assert b"InvalidAction" in await said(port, head, b"Action=".ljust(size, b"x"))
    assert threads[0] == threading.current_thread().name
    assert threads[1].startswith("potager-stranger")


def test_the_deepest_document_that_is_taken() -> None:
    body = b"[" * (document.MAX_DEPTH - 1) + b"]" * (document.MAX_DEPTH - 1)
    assert document.loads(b'{"a":' + body + b"}")
