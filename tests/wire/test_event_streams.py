"""Streams of events through the whole pipeline, with boto3 at the other end, and signed ones the other way."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from botocore import parsers
from botocore.exceptions import EventStreamError
from botocore.model import ServiceModel

from potager.kernel.body import Body
from potager.kernel.context import Context
from potager.kernel.errors import Invalid, LimitReached, WireError
from potager.wire import eventstream, payload
from potager.wire.eventstream import Frame, encode
from potager.wire.message import Request
from potager.wire.protocols import events, of
from potager.wire.service import Service
from potager.wire.sigv4 import Identity, signing_key
from potager.wire.validate import validate
from tests.wire.client import Heard, whole
from tests.wire.serving import client, served


def runtime(*parts: bytes | Exception) -> tuple[Service, list[str]]:
    """SageMaker Runtime whose streams have these parts; and what became of them."""
    told: list[str] = []
    service = Service("sagemaker-runtime")

    async def come() -> AsyncIterator[dict[str, Any]]:
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield {"PayloadPart": {"Bytes": part}}
        finally:
            told.append("closed")

    async def invoke_endpoint_with_response_stream(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        return {"Body": come(), "ContentType": "text/plain", "InvokedProductionVariant": "v"}

    service.operation(invoke_endpoint_with_response_stream)
    return service, told


def invoked(port: int) -> tuple[dict[str, Any], list[Any], Exception | None]:
    """The answer, its events, and the error that ended them."""
    asked = client("sagemaker-runtime", port)
    answer = asked.invoke_endpoint_with_response_stream(EndpointName="e", Body=b"x")
    heard: list[Any] = []
    try:
        heard.extend(answer["Body"])
    except EventStreamError as error:
        return answer, heard, error
    return answer, heard, None


async def test_a_rest_service_streams_its_events_to_boto3() -> None:
    service, told = runtime(b"one", b"", b"\x00" * 70_000)
    async with served(service) as port:
        answer, heard, _ = await asyncio.to_thread(invoked, port)
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/plain", "v")
    assert [event["PayloadPart"]["Bytes"] for event in heard] == [b"one", b"", b"\x00" * 70_000]
    assert told == ["closed"]


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (WireError("ModelStreamError", "the model broke", 400), "ModelStreamError", "the model broke"),
        (WireError("InternalStreamFailure", "we broke", 500), "InternalStreamFailure", "we broke"),
        (LimitReached("the disk is full"), "ServiceUnavailable", "the disk is full"),
        (ZeroDivisionError("secret"), "InternalFailure", "An internal error occurred."),
    ],
)
async def test_what_goes_wrong_among_the_events_is_the_last_of_them(raised: Exception, code: str, message: str) -> None:
    service, told = runtime(b"one", raised, b"never")
    async with served(service) as port:
        _, heard, error = await asyncio.to_thread(invoked, port)
    assert heard == [{"PayloadPart": {"Bytes": b"one"}}]
    assert isinstance(error, EventStreamError)
    assert error.response["Error"]["Code"] == code
    assert error.response["Error"]["Message"].startswith(message)
    assert told == ["closed"]


async def test_s3_streams_rows_in_xml_and_bytes() -> None:
    service = Service("s3")

    async def come() -> AsyncIterator[dict[str, Any]]:
        yield {"Records": {"Payload": b"a,b\n"}}
        yield {"Cont": {}}
        yield {"Stats": {"Details": {"BytesScanned": 7, "BytesReturned": 4}}}
        yield {"End": {}}

    async def select_object_content(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        return {"Payload": come()}

    def selected(port: int) -> list[Any]:
        answer = client("s3", port).select_object_content(
            Bucket="bucket",
            Key="key",
            Expression="SELECT * FROM S3Object",
            ExpressionType="SQL",
            InputSerialization={"CSV": {}},
            OutputSerialization={"CSV": {}},
        )
        return list(answer["Payload"])

    service.operation(select_object_content)
    async with served(service) as port:
        assert await asyncio.to_thread(selected, port) == [
            {"Records": {"Payload": b"a,b\n"}},
            {"Cont": {}},
            {"Stats": {"Details": {"BytesScanned": 7, "BytesReturned": 4}}},
            {"End": {}},
        ]


async def test_json_says_the_other_members_first() -> None:
    service = Service("logs")

    async def come() -> AsyncIterator[dict[str, Any]]:
        yield {"sessionStart": {"requestId": "r", "sessionId": "s"}}
        yield {"SessionStreamingException": {"message": "enough"}}

    async def start_live_tail(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        return {"responseStream": come()}

    def tailed(port: int) -> list[Any]:
        arn = "arn:aws:logs:eu-west-1:000000000000:log-group:g"
        asked = client("logs", port, inject_host_prefix=False)
        heard: list[Any] = []
        with pytest.raises(EventStreamError, match="SessionStreamingException"):
            heard.extend(asked.start_live_tail(logGroupIdentifiers=[arn])["responseStream"])
        return heard

    service.operation(start_live_tail)
    async with served(service) as port:
        assert await asyncio.to_thread(tailed, port) == [{"sessionStart": {"requestId": "r", "sessionId": "s"}}]


TALK = ServiceModel(
    {
        "metadata": {"protocol": "smithy-rpc-v2-cbor", "targetPrefix": "Talk"},
        "operations": {
            "Talk": {
                "name": "Talk",
                "http": {"method": "POST", "requestUri": "/"},
                "input": {"shape": "Asked"},
                "output": {"shape": "Asked"},
            }
        },
        "shapes": {
            "Asked": {"type": "structure", "members": {"name": {"shape": "Text"}, "events": {"shape": "Events"}}},
            "Events": {
                "type": "structure",
                "eventstream": True,
                "members": {"said": {"shape": "Said"}, "shown": {"shape": "Shown"}, "left": {"shape": "Left"}},
            },
            "Said": {
                "type": "structure",
                "event": True,
                "required": ["words"],
                "members": {
                    "words": {"shape": "Text"},
                    "at": {"shape": "Moment", "eventheader": True},
                    "count": {"shape": "Long", "eventheader": True},
                    "loud": {"shape": "Boolean", "eventheader": True},
                },
            },
            "Shown": {
                "type": "structure",
                "event": True,
                "members": {
                    "picture": {"shape": "Blob", "eventpayload": True},
                    "title": {"shape": "Text", "eventheader": True},
                },
            },
            "Left": {"type": "structure", "event": True, "members": {}},
            "Text": {"type": "string", "max": 10},
            "Moment": {"type": "timestamp"},
            "Long": {"type": "long"},
            "Boolean": {"type": "boolean"},
            "Blob": {"type": "blob"},
        },
    },
    "talk",
)
"""A service whose clients stream as well, as none does yet that botocore speaks JSON or CBOR with."""

MOMENT = datetime(2026, 11, 23, 10, tzinfo=UTC)
SAID = [
    {"said": {"words": "hello", "at": MOMENT, "count": 5, "loud": True}},
    {"shown": {"picture": b"\x00\xff", "title": "ü"}},
    {"left": {}},
]


async def come(*said: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    for event in said:
        yield event


async def heard(protocol: str, body: bytes) -> tuple[dict[str, Any], list[Any]]:
    """A client's other members and its events, parsed and validated."""
    operation = TALK.operation_model("Talk")
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]

    async def arrive() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    opened = await events.Opened.of(operation, protocol, Body(arrive()))
    members = validate(operation.input_shape, of(protocol).parse(operation, Request("POST", "/", "", {}), opened, {}))
    return members, [event async for event in members.pop("events")]


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
async def test_botocore_reads_the_other_members_and_then_every_event(protocol: str) -> None:
    operation = TALK.operation_model("Talk")
    response = of(protocol).serialize(operation, {"name": "n", "events": come(*SAID)}, "id")
    assert response.header("content-type") == "application/vnd.amazon.eventstream"
    assert not isinstance(response.body, bytes)
    answer = {"status_code": 200, "headers": {}, "body": Heard([await whole(response.body)]), "context": {}}
    heard = parsers.create_parser(protocol).parse(answer, operation.output_shape)
    assert heard["name"] == "n"
    assert list(heard["events"]) == SAID


