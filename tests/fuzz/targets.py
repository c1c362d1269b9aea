"""Everything that reads a stranger's bytes, each as a function of some bytes.

Whatever they are, the outcome is a value or a fault that says something: a `WireError` of 4xx, or 501 for what is not
served. Any other exception is a bug. `test_any_bytes.py` runs them in CI with Hypothesis, `python -m tests.fuzz` by
hand with Atheris.
"""

from __future__ import annotations

import asyncio
import struct
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from botocore.model import StructureShape

from potager.collect.s3.objects import forms
from potager.kernel import conditions, policy
from potager.kernel.body import Body
from potager.kernel.errors import Fault, Invalid, Unserved, WireError
from potager.wire import (
    chunked,
    eventstream,
    formdata,
    formsign,
    model,
    payload,
    protocols,
    route,
    sigv4,
    timestamp,
)
from potager.wire.message import Request, form
from potager.wire.protocols import dataitem, document, events, xml
from potager.wire.sigv4 import Identity, signing_key
from potager.wire.validate import validate

Target = Callable[[bytes], Any]

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
IDENTITY = Identity(
    "AKID",
    "eu-west-1",
    "s3",
    moment="20261123T100000Z",
    scope="20261123/eu-west-1/s3/aws4_request",
    signature="5e" * 32,
    signing_key=signing_key("secret", "20261123", "eu-west-1", "s3"),
)
TARGETS: dict[str, Target] = {}


def target(function: Target) -> Target:
    TARGETS[function.__name__] = function
    return function


def run(name: str, data: bytes) -> Any:
    """What comes of it; raises where that is neither a value nor a fault that a client may be told."""
    try:
        return TARGETS[name](data)
    except WireError as error:
        assert 400 <= error.status < 500 or error.status == 501, (error.code, error.status)
        assert error.code
        return error
    except (Invalid, Unserved) as fault:
        assert fault.message
        return fault


def split(data: bytes, parts: int) -> list[str]:
    """Some texts out of some bytes, as the lines of a head would be: Latin-1, without ends of lines."""
    texts = [part.decode("latin-1").replace("\r", "") for part in data.split(b"\n", parts - 1)]
    return [*texts, *[""] * (parts - len(texts))]


def members(service: str, name: str, protocol: str, request: Request, body: bytes) -> Any:
    operation = model.operation(service, name)
    return validate(operation.input_shape, protocols.of(protocol).parse(operation, request, body, {}))


def request_of(text: str, query: str = "") -> Request:
    """A request whose headers are lines of `name: value`, parted by form feeds."""
    pairs = (line.partition(":") for line in text.split("\f"))
    return Request("POST", "/bucket/key", query, {name.strip().lower(): value.strip() for name, _, value in pairs})


# --- documents


@target
def json(data: bytes) -> Any:
    return members("sagemaker", "CreateTrainingJob", "json", Request("POST", "/", "", {}), data)


@target
def json_recursive(data: bytes) -> Any:
    return members("sagemaker", "Search", "json", Request("POST", "/", "", {}), data)


@target
def rest_json(data: bytes) -> Any:
    head, query, body = split(data, 3)
    request = request_of(head, query)
    return members("sagemaker-metrics", "BatchPutMetrics", "rest-json", request, body.encode("latin-1"))


@target
def query(data: bytes) -> Any:
    return members("iam", "CreateRole", "query", Request("POST", "/", "", {}), data)


@target
def form_text(data: bytes) -> Any:
    return form(data.decode("utf-8", "replace"))


@target
def rest_xml_delete(data: bytes) -> Any:
    return members("s3", "DeleteObjects", "rest-xml", Request("POST", "/b?delete", "", {}), data)


@target
def rest_xml_lifecycle(data: bytes) -> Any:
    request = Request("PUT", "/b?lifecycle", "", {})
    return members("s3", "PutBucketLifecycleConfiguration", "rest-xml", request, data)


