r"""`aws-chunked`: a body in pieces that each may carry a signature, with headers after it.

    400;chunk-signature=<hex>\r\n <1024 bytes> \r\n
    0;chunk-signature=<hex>\r\n
    x-amz-checksum-crc32:<base64>\r\n
    x-amz-trailer-signature:<hex>\r\n
    \r\n

Each signature covers the one before it, and the first one the request's own: no piece can be left out, moved or added.
Bytes are handed on as they come and checked when their piece ends; who stores them must not show them before the end.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and .../sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from hashlib import sha256

from potager.kernel.errors import WireError
from potager.wire.refusal import MISMATCH
from potager.wire.sigv4 import Identity

MAX_HEAD = 4096
MAX_TRAILERS = 16 * 1024
SMALLEST = 8 * 1024
"""Bytes of every chunk but the last on S3."""
MOST_SMALL = 1000
"""Smaller ones that are taken all the same: each costs as much as a large one, and no one who sends them is slowed."""
_EMPTY = sha256(b"").hexdigest()


class Signatures:
    """Checks the chain of a signed body's signatures."""

    def __init__(self, identity: Identity) -> None:
        self._key = identity.signing_key
        self._prefix = f"{identity.moment}\n{identity.scope}\n"
        self._previous = identity.signature
        self._hash = sha256()

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def end_chunk(self, signature: str) -> None:
        """Holds what came since the last call against its signature."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY}\n{self._hash.hexdigest()}", signature)
        self._hash = sha256()

    def end_trailers(self, trailers: str, signature: str) -> None:
        """Holds the trailing headers (`name:value\\n` each) against theirs."""
        self._check("AWS4-HMAC-SHA256-TRAILER", sha256(trailers.encode("latin-1")).hexdigest(), signature)

    def _check(self, algorithm: str, hashed: str, signature: str) -> None:
        to_sign = f"{algorithm}\n{self._prefix}{self._previous}\n{hashed}"
        expected = hmac.digest(self._key, to_sign.encode(), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise WireError("SignatureDoesNotMatch", MISMATCH, 403)
        self._previous = expected


class Decoder:
    """Takes a chunked body in pieces of any size, gives the data in it.

    Parameters
    ----------
    signatures : checks them; None for an unsigned body.
    trailing : whether headers follow the data.
    """

    def __init__(self, signatures: Signatures | None, trailing: bool) -> None:
        self._signatures = signatures
        self._trailing = trailing
        self._buffer = bytearray()
        self._left = (
            -1
        )  # bytes to come of this chunk; -1: its head is next, -2: its line end, -3: trailers, -4: all done
        self._signature = ""
        self._small = 0
        self.trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data that this piece completes; `WireError` as soon as something is wrong."""
        self._buffer += data
        while self._left != -4:
            if self._left > 0:
                piece = bytes(self._buffer[: self._left])
                if not piece:
                    return
                yield self._taken(piece)
            elif not self._line():
                return
        if self._buffer:
            raise incomplete("There are bytes after the last chunk.")

    def close(self) -> None:
        """Says that the body has ended; `IncompleteBody` when it should not have."""
        if self._left != -4:
            raise incomplete("The request body terminated unexpectedly")

    def _taken(self, piece: bytes) -> bytes:
        del self._buffer[: len(piece)]
        self._left -= len(piece)
        if self._signatures:
            self._signatures.update(piece)
        if self._left == 0:
            self._left = -2
        return piece

    def _line(self) -> bool:
        """Takes one line: a chunk's head, its end, or a trailer. False when it has not arrived whole."""
        limit = MAX_TRAILERS if self._left == -3 else MAX_HEAD
        end = self._buffer.find(b"\r\n", 0, limit + 2)
        if end < 0:
            if len(self._buffer) > limit:
                raise incomplete("A chunk's head or trailer is too long.")
            return False
        line = bytes(self._buffer[:end]).decode("latin-1")
        del self._buffer[: end + 2]
        if self._left == -1:
            self._head(line)
        elif self._left == -2:
            self._end_of_chunk(line)
        else:
            self._trailer(line)
        return True

    def _head(self, line: str) -> None:
        size, _, extension = line.partition(";")
        if not size or len(size) > 16 or not all(char in "0123456789abcdefABCDEF" for char in size):
            raise incomplete(f"'{size[:20]}' is not the size of a chunk.")
        self._signature = extension.strip().removeprefix("chunk-signature=")
        self._left = int(size, 16)
        if self._left:
            self._small += self._left < SMALLEST
            if self._small > MOST_SMALL:
                raise too_small(self._small, self._left)
            return
        if self._signatures:
            self._signatures.end_chunk(self._signature)
        self._left = -3

    def _end_of_chunk(self, line: str) -> None:
        if line:
            raise incomplete("A chunk is longer than its size says.")
        if self._signatures:
            self._signatures.end_chunk(self._signature)
        self._left = -1

    def _trailer(self, line: str) -> None:
        if not line:
            self._end_of_trailers()
            return
        name, colon, value = line.partition(":")
        if not colon or not self._trailing or len(self.trailers) > 32:
            raise malformed_trailer()
        self.trailers[name.strip().lower()] = value.strip()

    def _end_of_trailers(self) -> None:
        signature = self.trailers.pop("x-amz-trailer-signature", None)
        if self._signatures and self._trailing:
            text = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            self._signatures.end_trailers(text, signature or "")
        self._left = -4


def incomplete(why: str) -> WireError:
    return WireError("IncompleteBody", why, 400)


def too_small(number: int, size: int) -> WireError:
    message = f"Only the last chunk is allowed to have a size less than {SMALLEST} bytes"
    return WireError("InvalidChunkSizeError", message, 403, fields={"Chunk": number, "BadChunkSize": size})


def malformed_trailer() -> WireError:
    message = "The request contained trailing data that was not well-formed or did not conform to our published schema."
    return WireError("MalformedTrailerError", message, 400)
