"""`multipart/form-data` read as it arrives: small fields first, then one file, which goes on streaming.

    --boundary CRLF headers CRLF CRLF value CRLF --boundary ... name="file" ... bytes CRLF --boundary--

What follows the file is passed over, as S3 does. Memory holds a chunk and the fields, however large the file is.
Source: RFC 7578, and https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import Message

from potager.kernel.body import Body
from potager.wire.message import Request

MOST_FIELDS = 20 * 1024
"""Bytes of all fields before the file, names and values."""
MOST_HEAD = 8 * 1024
"""Bytes of one part's headers."""

FILE = "file"

MOST_PARTS = 1000
"""Fields before the file, those without a name or a value too."""
LONGEST_TYPE = 1024
"""Bytes of the Content-Type that names the boundary, which is 70 at most."""

_BOUNDARY = re.compile(r"""[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]""")


class Malformed(ValueError):
    """The body is no form."""


class TooLarge(ValueError):
    """The fields before the file are too many or too long."""


@dataclass(frozen=True)
class Form:
    """The fields by lower-case name, each as Latin-1 text as headers are; and the file, None where there is none."""

    fields: dict[str, str]
    file: Body | None = None
    filename: str = ""


def boundary(content_type: str) -> bytes | None:
    """The boundary of a form; None where the type is not a form's."""
    if len(content_type) > LONGEST_TYPE:
        return None
    message = Message()
    message["content-type"] = content_type
    if message.get_content_type() != "multipart/form-data":
        return None
    found = message.get_param("boundary")
    return found.encode("latin-1") if isinstance(found, str) and _BOUNDARY.fullmatch(found) else None


async def read(request: Request, boundary: bytes) -> Form:
    """The form up to its file; `Malformed` or `TooLarge` where it cannot be."""
    reader = _Reader(aiter(request.body), boundary)
    await reader.begin()
    fields: dict[str, str] = {}
    size = count = 0
    while (head := await reader.head()) is not None:
        name, filename = _named(head)
        if name == FILE:
            return Form(fields, Body(reader.content(), framed=True), filename)
        value = await reader.value(MOST_FIELDS - size)
        size, count = size + len(name) + len(value), count + 1
        if size > MOST_FIELDS or count > MOST_PARTS:
            raise TooLarge(name)
        fields.setdefault(name, value.decode("latin-1"))
    return Form(fields)


def _named(head: bytes) -> tuple[str, str]:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            parameters = dict(_parameters(value.decode("latin-1")))
            if "name" in parameters:
                return parameters["name"].lower(), parameters.get("filename", "")
    raise Malformed("a part without a name")


_PARAMETER = re.compile(r';\s*([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


def _parameters(text: str) -> list[tuple[str, str]]:
    """Names and values; in quotes, `\\"` stands for a quote (and a path of Windows keeps its other backslashes)."""
    found = _PARAMETER.findall(text)
    return [(name.lower(), quoted.replace('\\"', '"') if quoted else plain) for name, quoted, plain in found]


class _Reader:
    """The parts of a body, one after the other."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._chunks = chunks
        self._buffer = b"\r\n"  # so that the first boundary is like the others
        self._mark = b"\r\n--" + boundary

    async def _more(self) -> None:
        chunk = await anext(self._chunks, None)
        if chunk is None:
            raise Malformed("the body ends within a part")
        self._buffer += chunk

    async def begin(self) -> None:
        """Passes over what stands before the first boundary."""
        await self.value(MOST_HEAD)

    async def head(self) -> bytes | None:
        """A part's headers, None behind the last part; stands behind a boundary before."""
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            return None
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MOST_HEAD:
                raise TooLarge("headers")
            await self._more()
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        if not head.startswith(b"\r\n"):
            raise Malformed("text behind a boundary")
        return head

    async def value(self, most: int) -> bytes:
        """What stands up to the next boundary, `most` bytes and a chunk at most."""
        while (end := self._buffer.find(self._mark)) < 0:
            if len(self._buffer) > most + len(self._mark):
                raise TooLarge("value")
            await self._more()
        value, self._buffer = self._buffer[:end], self._buffer[end + len(self._mark) :]
        return value

    async def content(self) -> AsyncIterator[bytes]:
        """As `value`, chunk by chunk; then passes over the rest of the body."""
        while (end := self._buffer.find(self._mark)) < 0:
            sure = len(self._buffer) - len(self._mark) + 1  # what follows may be the beginning of the boundary
            if sure > 0:
                yield self._buffer[:sure]
                self._buffer = self._buffer[sure:]
            await self._more()
        if end:
            yield self._buffer[:end]
        self._buffer = b""
        async for _ in self._chunks:
            pass