@target
def rest_xml_headers(data: bytes) -> Any:
    head, query = split(data, 2)
    return members("s3", "PutObject", "rest-xml", request_of(head, query), data)


@target
def cbor(data: bytes) -> Any:
    request = Request("POST", "/", "", {"content-type": "application/cbor"})
    return members("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", request, data)


@target
def documents(data: bytes) -> Any:
    """The readers under the protocols, which have refusals of their own."""
    for read, refusal in ((xml.loads, xml.NotXml), (dataitem.loads, dataitem.NotCbor)):
        try:
            read(data)
        except refusal as error:
            assert str(error)
    return document.loads(data)


@target
def timestamps(data: bytes) -> Any:
    try:
        moment = timestamp.parse(data.decode("latin-1"))
    except ValueError:
        return None
    assert moment.tzinfo is not None
    return timestamp.iso(moment)


# --- streams


def pieces(data: bytes) -> list[bytes]:
    """The data after its first byte, in pieces of that many bytes."""
    size = data[0] + 1 if data else 1
    return [data[at : at + size] for at in range(1, len(data), size)]


def body_of(data: bytes) -> Body:
    async def come() -> AsyncIterator[bytes]:
        for piece in pieces(data):
            yield piece

    return Body(come(), None)


@target
def event_stream(data: bytes) -> Any:
    shape = model.operation("sagemaker-runtime", "InvokeEndpointWithResponseStream").output_shape
    stream = shape.members["Body"] if shape else None
    assert isinstance(stream, StructureShape)
    read_events(stream, data)
    logs = model.operation("logs", "StartLiveTail").output_shape
    found = events.stream_of(logs)
    assert found is not None
    read_events(found[1], data)


def read_events(stream: StructureShape, data: bytes) -> None:
    form = protocols.of("json").EVENTS  # type: ignore[attr-defined]
    decoder = eventstream.Decoder()
    for piece in pieces(data):
        for frame in decoder.feed(piece):
            events.read(stream, frame, form)
    decoder.close()


@target
def event_headers(data: bytes) -> Any:
    """Headers within a frame whose checksums hold, which no guessing would find."""
    prelude = struct.pack(">II", 16 + len(data), len(data))
    start = prelude + struct.pack(">I", crc32(prelude)) + data
    return list(eventstream.Decoder().feed(start + struct.pack(">I", crc32(start))))


@target
def signed_events(data: bytes) -> Any:
    reader = eventstream.Signed(IDENTITY)
    found = [inner for piece in pieces(data) for inner in reader.feed(piece)]
    reader.close()
    return found


def aws_chunked(mode: str) -> Target:
    def read(data: bytes) -> Any:
        head, _, body = data.partition(b"\n")
        names = {
            "x-amz-decoded-content-length": head[:8].decode("latin-1"),
            "x-amz-trailer": head[8:].decode("latin-1"),
        }
        identity = Identity(**{name: getattr(IDENTITY, name) for name in IDENTITY.__slots__} | {"payload": mode})
        opened = payload.opened(Request("PUT", "/b/k", "", names, body_of(body)), identity)
        return asyncio.run(opened.read(1 << 20))

    return read


for _mode in payload.MODES:
    TARGETS[f"aws_chunked {_mode}"] = aws_chunked(_mode)


@target
def chunk_decoder(data: bytes) -> Any:
    decoder = chunked.Decoder(None, True)
    found = [data for piece in pieces(data) for data in decoder.feed(piece)]
    decoder.close()
    return found


# --- who asks, and for what


@target
def signature_header(data: bytes) -> Any:
    authorization, date, query, head = split(data, 4)
    headers = {"host": "localhost", "authorization": authorization, "x-amz-date": date, **request_of(head).headers}
    return verified(Request("GET", "/b/k", query, headers))


@target
def signature_query(data: bytes) -> Any:
    path, query = split(data, 2)
    return verified(Request("GET", "/" + path, query, {"host": "localhost"}))