def _form(protocol: str) -> events.Format:
    return of(protocol).EVENTS  # type: ignore[attr-defined]


async def asked(protocol: str, *said: dict[str, Any]) -> bytes:
    """What a client sends: its other members, then its events."""
    stream = events.stream_of(TALK.operation_model("Talk").input_shape)
    assert stream is not None
    form = _form(protocol)
    members = form.write(TALK.shape_for("Asked"), {"name": "n"})
    first = encode(Frame({":message-type": "event", ":event-type": "initial-request"}, members))
    return first + await whole(events.frames(stream[1], come(*said), form))


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
async def test_a_client_streams_events_after_its_other_members(protocol: str) -> None:
    members, said = await heard(protocol, await asked(protocol, *SAID))
    assert (members, said) == ({"name": "n"}, SAID)


@pytest.mark.parametrize("protocol", ["json", "smithy-rpc-v2-cbor"])
async def test_a_bad_event_reaches_the_handler_as_an_error(protocol: str) -> None:
    with pytest.raises(Invalid, match="length less than or equal to 10"):
        await heard(protocol, await asked(protocol, {"said": {"words": "much too long"}}))
    with pytest.raises(Invalid, match="said"):
        await heard(protocol, await asked(protocol, {"said": {"count": 1}}))
    body = await asked(protocol)
    for frame, why in (
        (Frame({":message-type": "event", ":event-type": "sung"}), "no event 'sung'"),
        (Frame({":message-type": "exception", ":exception-type": "Tired"}), "ended it with Tired"),
        (Frame({":message-type": "event", ":event-type": "said"}, b"\xff"), "body is not"),
    ):
        with pytest.raises(WireError, match=why):
            await heard(protocol, body + encode(frame))
    with pytest.raises(WireError, match="middle of a frame"):
        await heard(protocol, body + encode(Frame({}, b"x"))[:-1])
    with pytest.raises(WireError, match="initial-request"):
        await heard(protocol, b"")


