"""A request's body, held against what was said about it: length, hash, chunk signatures, checksums.

    identity.payload = <hex>                         sha256 on its way
                       UNSIGNED-PAYLOAD              as it is
                       STREAMING-...-EVENTS          signed frames, see `eventstream`
                       STREAMING-...                 aws-chunked, see `chunked`

`opened` is for bodies that handlers take as they arrive, `checked` for those that have been read whole. A mismatch is
raised at the end of the body: a handler must have read all of it before it makes anything visible.
"""

from __future__ import annotations

import hmac
import zlib
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import AsyncIterator, Iterator, Mapping
from hashlib import md5, sha256

from potager.kernel import digests
from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire import eventstream, refusal
from potager.wire.chunked import Decoder, Signatures, incomplete, malformed_trailer
from potager.wire.message import Request
from potager.wire.sigv4 import STREAMING, UNSIGNED, UNSIGNED_CHUNKS, Identity

MODES = {
    UNSIGNED_CHUNKS: (False, True),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
}
"""Whether each mode is signed, and whether headers follow the data."""


CHECKSUM = "x-amz-checksum-"


class Payload(Body):
    """A body whose promises are checked while it is read.

    `trailers` are the headers that followed it, by lower-case name, once it has been read to its end. The checksums
    that are `promised` (`crc32` ...) are among them then, and right.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        length: int | None,
        trailers: dict[str, str],
        promised: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(chunks, length)
        self.trailers = trailers
        self.promised = promised


def opened(request: Request, identity: Identity) -> Payload:
    """The request's body, decoded and checked on its way; `length` is that of the data."""
    trailers: dict[str, str] = {}
    if identity.payload == eventstream.PAYLOAD:
        return Payload(_unsigned(request.body, eventstream.Signed(identity)), None, trailers)
    if identity.payload.startswith(STREAMING):
        length = _decoded_length(request)
        reader = _Reader(request, identity, length)
        return Payload(_unchunked(request, reader, trailers), length, trailers, reader.sums)
    return _Plain(request.body, identity.payload)


def inflated(request: Request, body: bytes, limit: int) -> bytes:
    """A whole body as it was before its client compressed it; `RequestEntityTooLarge` above `limit` bytes.

    botocore compresses the documents of some operations, such as PutMetricData; what is signed is what travels.
    """
    if request.headers.get("content-encoding", "").strip().lower() != "gzip":
        return body
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = reader.decompress(body, limit + 1)
    except zlib.error as error:
        raise WireError("MalformedInput", "The body is not gzip, as its Content-Encoding says.") from error
    if len(plain) > limit:
        raise WireError("RequestEntityTooLarge", f"The body is larger than {limit} bytes once inflated.", 413)
    if not reader.eof:
        raise WireError("MalformedInput", "The gzip of the body breaks off.")
    return plain


class _Plain(Payload):
    """A body that travels as it is; `whole` reads a small one in one go."""

    def __init__(self, body: Body, expected: str) -> None:
        super().__init__(_hashed(body, expected), body.length, {})
        self._body = body
        self._expected = expected

    async def whole(self) -> bytes:
        data = await self._body.whole()
        hashed = None if self._expected == UNSIGNED else sha256(data).hexdigest()
        _check_plain(self._body, len(data), self._expected, hashed)
        return data


async def _hashed(body: Body, expected: str) -> AsyncIterator[bytes]:
    hashed = None if expected == UNSIGNED else sha256()
    size = 0
    async for chunk in body:
        size += len(chunk)
        if hashed is not None:
            hashed.update(chunk)
        yield chunk
    _check_plain(body, size, expected, hashed and hashed.hexdigest())


def _check_plain(body: Body, size: int, expected: str, hashed: str | None) -> None:
    if body.length is not None and size != body.length:
        raise incomplete("You did not provide the number of bytes specified by the Content-Length HTTP header")
    if hashed is not None and not hmac.compare_digest(hashed, expected):
        raise refusal.of("rest-xml").payload(expected, hashed)