@target
def signature_in_order(data: bytes) -> Any:
    """A claim that can be read, so that what comes behind it is reached."""
    path, query, signed, head = split(data, 4)
    claim = f"Credential=AKID/20261123/eu-west-1/s3/aws4_request, SignedHeaders={signed or 'host'}, Signature=00"
    headers = {**request_of(head).headers, "host": "localhost", "x-amz-date": "20261123T100000Z"}
    return verified(Request("PUT", "/" + path, query, headers | {"authorization": f"AWS4-HMAC-SHA256 {claim}"}))


def verified(request: Request) -> Any:
    secrets = {"AKID": "secret"}
    for protocol in ("rest-xml", "query", "json"):
        try:
            sigv4.verify(request, secrets.get, NOW, protocol=protocol, service="s3", body=b"")
        except WireError as error:
            last = error
        else:
            last = None
    if last is not None:
        raise last


@target
def old_signature(data: bytes) -> Any:
    claim, date, query = split(data, 3)
    headers = {"host": "b.s3.localhost", "authorization": f"AWS {claim}", "date": date}
    return verified(Request("GET", "/k", query, headers))


@target
def routes(data: bytes) -> Any:
    first, head, body = split(data, 3)
    method, _, url = first.partition(" ")
    path, _, query = url.partition("?")
    request = Request(method.upper() or "GET", "/" + path, query, request_of(head).headers)
    guessed = route.guess(request)
    try:
        route.resolve(request, body.encode("latin-1"))
    except Fault as fault:
        error = fault if isinstance(fault, WireError) else WireError("NotImplemented", fault.message, 501)
        assert guessed.error(error, "id", request).status == error.status
        raise


@target
def form_upload(data: bytes) -> Any:
    kind, _, body = data.partition(b"\n")
    mark = formdata.boundary(f"multipart/form-data; boundary={kind.decode('latin-1')}") or b"b"
    request = Request("POST", "/b", "", {}, body_of(body))
    try:
        found = asyncio.run(uploaded(request, mark))
    except (formdata.Malformed, formdata.TooLarge):
        return None
    return formsign.verify(found, {"AKID": "secret"}.get)


async def uploaded(request: Request, mark: bytes) -> dict[str, str]:
    found = await formdata.read(request, mark)
    if found.file is not None:
        await found.file.read(1 << 20)
    return found.fields


