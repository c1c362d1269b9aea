"""A request's body while it still travels: read once, whole under a limit or chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from potager.kernel.errors import WireError


class Disconnected(Exception):
    """The client went away before its request was whole; nobody is left to answer."""


class Body:
    """The bytes of one request, which can be read once.

    Parameters
    ----------
    chunks : the bytes as they arrive.
    length : bytes announced by the client, None when it did not say.
    framed : whether the bytes themselves say where they end, so that no length need be announced.

    Attributes
    ----------
    trailers : what follows the bytes, by lower-case name; those announced are there at once, empty until all is read.
    """

    def __init__(self, chunks: AsyncIterator[bytes], length: int | None = None, *, framed: bool = False) -> None:
        self._chunks = chunks
        self.length = length
        self.framed = framed
        self.trailers: dict[str, str] = {}

    @classmethod
    def of(cls, data: bytes) -> Body:
        """A body that is all there already."""

        async def once() -> AsyncIterator[bytes]:
            yield data

        return cls(once(), len(data))

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    def arrived(self) -> bytes | None:
        """All of it where it has come already and nobody has taken any, else None."""
        return None

    def at_once(self, limit: int, taking: Callable[[int], None] | None = None) -> bytes | None:
        """As `read`, without waiting: None where that cannot be."""
        data = self.arrived()
        if data is None:
            return None
        if len(data) > limit:
            raise too_large(limit)
        if taking is not None:
            taking(len(data))
        return data

    async def whole(self) -> bytes:
        """The whole body, which the caller knows to be small."""
        if (data := self.arrived()) is not None:
            return data
        parts = [chunk async for chunk in self]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read(self, limit: int, taking: Callable[[int], None] | None = None) -> bytes:
        """The whole body; `RequestEntityTooLarge` (413) as soon as it passes `limit` bytes.

        taking : is told of each chunk's bytes before they are kept; what it raises ends the reading.
        """
        if self.length is not None and self.length > limit:
            raise too_large(limit)
        parts: list[bytes] = []
        size = 0
        async for chunk in self._chunks:
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            if taking is not None:
                taking(len(chunk))
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def too_large(limit: int) -> WireError:
    """The error of a body over `limit` bytes."""
    message = f"The request body is larger than the limit of {limit} bytes. Send less in one request."
    return WireError("RequestEntityTooLarge", message, 413)
