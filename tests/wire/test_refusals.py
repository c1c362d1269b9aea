"""Requests that mean nothing, or not what they should: each is told so in its own protocol, over a real connection."""

from __future__ import annotations

import asyncio
import http.client
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, HeadersDict
from botocore.credentials import Credentials
from botocore.parsers import create_parser

from potager.kernel.context import Context
from potager.wire.service import Service
from tests.wire.serving import KEYS, served

JSON = {"content-type": "application/x-amz-json-1.1"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
CBOR = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
METRICS = "/service/GraniteServiceVersion20100801/operation/"
TARGET = {"x-amz-target": "SageMaker.ListModels", **JSON}

REFUSED: list[Any] = [
    # protocol, signed for, method, path, headers, body, code, status
    ("json", "sagemaker", "POST", "/", {**JSON, "x-amz-target": "Nobody.Do"}, b"{}", "UnknownOperationException", 400),
    (
        "json",
        "sagemaker",
        "POST",
        "/",
        {**JSON, "x-amz-target": "SageMaker.Do"},
        b"{}",
        "UnknownOperationException",
        400,
    ),
    ("json", "sagemaker", "POST", "/", {**JSON, "x-amz-target": ""}, b"{}", "UnknownOperationException", 404),
    ("json", "sagemaker", "PUT", "/", TARGET, b"{}", "UnknownOperationException", 405),
    ("json", "sagemaker", "POST", "/", {**JSON, "x-amz-target": "SageMaker.ListHubs"}, b"{}", "NotImplemented", 501),
    ("json", "sagemaker", "POST", "/", TARGET, b"{", "SerializationException", 400),
    ("json", "sagemaker", "POST", "/", TARGET, b'{"MaxResults": "ten"}', "SerializationException", 400),
    ("json", "sagemaker", "POST", "/", TARGET, b'{"MaxResults": 1000000}', "ValidationException", 400),
    ("json", "sagemaker", "POST", "/", TARGET, b"\xff\xfe", "SerializationException", 400),
    ("query", "sts", "POST", "/", FORM, b"Version=2011-06-15", "MissingAction", 400),
    ("query", "sts", "POST", "/", FORM, b"Action=Do&Version=2011-06-15", "InvalidAction", 400),
    ("query", "sts", "GET", "/", {}, b"", "MissingAction", 400),
    ("query", "iam", "POST", "/", FORM, b"Action=GetUser&Version=2010-05-08", "NotImplemented", 501),
    ("query", "sts", "POST", "/", FORM, b"Action=AssumeRole&DurationSeconds=long", "MalformedInput", 400),
    ("rest-json", "sagemaker", "POST", "/nowhere", JSON, b"{}", "UnknownOperationException", 404),
    ("rest-json", "sagemaker", "DELETE", "/endpoints/e/invocations", JSON, b"", "UnknownOperationException", 404),
    ("rest-json", "sagemaker", "POST", "/endpoints/e/invocations-response-stream", {}, b"", "NotImplemented", 501),
    ("rest-xml", "s3", "PATCH", "/bucket/key", {}, b"", "MethodNotAllowed", 405),
    ("rest-xml", "s3", "POST", "/bucket?delete", {}, b"<Delete", "MalformedXML", 400),
    ("rest-xml", "s3", "POST", "/bucket?delete", {}, b"{}", "MalformedXML", 400),
    ("rest-xml", "s3", "GET", "/bucket?max-keys=many", {}, b"", "InvalidArgument", 400),
    ("smithy-rpc-v2-cbor", "monitoring", "POST", METRICS + "ListMetrics", CBOR, b"{}", "SerializationException", 400),
    ("smithy-rpc-v2-cbor", "monitoring", "POST", METRICS + "Do", CBOR, b"\xa0", "UnknownOperationException", 400),
    ("smithy-rpc-v2-cbor", "monitoring", "POST", "/", CBOR, b"\xa0", "UnknownOperationException", 404),
    ("smithy-rpc-v2-cbor", "monitoring", "PUT", METRICS + "ListMetrics", CBOR, b"", "UnknownOperationException", 405),
    ("smithy-rpc-v2-cbor", "monitoring", "POST", METRICS + "ListDashboards", CBOR, b"\xa0", "NotImplemented", 501),
    (
        "smithy-rpc-v2-cbor",
        "monitoring",
        "POST",
        METRICS + "ListMetrics",
        {**CBOR, "content-type": "text/plain"},
        b"\xa0",
        "UnsupportedMediaTypeException",
        415,
    ),
    (
        "smithy-rpc-v2-cbor",
        "monitoring",
        "POST",
        METRICS + "ListMetrics",
        {**CBOR, "accept": "text/plain"},
        b"\xa0",
        "NotAcceptableException",
        406,
    ),
    ("json", "dynamite", "POST", "/", {}, b"", "UnknownOperationException", 404),
]


def signed(port: int, service: str, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    request = AWSRequest(method, f"http://127.0.0.1:{port}{path}", dict(headers), body)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(Credentials(KEYS.access_key_id, KEYS.secret_access_key), service, "eu-west-1").add_auth(request)
    return dict(request.headers.items())


def asked(port: int, *request: Any) -> tuple[int, dict[str, str], bytes]:
    _, method, path, _, body = request
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, body, signed(port, *request))
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def services() -> list[Service]:
    """One operation of each service that is asked for; none of them is ever reached."""

    def of(service: str, name: str) -> Service:
        async def handler(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
            raise AssertionError(req)

        handler.__name__ = name
        made = Service(service)
        made.operation(handler)
        return made

    return [
        of("sagemaker", "list_models"),
        of("sts", "assume_role"),
        of("s3", "delete_objects"),
        of("s3", "list_objects"),
        of("cloudwatch", "list_metrics"),
    ]


@pytest.mark.parametrize(
    ("protocol", "service", "method", "path", "headers", "body", "code", "status"),
    REFUSED,
    ids=[f"{each[0]} {each[2]} {each[3]} {each[5][:20]!r} {each[6]}" for each in REFUSED],
)
async def test_a_request_that_means_nothing_is_told_so_in_its_protocol(
    protocol: str, service: str, method: str, path: str, headers: dict[str, str], body: bytes, code: str, status: int
) -> None:
    async with served(*services()) as port:
        heard, said, data = await asyncio.to_thread(asked, port, service, method, path, headers, body)
    answer = {"status_code": heard, "headers": HeadersDict(said), "body": data, "context": {}}
    parsed = create_parser("rest-json" if service == "dynamite" else protocol).parse(answer, None)
    assert (parsed["Error"]["Code"], heard) == (code, status)
    assert parsed["Error"]["Message"]
