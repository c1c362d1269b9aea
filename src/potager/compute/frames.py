"""Frames between the server and a worker: many requests under way on one socket.

    u32 length of what follows │ u32 request id │ u8 kind │ payload

Big-endian. The payload of an invocation, a result or a failure opens with a head: u16 length, then fields in UTF-8 set
apart by line feeds, which none of them may hold; readers ignore fields that they do not know, and one that is missing
is empty. Then comes the body.

    invocation: `Query.head` │ request     result: `Answer.head` │ answer     failure: status │ text

A CONTROL frame has an order for the predictor, in JSON without a head, and so has the TOLD frame that answers it.

An answer that streams begins with a BEGUN, which is a result with the first part of the body; then come PARTs and an
END, or a FAILURE. A worker sends `WINDOW` bytes of parts, and more as CREDIT frames (u32 bytes) give them back;
CANCEL ends a stream that nobody reads any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

MAX = 64 * 2**20
"""Bytes of a frame at most."""

WINDOW = 2**20
"""Bytes of a stream's parts that may be on their way."""

PIECE = 2**18
"""Bytes of a part at most; a larger one is sent as several."""

INVOKE, PING, STREAM, CREDIT, CANCEL, CONTROL = 1, 2, 3, 4, 5, 8
RESULT, FAILURE, PONG, BEGUN, PART, END, TOLD = 16, 17, 19, 20, 21, 22, 24

_HEADER = Struct(">IIB")
_LENGTH = Struct(">H")
_OVERHEAD = 5
_COUNT = Struct(">I")


class TooLarge(ValueError):
    """A frame past `MAX`."""


def frame(number: int, kind: int, payload: bytes = b"") -> bytes:
    """One frame."""
    size = len(payload) + _OVERHEAD
    if size > MAX:
        raise TooLarge(f"A message of {size} bytes does not fit the channel, which takes {MAX} bytes.")
    return _HEADER.pack(size, number, kind) + payload


def credit(number: int, size: int) -> bytes:
    """The frame that lets a stream send `size` bytes more."""
    return frame(number, CREDIT, _COUNT.pack(size))


def credited(payload: bytes) -> int:
    """The bytes that a CREDIT frame gives."""
    return int(_COUNT.unpack(payload)[0])


def headed(fields: tuple[str, ...], body: bytes) -> bytes:
    """A payload with a head."""
    head = "\n".join([text.replace("\n", " ") for text in fields]).rstrip("\n").encode()
    return _LENGTH.pack(len(head)) + head + body


def parted(payload: bytes) -> tuple[list[str], bytes]:
    """The head's fields and the body of a payload."""
    (size,) = _LENGTH.unpack_from(payload)
    return payload[2 : 2 + size].decode().split("\n"), payload[2 + size :]


class Reader:
    """Puts frames together out of bytes as they arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = _HEADER.size

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """The frames that `data` completes: request id, kind, payload. `TooLarge` when one never can."""
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
        at, end = 0, len(data)
        while end - at >= _HEADER.size:
            size, number, kind = _HEADER.unpack_from(data, at)
            if not _OVERHEAD <= size <= MAX:
                raise TooLarge(f"A frame announces {size} bytes; the channel takes {MAX}.")
            if end - at < size + 4:
                break
            yield number, kind, data[at + _HEADER.size : at + 4 + size]
            at += size + 4
        self._keep(data, at)

    def _keep(self, data: bytes, at: int) -> None:
        self._wanted = _HEADER.size
        if len(data) - at >= _HEADER.size:
            self._wanted = _HEADER.unpack_from(data, at)[0] + 4
        if at < len(data):
            self._buffer += memoryview(data)[at:]
