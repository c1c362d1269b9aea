"""botocore's side of the wire: its serializers make requests, its parsers read responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore import parsers, serialize
from botocore.awsrequest import AWSPreparedRequest, HeadersDict, create_request_object, prepare_request_dict
from botocore.model import OperationModel, Shape

from potager.kernel.body import Body
from potager.wire import model
from potager.wire.message import Request, Response

PROTOCOLS = {
    "sagemaker": "json",
    "logs": "json",
    "s3": "rest-xml",
    "sts": "query",
    "iam": "query",
    "sagemaker-runtime": "rest-json",
    "sagemaker-featurestore-runtime": "rest-json",
    "sagemaker-metrics": "rest-json",
    "cloudwatch": "smithy-rpc-v2-cbor",
    "textract": "smithy-rpc-v2-cbor",
    "resourcegroupstaggingapi": "smithy-rpc-v2-cbor",
}
OPERATIONS = [(service, name) for service in PROTOCOLS for name in sorted(model.names(service))]
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=AK/20261123/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def request(service: str, name: str, params: dict[str, Any]) -> tuple[Request, bytes]:
    """What botocore would send, signed by nobody but with a scope."""
    operation = model.operation(service, name)
    made = serialize.create_serializer(PROTOCOLS[service], include_validation=False)
    prepared = made.serialize_to_request(params, operation)
    prepare_request_dict(prepared, "http://127.0.0.1:8484", context={})
    signed = AUTHORIZATION.format(operation.service_model.signing_name)
    return received(create_request_object(prepared).prepare(), {"authorization": signed})


def received(sent: AWSPreparedRequest, extra: dict[str, str] | None = None) -> tuple[Request, bytes]:
    """A prepared request as a server sees it."""
    url = urlsplit(sent.url)
    headers = {"host": url.netloc}
    for key, value in sent.headers.items():
        headers[key.lower()] = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    body: Any = sent.body or b""
    body = body.read() if hasattr(body, "read") else body
    data = body.encode() if isinstance(body, str) else bytes(body)
    return Request(sent.method, url.path, url.query, {**headers, **(extra or {})}, Body.of(data)), data


async def whole(body: AsyncIterator[bytes]) -> bytes:
    """A body that streams, as one."""
    return b"".join([chunk async for chunk in body])


class Heard:
    """A body that botocore takes in pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def stream(self) -> Iterator[bytes]:
        return iter(self._pieces)


def parsed(operation: OperationModel, response: Response, shape: Shape | None) -> dict[str, Any]:
    """What botocore reads out of a response."""
    protocol = PROTOCOLS[operation.service_model.service_name]
    body = response.body
    if not isinstance(body, bytes):
        body = Heard([asyncio.run(whole(body))])
    heard = {
        "status_code": response.status,
        "headers": HeadersDict(dict(response.headers)),
        "body": body,
        "context": {"operation_name": operation.name},
    }
    return parsers.create_parser(protocol).parse(heard, shape)
