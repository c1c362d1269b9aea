"""Events and shapes: what a handler's async iterator becomes on its way out, and what a client's frames become.

    {"Records": {"Payload": b"..."}}   ─►   :message-type event, :event-type Records, the payload
    {"StreamFailure": {...}}           ─►   :message-type exception, :exception-type StreamFailure, its members
    raise WireError(...)               ─►   the same, where the stream models its code; else :message-type error

An event is a mapping of its name to its members. Those marked `eventheader` travel in headers, the one marked
`eventpayload` as it is, all others as a document of the protocol. JSON and CBOR protocols send the output's other
members first, in an `initial-response`, and take the input's from an `initial-request`.
Source: https://smithy.io/2.0/spec/event-streams.html
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.model import OperationModel, Shape, StructureShape

from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire import eventstream, timestamp
from potager.wire.eventstream import Frame, Long, unreadable
from potager.wire.protocols import fault

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Format:
    """How a protocol writes and reads the documents in its frames."""

    content_type: str
    write: Callable[[Shape, Any], bytes]
    read: Callable[[Shape, bytes], Any]


def stream_of(shape: Shape | None) -> tuple[str, StructureShape] | None:
    """The member of an input or output that is an event stream, and its shape."""
    if not isinstance(shape, StructureShape) or not shape.event_stream_name:
        return None
    stream = shape.members[shape.event_stream_name]
    return (shape.event_stream_name, stream) if isinstance(stream, StructureShape) else None


# --- out


def reply(shape: Shape | None, result: Mapping[str, Any], form: Format) -> AsyncIterator[bytes] | None:
    """The body of an answer that is an event stream with all of the output in it; None for another output."""
    found = stream_of(shape)
    if shape is None or found is None:
        return None
    name, stream = found
    initial = form.write(shape, {key: value for key, value in result.items() if key != name})
    return frames(stream, result.get(name), form, initial)


async def frames(
    stream: StructureShape, events: AsyncIterable[Event] | None, form: Format, initial: bytes | None = None
) -> AsyncIterator[bytes]:
    """The frames of a handler's events as they come; an error that it raises is the last one.

    `initial` is the document of the output's other members, None where they travel elsewhere.
    """
    if initial is not None:
        yield _frame("event", "initial-response", form.content_type, initial)
    if events is None:
        return
    try:
        async for event in events:
            yield write(stream, event, form)
    except WireError as error:
        yield failure(stream, error, form)
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()


def write(stream: StructureShape, event: Event, form: Format) -> bytes:
    """One event as a frame."""
    ((name, members),) = event.items()
    shape = stream.members[name]
    if not isinstance(shape, StructureShape):
        raise TypeError(f"{name} is no event")
    if shape.metadata.get("exception"):
        return _frame("exception", name, form.content_type, form.write(shape, members))
    headers = {
        key: _header(member, members[key])
        for key, member in shape.members.items()
        if member.serialization.get("eventheader") and members.get(key) is not None
    }
    kind, payload = _payload(shape, members, form)
    return _frame("event", name, kind, payload, headers)


def _payload(shape: StructureShape, members: Mapping[str, Any], form: Format) -> tuple[str, bytes]:
    for name, member in shape.members.items():
        if member.serialization.get("eventpayload"):
            value = members.get(name)
            if member.type_name == "blob":
                return "application/octet-stream", value.encode() if isinstance(value, str) else bytes(value or b"")
            if member.type_name == "string":
                return "text/plain", str(value or "").encode()
            return form.content_type, b"" if value is None else form.write(member, value)
    if all(member.serialization.get("eventheader") for member in shape.members.values()):
        return "", b""
    inside = {key: value for key, value in members.items() if key in shape.members and not _in_header(shape, key)}
    return form.content_type, form.write(shape, inside)


def _in_header(shape: StructureShape, name: str) -> bool:
    return bool(shape.members[name].serialization.get("eventheader"))


def _header(member: Shape, value: Any) -> Any:
    if member.type_name == "long":
        return Long(value)
    if member.type_name == "timestamp" and not isinstance(value, datetime):
        return timestamp.from_epoch(value)
    return value.encode() if member.type_name == "blob" and isinstance(value, str) else value


def _frame(message: str, name: str, content_type: str, payload: bytes, more: Mapping[str, Any] | None = None) -> bytes:
    kind = "exception" if message == "exception" else "event"
    headers: dict[str, Any] = {":message-type": message, f":{kind}-type": name}
    if content_type:
        headers[":content-type"] = content_type
    return eventstream.encode(Frame({**headers, **(more or {})}, payload))


def failure(stream: StructureShape, error: WireError, form: Format) -> bytes:
    """An error as the stream's last frame."""
    for name, shape in stream.members.items():
        if not isinstance(shape, StructureShape) or not shape.metadata.get("exception"):
            continue
        if error.code in (name, shape.name, shape.error_code):
            members = {key: value for key, (_, value) in fault.members(shape, error).items()}
            return _frame("exception", name, form.content_type, form.write(shape, members))
    headers = {":message-type": "error", ":error-code": error.code, ":error-message": error.message}
    return eventstream.encode(Frame(headers))


