"""Bodies are held against what was said of them: hashes, chunk signatures, trailing checksums, lengths."""

from __future__ import annotations

import base64
import hmac
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import md5, sha1, sha256
from io import BytesIO

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire import chunked as wire_chunked
from potager.wire import payload, sigv4
from potager.wire.message import Request
from potager.wire.sigv4 import Identity

KEY = sigv4.signing_key("secret", "20261123", "eu-west-1", "s3")
DATA = bytes(range(256)) * 40
UNSIGNED, SIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def identity(mode: str) -> Identity:
    scope = "20261123/eu-west-1/s3/aws4_request"
    moment = datetime(2026, 11, 23, tzinfo=UTC).strftime("%Y%m%dT%H%M%SZ")
    return Identity("AKID", "eu-west-1", "s3", None, mode, False, moment, scope, "seed", KEY)


def sign(previous: str, algorithm: str, hashed: str) -> str:
    who = identity("")
    return hmac.new(KEY, f"{algorithm}\n{who.moment}\n{who.scope}\n{previous}\n{hashed}".encode(), sha256).hexdigest()


def chunked(data: bytes, mode: str, size: int = 1000, trailers: dict[str, str] | None = None) -> bytes:
    """As AWS's documentation writes a body, by a second implementation."""
    signed = mode.startswith(SIGNED)
    out, previous = b"", "seed"
    for chunk in [data[at : at + size] for at in range(0, len(data), size)] + [b""]:
        head = f"{len(chunk):x}"
        if signed:
            hashed = f"{sha256(b'').hexdigest()}\n{sha256(chunk).hexdigest()}"
            previous = sign(previous, "AWS4-HMAC-SHA256-PAYLOAD", hashed)
            head += f";chunk-signature={previous}"
        out += head.encode() + b"\r\n" + (chunk + b"\r\n" if chunk else b"")
    text = "".join(f"{name}:{value}\n" for name, value in (trailers or {}).items())
    out += text.replace("\n", "\r\n").encode()
    if signed and mode.endswith("TRAILER"):
        signature = sign(previous, "AWS4-HMAC-SHA256-TRAILER", sha256(text.encode()).hexdigest())
        out += f"x-amz-trailer-signature:{signature}\r\n".encode()
    return out + b"\r\n"


def body_of(data: bytes, size: int, length: int | None = None) -> Body:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), size):
            yield data[at : at + size]

    return Body(pieces(), length)


def request(data: bytes, size: int = 777, **headers: str) -> Request:
    return Request("PUT", "/b/k", "", {"x-amz-decoded-content-length": str(len(DATA)), **headers}, body_of(data, size))


async def read(request: Request, mode: str) -> tuple[bytes, dict[str, str]]:
    opened = payload.opened(request, identity(mode))
    return await opened.read(1 << 20), opened.trailers


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("size", [1, 3, 1000, 1 << 20])
@pytest.mark.parametrize("mode", [UNSIGNED, SIGNED, SIGNED + "-TRAILER"])
async def test_a_chunked_body_is_decoded_whatever_pieces_it_arrives_in(mode: str, size: int) -> None:
    trailing = mode.endswith("TRAILER")
    trailers = {"x-amz-checksum-crc32": crc32(DATA)} if trailing else {}
    said = {"x-amz-trailer": "x-amz-checksum-crc32"} if trailing else {}
    heard = await read(request(chunked(DATA, mode, trailers=trailers), size, **said), mode)
    assert heard == (DATA, trailers)


async def test_an_unsigned_body_without_trailers_is_decoded() -> None:
    assert await read(request(chunked(DATA, UNSIGNED)), UNSIGNED) == (DATA, {})


async def test_what_botocore_writes_over_https_is_decoded() -> None:
    sent = AwsChunkedWrapper(BytesIO(DATA), Crc32Checksum, "x-amz-checksum-crc32", 4096).read()
    heard = await read(request(sent, **{"x-amz-trailer": "x-amz-checksum-crc32"}), UNSIGNED)
    assert heard == (DATA, {"x-amz-checksum-crc32": crc32(DATA)})


async def refused(data: bytes, mode: str, **headers: str) -> WireError:
    with pytest.raises(WireError) as caught:
        await read(request(data, **headers), mode)
    return caught.value


@pytest.mark.parametrize("mode", [SIGNED, SIGNED + "-TRAILER"])
async def test_a_signed_body_that_was_changed_anywhere_is_refused(mode: str) -> None:
    trailers = {"x-amz-checksum-crc32": crc32(DATA)} if mode.endswith("TRAILER") else {}
    said = {"x-amz-trailer": ",".join(trailers)}
    sent = chunked(DATA, mode, trailers=trailers)
    for at in range(5, len(sent), 397):
        changed = sent[:at] + bytes((sent[at] ^ 1,)) + sent[at + 1 :]
        assert (await refused(changed, mode, **said)).status in (400, 403)