IDENTITY = Identity(
    "AKID",
    "eu-west-1",
    "talk",
    None,
    eventstream.PAYLOAD,
    scope="20261123/eu-west-1/talk/aws4_request",
    signature="5e" * 32,
    signing_key=signing_key("secret", "20261123", "eu-west-1", "talk"),
)


def signed(*payloads: bytes) -> list[bytes]:
    """Frames in frames, as AWS's SDKs sign them."""
    previous, frames = IDENTITY.signature, list[bytes]()
    for inner in payloads:
        date = b"\x05:date\x08" + round(MOMENT.timestamp() * 1000).to_bytes(8, "big")
        lines = ["AWS4-HMAC-SHA256-PAYLOAD", "20261123T100000Z", IDENTITY.scope, previous]
        lines += [sha256(date).hexdigest(), sha256(inner).hexdigest()]
        signature = hmac.digest(IDENTITY.signing_key, "\n".join(lines).encode(), "sha256")
        frames.append(encode(Frame({":date": MOMENT, ":chunk-signature": signature}, inner)))
        previous = signature.hex()
    return frames


async def unsigned(*frames: bytes) -> bytes:
    body = payload.opened(Request("POST", "/", "", {}, Body.of(b"".join(frames))), IDENTITY)
    return await body.read(1 << 20)


async def test_signed_frames_are_taken_out_of_their_envelopes() -> None:
    inner = [encode(Frame({"a": 1}, b"x")), encode(Frame({"a": 2}, b"y"))]
    assert await unsigned(*signed(*inner, b"")) == b"".join(inner)


async def test_signed_frames_cannot_be_changed_left_out_or_moved() -> None:
    one, two, end = signed(encode(Frame({}, b"x")), encode(Frame({}, b"y")), b"")
    for frames in ([two, end], [two, one, end], [one, one, two, end], [signed(b"other")[0], end]):
        with pytest.raises(WireError) as caught:
            await unsigned(*frames)
        assert (caught.value.code, caught.value.status) == ("InvalidSignatureException", 403)
    for frames, why in (
        ([one, two], "last, empty frame is missing"),
        ([one, two, end, end], "follows its last frame"),
        ([encode(Frame({}, b"x"))], "lacks its `:date`"),
        ([one, two[:-1]], "middle of a frame"),
    ):
        with pytest.raises(WireError, match=why):
            await unsigned(*frames)