# --- in


class Opened:
    """A client's events, whose first frame has been read where it holds the input's other members."""

    def __init__(self, body: Body) -> None:
        self._frames = _frames(body)
        self.initial = b""

    @classmethod
    async def of(cls, operation: OperationModel, protocol: str, body: Body) -> Opened:
        """The events of a body; `rest` protocols have the other members in headers, and no first frame."""
        opened = cls(body)
        if not protocol.startswith("rest"):
            first = await anext(opened._frames, None)
            if first is None or first.text(":event-type") != "initial-request":
                raise unreadable(f"{operation.name} has to begin with an initial-request")
            opened.initial = first.payload
        return opened

    async def events(self, stream: StructureShape, form: Format) -> AsyncIterator[Event]:
        """The events as they come, by their names; not validated."""
        async for frame in self._frames:
            if frame.text(":message-type") in ("exception", "error"):
                code = frame.text(":exception-type") or frame.text(":error-code")
                raise unreadable(f"the client ended it with {code[:80] or 'an error'}")
            yield read(stream, frame, form)


def members(shape: Shape | None, opened: Opened, form: Format) -> dict[str, Any]:
    """The input's members out of the first frame, and its events as they come."""
    found = stream_of(shape)
    if shape is None or found is None:
        return {}
    return {**form.read(shape, opened.initial), found[0]: opened.events(found[1], form)}


async def _frames(body: Body) -> AsyncIterator[Frame]:
    decoder = eventstream.Decoder()
    async for chunk in body:
        for frame in decoder.feed(chunk):
            yield frame
    decoder.close()


def read(stream: StructureShape, frame: Frame, form: Format) -> Event:
    """The event of a frame; `SerializationException` for one that the stream does not have."""
    name = frame.text(":event-type")
    shape = stream.members.get(name)
    if not isinstance(shape, StructureShape) or shape.metadata.get("exception"):
        raise unreadable(f"{stream.name} has no event '{name[:80]}'")
    members = {key: value for key, value in frame.headers.items() if key in shape.members and _in_header(shape, key)}
    inside = {key: member for key, member in shape.members.items() if not _in_header(shape, key)}
    payload = next((key for key, member in inside.items() if member.serialization.get("eventpayload")), None)
    if payload is not None:
        members[payload] = _read_payload(inside[payload], frame.payload, form)
    elif inside and frame.payload:
        members = {**form.read(shape, frame.payload), **members}
    return {name: members}


def _read_payload(member: Shape, payload: bytes, form: Format) -> Any:
    if member.type_name == "blob":
        return payload
    if member.type_name == "string":
        return payload.decode("utf-8", "replace")
    return form.read(member, payload)
