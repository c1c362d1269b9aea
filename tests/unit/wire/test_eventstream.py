"""Frames against botocore's own decoder, and frames that are none."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.errors import WireError
from potager.wire.eventstream import MAX_HEADERS, MAX_PAYLOAD, Decoder, Frame, Long, encode

HEADERS = {
    "true": True,
    "false": False,
    "integer": -5,
    "large": 2**40,
    "bytes": b"\x00\xff",
    "text": "ü",
    "moment": datetime(2026, 11, 23, 10, 0, 0, 500_000, UTC),
    "id": UUID(int=7),
}


def decoded(data: bytes, size: int = 1 << 20) -> list[Frame]:
    decoder = Decoder()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    decoder.close()
    return frames


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_frames_are_read_as_they_were_written_in_pieces_of_any_size(size: int) -> None:
    frames = [Frame(HEADERS, b"payload"), Frame(), Frame({"a": Long(1)}, b"x" * 300)]
    assert decoded(b"".join(map(encode, frames)), size) == frames


def test_botocore_reads_the_same() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(encode(Frame(HEADERS, b"payload")))
    message = next(buffer)
    plain = HEADERS | {"moment": 1795428000500, "id": UUID(int=7).bytes}
    assert (message.headers, message.payload) == (plain, b"payload")


def test_small_kinds_of_header_are_read() -> None:
    headers = b"\x01b\x02\xff\x01s\x03\xff\xfe\x01l\x05" + b"\x00" * 7 + b"\x09"
    (frame,) = decoded(framed(headers))
    assert frame.headers == {"b": -1, "s": -2, "l": 9}
    assert isinstance(frame.headers["l"], Long)


def framed(headers: bytes, payload: bytes = b"") -> bytes:
    """A frame with good checksums, whatever its headers are."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return start + struct.pack(">I", crc32(start))


@pytest.mark.parametrize(
    "headers",
    [
        b"\x05a",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\xff",
        b"\x01a\x04\x00",
        b"\x01a\x07\x00\x05ab",
        b"\x01a\x06\xff\xff",
        b"\x01a\x07\x00\x01\xff",
        b"\x01\xff\x00",
        b"\x01a\x00\x01a\x00",
        b"\x01a\x09" + b"\x00" * 15,
        b"\x01a\x08\x7f" + b"\xff" * 7,
    ],
)
def test_headers_that_are_broken_are_refused(headers: bytes) -> None:
    with pytest.raises(WireError, match="headers cannot be read"):
        decoded(framed(headers))


def test_lengths_that_lie_are_refused_before_their_bytes_are_waited_for() -> None:
    for total, headers in (
        (15, 0),
        (16, 1),
        (2**32 - 1, 0),
        (17 + MAX_PAYLOAD, 0),
        (2**32 - 1, 2**32 - 17),
        (16 + MAX_HEADERS + 1, MAX_HEADERS + 1),
    ):
        prelude = struct.pack(">II", total, headers)
        with pytest.raises(WireError, match="none that is taken"):
            decoded(prelude + struct.pack(">I", crc32(prelude)))


def test_a_bit_that_flipped_is_noticed() -> None:
    whole = encode(Frame({"a": "b"}, b"payload"))
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(WireError):
            decoded(changed)


@pytest.mark.parametrize("frame", [Frame({"a": 1.5}), Frame({"a": "x" * 70_000}), Frame({}, b"x" * (MAX_PAYLOAD + 1))])
def test_what_does_not_fit_is_not_written(frame: Frame) -> None:
    with pytest.raises((ValueError, struct.error)):
        encode(frame)


@given(st.binary(max_size=60), st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_frames_or_refused(data: bytes, headers: bytes) -> None:
    for sent in (data, framed(headers, data)):
        try:
            found: list[Any] = decoded(sent)
            assert all(isinstance(frame, Frame) for frame in found)
        except WireError as error:
            assert (error.code, error.status) == ("SerializationException", 400)