async def _unsigned(body: Body, reader: eventstream.Signed) -> AsyncIterator[bytes]:
    async for chunk in body:
        for piece in reader.feed(chunk):
            yield piece
    reader.close()


async def _unchunked(request: Request, reader: _Reader, trailers: dict[str, str]) -> AsyncIterator[bytes]:
    async for chunk in request.body:
        for piece in reader.feed(chunk):
            yield piece
    trailers.update(reader.close())


class _Reader:
    """Decodes a chunked body and holds it against its length and its trailing checksums."""

    def __init__(self, request: Request, identity: Identity, length: int) -> None:
        signed, trailing = _mode(identity.payload)
        self._decoder = Decoder(Signatures(identity) if signed else None, trailing)
        self._length = length
        self._size = 0
        said = request.headers.get("x-amz-trailer", "") if trailing else ""
        self._promised = [name for part in said.split(",") if (name := part.strip().lower())]
        names = [name.removeprefix(CHECKSUM) for name in self._promised if name.startswith(CHECKSUM)]
        self.sums = frozenset(_known(name) for name in names)
        self._sums = digests.Digests(self.sums)

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self._decoder.feed(data):
            self._size += len(piece)
            if self._size > self._length:
                raise incomplete("The body holds more bytes than x-amz-decoded-content-length says.")
            self._sums.update(piece)
            yield piece

    def close(self) -> dict[str, str]:
        self._decoder.close()
        if self._size != self._length:
            raise incomplete("The body holds fewer bytes than x-amz-decoded-content-length says.")
        trailers = self._decoder.trailers
        unannounced = [name for name in trailers if name.startswith(CHECKSUM) and name not in self._promised]
        if unannounced or not set(self._promised) <= trailers.keys():
            raise malformed_trailer()  # a checksum that nobody announced was not computed on the way
        for name, value in self._sums.values().items():
            _compare(name, trailers[CHECKSUM + name], value)
        return trailers


def _mode(payload: str) -> tuple[bool, bool]:
    if payload not in MODES:
        raise WireError("NotImplemented", f"Potager does not read {payload[:60]}.", 501)
    return MODES[payload]


def _decoded_length(request: Request) -> int:
    text = request.headers.get("x-amz-decoded-content-length", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise WireError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    return int(text)


def _known(name: str) -> str:
    if name not in (*digests.HASHES, *digests.CRCS):
        raise WireError("NotImplemented", f"Potager does not compute {name.upper()} checksums.", 501)
    return name


def _compare(name: str, said: str, computed: bytes) -> None:
    try:
        expected = a2b_base64(said.encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        expected = b""
    if len(expected) != len(computed):
        raise WireError("InvalidRequest", f"Value for {CHECKSUM}{name} is invalid.", 400)
    if expected != computed:
        message = f"The {name.upper()} you specified did not match the calculated checksum."
        raise WireError("BadDigest", message, 400)


def checked(request: Request, identity: Identity, body: bytes) -> bytes:
    """A body that has been read whole, decoded; S3's Content-MD5 and checksum headers are held against it."""
    if identity.service != "s3":
        return body
    if identity.payload.startswith(STREAMING):
        reader = _Reader(request, identity, _decoded_length(request))
        body = b"".join(reader.feed(body))
        reader.close()
    check_headers(request.headers, body)
    return body


def check_headers(headers: Mapping[str, str], body: bytes) -> None:
    """`BadDigest` when a body is not what its Content-MD5 or `x-amz-checksum-*` headers say."""
    if said := headers.get("content-md5"):
        if len(said) != 24:
            raise WireError("InvalidDigest", "The Content-MD5 you specified was invalid.", 400)
        if b64encode(md5(body, usedforsecurity=False).digest()).decode() != said:
            message = "The Content-MD5 you specified did not match what we received."
            raise WireError("BadDigest", message, 400, fields={"ExpectedDigest": said})
    for name in (*digests.HASHES, *digests.CRCS):
        if said := headers.get(CHECKSUM + name):
            _compare(name, said, digests.of(body, [name])[name])