async def test_chunks_that_change_places_or_go_missing_are_refused() -> None:
    parts = chunked(DATA, SIGNED, size=len(DATA) // 4).split(b"\r\n")
    assert parts[0].split(b";")[0] == parts[2].split(b";")[0]
    swapped = b"\r\n".join([*parts[2:4], *parts[0:2], *parts[4:]])
    assert (await refused(swapped, SIGNED)).code in ("SignatureDoesNotMatch", "IncompleteBody")
    assert (await refused(b"\r\n".join(parts[2:]), SIGNED)).code in ("SignatureDoesNotMatch", "IncompleteBody")


async def test_a_signed_mode_refuses_an_unsigned_body() -> None:
    assert (await refused(chunked(DATA, UNSIGNED), SIGNED)).code == "SignatureDoesNotMatch"


async def test_a_body_in_crumbs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_chunked, "MOST_SMALL", 3)
    length = {"x-amz-decoded-content-length": "4"}
    assert (await read(request(chunked(b"abc", UNSIGNED, 1), **{"x-amz-decoded-content-length": "3"}), UNSIGNED))[0]
    caught = await refused(chunked(b"abcd", UNSIGNED, 1), UNSIGNED, **length)
    assert (caught.code, caught.status, caught.fields["BadChunkSize"]) == ("InvalidChunkSizeError", 403, 1)


async def test_a_body_that_ends_early_is_incomplete() -> None:
    sent = chunked(DATA, UNSIGNED)
    for end in (0, 1, 10, 5000, len(sent) - 2, len(sent) - 5):
        assert (await refused(sent[:end], UNSIGNED)).code == "IncompleteBody"


async def test_a_body_of_another_length_than_announced_is_incomplete() -> None:
    for length in (len(DATA) - 1, len(DATA) + 1, 0):
        headers = {"x-amz-decoded-content-length": str(length)}
        assert (await refused(chunked(DATA, UNSIGNED), UNSIGNED, **headers)).code == "IncompleteBody"
    for text in ("", "-1", "a", "1" * 40, "¹"):
        headers = {"x-amz-decoded-content-length": text}
        assert (await refused(chunked(DATA, UNSIGNED), UNSIGNED, **headers)).code == "MissingContentLength"


async def test_trailing_checksums_are_held_against_the_data() -> None:
    said = {"x-amz-trailer": "x-amz-checksum-crc32"}
    wrong = chunked(DATA, UNSIGNED, trailers={"x-amz-checksum-crc32": crc32(b"other")})
    assert (await refused(wrong, UNSIGNED, **said)).code == "BadDigest"
    unreadable = chunked(DATA, UNSIGNED, trailers={"x-amz-checksum-crc32": "!"})
    assert (await refused(unreadable, UNSIGNED, **said)).code == "InvalidRequest"
    assert (await refused(chunked(DATA, UNSIGNED), UNSIGNED, **said)).code == "MalformedTrailerError"
    unannounced = chunked(DATA, UNSIGNED, trailers={"x-amz-checksum-crc32": crc32(b"other")})
    assert (await refused(unannounced, UNSIGNED)).code == "MalformedTrailerError"
    unknown = {"x-amz-trailer": "x-amz-checksum-xxhash64"}
    assert (await refused(chunked(DATA, UNSIGNED), UNSIGNED, **unknown)).code == "NotImplemented"


@given(
    data=st.binary(max_size=300), prefix=st.sampled_from([b"", b"3e8\r\n", b"0\r\n", b"0;chunk-signature=\r\n", b"a;"])
)
@settings(max_examples=200, deadline=None)
@pytest.mark.parametrize("mode", sorted(payload.MODES))
async def test_any_bytes_are_refused_with_a_fault(mode: str, prefix: bytes, data: bytes) -> None:
    assert 400 <= (await refused(prefix + data, mode)).status < 500


async def test_a_plain_body_is_held_against_its_hash_and_length() -> None:
    def sent(data: bytes, length: int | None = None) -> Request:
        return Request("PUT", "/b/k", "", {}, body_of(data, 100, length))

    digest = sha256(DATA).hexdigest()
    assert (await read(sent(DATA), digest))[0] == DATA
    assert (await read(sent(DATA), "UNSIGNED-PAYLOAD"))[0] == DATA
    with pytest.raises(WireError, match="does not match what was computed"):
        await read(sent(DATA[:-1] + b"x"), digest)
    with pytest.raises(WireError, match="number of bytes"):
        await read(sent(DATA[:-1], len(DATA)), "UNSIGNED-PAYLOAD")


def test_a_body_that_was_read_whole_is_held_against_its_headers() -> None:
    def headers(name: str, digest: bytes) -> Request:
        return Request("POST", "/b", "delete", {name: base64.b64encode(digest).decode()})

    who = identity("UNSIGNED-PAYLOAD")
    digests = {
        "content-md5": md5(DATA).digest(),
        "x-amz-checksum-crc32": zlib.crc32(DATA).to_bytes(4, "big"),
        "x-amz-checksum-sha1": sha1(DATA).digest(),
        "x-amz-checksum-sha256": sha256(DATA).digest(),
    }
    for name, digest in digests.items():
        assert payload.checked(headers(name, digest), who, DATA) == DATA
        with pytest.raises(WireError, match="did not match"):
            payload.checked(headers(name, digest), who, b"other")
        with pytest.raises(WireError, match="invalid"):
            payload.checked(headers(name, b"x"), who, DATA)


def test_a_chunked_body_that_was_read_whole_is_decoded() -> None:
    sent = Request("POST", "/b", "delete", {"x-amz-decoded-content-length": str(len(DATA))})
    assert payload.checked(sent, identity(SIGNED), chunked(DATA, SIGNED)) == DATA
