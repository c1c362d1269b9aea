"""Event streams as bytes: frames with headers, a payload and two checksums, one after the other.

    total length 4 │ headers' length 4 │ CRC 4 │ headers │ payload │ CRC 4

Each header has its name, a type and a value. What the frames mean stands in `protocols.events`. A stream that a client
sends may be signed: each frame is then the payload of another one that carries `:date` and `:chunk-signature`, and the
last of those is empty (`Signed`). Sources: https://smithy.io/2.0/aws/amazon-eventstream.html and the signing code of
AWS's SDKs.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID
from zlib import crc32

from potager.kernel.errors import WireError
from potager.wire import refusal, timestamp
from potager.wire.sigv4 import Identity

MEDIA_TYPE = "application/vnd.amazon.eventstream"
PAYLOAD = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
"""What `x-amz-content-sha256` says of a body of signed frames."""

MAX_HEADERS = 128 * 2**10
MAX_PAYLOAD = 16 * 2**20
"""Bytes of one frame's headers and of its payload; AWS's clients read up to 24 MB."""

_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}
_PRELUDE = struct.Struct(">III")


class Long(int):
    """A whole number that travels in eight bytes, whatever its size."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; headers are bool, int, `Long`, bytes, str, datetime or UUID by name."""

    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    payload: bytes = b""

    def text(self, name: str) -> str:
        """A header that should be a text, "" where it is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


def encode(frame: Frame) -> bytes:
    """The frame as it travels; `ValueError` for headers or a payload over their limits."""
    headers = b"".join(encode_header(name, value) for name, value in frame.headers.items())
    if len(headers) > MAX_HEADERS or len(frame.payload) > MAX_PAYLOAD:
        raise ValueError(f"an event of {len(headers)} + {len(frame.payload)} bytes does not fit into one frame")
    prelude = struct.pack(">II", len(headers) + len(frame.payload) + 16, len(headers))
    start = prelude + struct.pack(">I", crc32(prelude))
    body = headers + frame.payload
    return b"".join((start, body, struct.pack(">I", crc32(body, crc32(start)))))


def encode_header(name: str, value: Any) -> bytes:
    """A header as it travels, which is also what a signature covers."""
    key = name.encode()
    return bytes((len(key),)) + key + _encode_value(value)


def _encode_value(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        fits = not isinstance(value, Long) and -(2**31) <= value < 2**31
        return struct.pack(">Bi", 4, value) if fits else struct.pack(">Bq", 5, value)
    if isinstance(value, (bytes, str)):
        data = value.encode("utf-8", "replace") if isinstance(value, str) else value
        return struct.pack(">BH", 7 if isinstance(value, str) else 6, len(data)) + data
    if isinstance(value, datetime):
        return struct.pack(">Bq", 8, round(timestamp.epoch(value) * 1000))
    if isinstance(value, UUID):
        return b"\x09" + value.bytes
    raise ValueError(f"a {type(value).__name__} cannot be a header of an event")


class Decoder:
    """Takes frames in pieces of any size, gives those that are whole; `SerializationException` for what is none."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._buffer += data
        while len(self._buffer) >= 12:
            if not self._length:
                self._length = self._prelude()
            if len(self._buffer) < self._length:
                return
            whole = bytes(self._buffer[: self._length])
            del self._buffer[: self._length]
            self._length = 0
            yield _decode(whole)

    def close(self) -> None:
        """Says that the stream has ended."""
        if self._buffer:
            raise unreadable("it ends in the middle of a frame")

    def _prelude(self) -> int:
        """The length of the frame that comes; checked before a byte is waited for."""
        total, headers, checksum = _PRELUDE.unpack_from(self._buffer)
        if crc32(self._buffer[:8]) != checksum:
            raise unreadable("a frame's first checksum does not match")
        if headers > MAX_HEADERS or not 16 + headers <= total <= 16 + headers + MAX_PAYLOAD:
            raise unreadable(f"a frame of {total} bytes, {headers} of them headers, is none that is taken")
        return total


def _decode(whole: bytes) -> Frame:
    (checksum,) = struct.unpack_from(">I", whole, len(whole) - 4)
    if crc32(whole[:-4]) != checksum:
        raise unreadable("a frame's checksum does not match")
    end = 12 + int.from_bytes(whole[4:8], "big")
    try:
        return Frame(_headers(whole[12:end]), whole[end:-4])
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise unreadable(f"a frame's headers cannot be read ({error})") from error


def _headers(data: bytes) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    at = 0
    while at < len(data):
        start = at + 1
        at = start + data[at]
        name = data[start:at].decode()
        if name in headers or at >= len(data):
            raise ValueError(f"header '{name[:80]}' stands there twice or without a value")
        headers[name], at = _value(data, data[at], at + 1)
    return headers


def _value(data: bytes, kind: int, at: int) -> tuple[Any, int]:
    if kind in (0, 1):
        return kind == 0, at
    if kind in _FIXED:
        (number,) = struct.unpack_from(_FIXED[kind], data, at)
        end = at + struct.calcsize(_FIXED[kind])
        return (timestamp.from_epoch(number / 1000) if kind == 8 else Long(number) if kind == 5 else number), end
    if kind in (6, 7):
        (length,) = struct.unpack_from(">H", data, at)
        at, end = at + 2, at + 2 + length
    else:
        end = at + 16
    if kind > 9 or end > len(data):
        raise ValueError(f"a header of type {kind} is not whole or has no meaning")
    raw = data[at:end]
    return (raw.decode() if kind == 7 else raw if kind == 6 else UUID(bytes=raw)), end


def unreadable(why: str) -> WireError:
    return WireError("SerializationException", f"The event stream cannot be read: {why}.", 400)


class Signed:
    """Takes a body of signed frames in pieces, gives what they hold; each signature covers the one before it."""

    def __init__(self, identity: Identity) -> None:
        self._decoder = Decoder()
        self._key = identity.signing_key
        self._scope = identity.scope
        self._previous = identity.signature
        self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bytes whose signatures hold."""
        for frame in self._decoder.feed(data):
            if self._ended:
                raise unreadable("something follows its last frame")
            self._check(frame)
            self._ended = not frame.payload
            if frame.payload:
                yield frame.payload

    def close(self) -> None:
        """Says that the body has ended, which only an empty signed frame may say."""
        self._decoder.close()
        if not self._ended:
            raise unreadable("its last, empty frame is missing")

    def _check(self, frame: Frame) -> None:
        date, signature = frame.headers.get(":date"), frame.headers.get(":chunk-signature")
        if not isinstance(date, datetime) or not isinstance(signature, bytes):
            raise unreadable("a frame lacks its `:date` or its `:chunk-signature`")
        hashed = sha256(encode_header(":date", date)).hexdigest()
        moment = date.strftime("%Y%m%dT%H%M%SZ")
        parts = (
            "AWS4-HMAC-SHA256-PAYLOAD",
            moment,
            self._scope,
            self._previous,
            hashed,
            sha256(frame.payload).hexdigest(),
        )
        expected = hmac.digest(self._key, "\n".join(parts).encode(), "sha256")
        if not hmac.compare_digest(expected, signature):
            raise WireError("InvalidSignatureException", refusal.MISMATCH, 403)
        self._previous = expected.hex()