@target
def form_fields(data: bytes) -> Any:
    names = ("policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
    return formsign.verify(dict(zip(names, split(data, 5), strict=True)), {"AKID": "secret"}.get)


@target
def form_policy(data: bytes) -> Any:
    """A policy as text, and as the base64 in which it travels."""
    for text in (data.decode("latin-1"), b64encode(data).decode()):
        forms.read(text).check({"key": "k", "bucket": "b"}, NOW + timedelta(days=-365))
    return None


@target
def bucket_policy(data: bytes) -> Any:
    try:
        return policy.read(data.decode("utf-8", "replace"))
    except policy.Malformed as error:
        return str(error)


@target
def policy_conditions(data: bytes) -> Any:
    """Every operator, on two texts: one of the policy and one of the request."""
    wanted, given = split(data, 2)
    return [compare(wanted, given, None) for compare in conditions._COMPARISONS.values()]


def seeds(name: str) -> Iterator[bytes]:
    """Something that a target takes, or nearly, for a fuzzer to begin with."""
    yield from _SEEDS.get(name, ())
    yield b""


_CHUNK = b"\x0a5\n\x0a5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"
_SCOPE = b"AKID/20261123/eu-west-1/s3/aws4_request"
_SEEDS: dict[str, tuple[bytes, ...]] = {
    "json": (b'{"TrainingJobName": "a", "InputDataConfig": [{"ChannelName": "b"}], "Tags": [{"Key": "c"}]}',),
    "json_recursive": (b'{"Resource": "Model", "SearchExpression": {"SubExpressions": [{"Filters": []}]}}',),
    "rest_json": (b'x: y\na=b\n{"TrialComponentName": "a", "MetricData": [{"Timestamp": 1.5, "Value": "NaN"}]}',),
    "query": (b"Action=CreateRole&RoleName=a&Tags.member.1.Key=b&Tags.member.1.Value=c&MaxSessionDuration=1",),
    "rest_xml_delete": (b"<Delete xmlns='a'><Object><Key>a&amp;b</Key></Object><Quiet>true</Quiet></Delete>",),
    "rest_xml_lifecycle": (
        b"<L><Rule><ID>a</ID><Expiration><Date>2026-11-23T10:00:00Z</Date><Days>1</Days></Expiration></Rule></L>",
    ),
    "rest_xml_headers": (b"x-amz-meta-a: b\fcontent-length: 1\fexpires: Mon, 23 Nov 2026 10:00:00 GMT\npartNumber=1",),
    "cbor": (bytes.fromhex("a2694e616d657370616365616e6a4d65747269634461746181a16a4d65747269634e616d65616d"),),
    "timestamps": (
        b"2026-11-23T10:00:00.5+02:00",
        b"Mon, 23 Nov 2026 10:00:00 GMT",
        b"1795428000.5",
        b"Mon, 4 Nov 99999999999 1:0",
    ),
    "bucket_policy": (
        b'{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", '
        b'"Condition": {"DateLessThan": {"aws:CurrentTime": "2026-11-23T10:00:00Z"}}}]}',
    ),
    "policy_conditions": (
        b"2026-11-23T10:00:00Z\n1795428000",
        b"10.0.0.0/8\n::ffff:10.0.0.1",
        b"1e5\n-0.5",
        b"a*?\nab",
    ),
    "event_stream": (b"\xff" + eventstream.encode(eventstream.Frame({":event-type": "PayloadPart"}, b"x")),),
    "event_headers": (b"\x01a\x00\x01b\x04\x00\x00\x00\x01\x01c\x07\x00\x01d\x01e\x08" + b"\x00" * 7 + b"\x01",),
    "signed_events": (b"\xff" + eventstream.encode(eventstream.Frame({":date": NOW, ":chunk-signature": b"x"}, b"x")),),
    "signature_header": (
        b"AWS4-HMAC-SHA256 Credential=" + _SCOPE + b", SignedHeaders=host;x-amz-date, Signature=00"
        b"\n20261123T100000Z\na=b\nx-amz-content-sha256: UNSIGNED-PAYLOAD",
    ),
    "signature_query": (
        b"b/k\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + _SCOPE + b"&X-Amz-Date=20261123T100000Z"
        b"&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
    ),
    "signature_in_order": (b"b/k\na=b%20c&d\nhost;x-amz-date\nx-amz-content-sha256: UNSIGNED-PAYLOAD",),
    "old_signature": (
        b"AKID:c2lnbmF0dXJl\nMon, 23 Nov 2026 10:00:00 GMT\nAWSAccessKeyId=AKID&Signature=x&Expires=1795428000",
    ),
    "routes": (
        b"POST b/k?uploads&uploadId=x\nx-amz-target: SageMaker.ListModels\fhost: b.s3.localhost\nAction=GetUser",
    ),
    "form_upload": (
        b'b\n\xff--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--',
    ),
    "form_fields": (b"e30=\nAWS4-HMAC-SHA256\n" + _SCOPE + b"\n20261123T100000Z\n00",),
    "form_policy": (
        b'{"expiration": "2026-11-23T10:00:00.000Z", '
        b'"conditions": [{"key": "k"}, ["starts-with", "$key", ""], ["content-length-range", 1, 2]]}',
    ),
    "chunk_decoder": (_CHUNK,),
    **{f"aws_chunked {mode}": (_CHUNK, b"5\n\x0a5\r\nhello\r\n0\r\n\r\n") for mode in payload.MODES},
}
