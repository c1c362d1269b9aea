"""A request and a response as they travel: raw bytes and texts, nothing decoded.

`path` and `query` stay percent-encoded as the client wrote them, because the signature covers that very spelling and
because an object's key may hold anything (`a//b`, `.`, `%2F`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from urllib.parse import unquote_plus

from potager.kernel.body import Body
from potager.kernel.errors import WireError

MOST_FIELDS = 100_000
"""Parameters of a form; a query has none too many, because a request's head is bounded."""


@dataclass
class Request:
    """What a client sent.

    Parameters
    ----------
    method : upper case.
    path : percent-encoded, with its leading slash, without the query.
    query : what stands after `?`, percent-encoded.
    headers : values by lower-case name; repeated headers joined by a comma.
    body : the bytes, still travelling.
    client : the address that it came from, "" where that is not known.
    secure : whether it came by TLS.
    domain : the server's own for S3's virtual-hosted style, "" where it has none.
    held : bytes of its body that are in memory because it is read whole.
    came : when its head was read, by `perf_counter`.
    trace : the span that was begun for it, as W3C's `traceparent`; "" where none was.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Body = field(default_factory=lambda: Body.of(b""))
    client: str = ""
    secure: bool = False
    domain: str = ""
    held: int = 0
    came: float = field(default_factory=perf_counter)
    trace: str = ""

    @cached_property
    def arguments(self) -> dict[str, list[str]]:
        """The query's values by name, decoded, in their order; `?acl` gives `{"acl": [""]}`."""
        return form(self.query)

    def argument(self, name: str) -> str | None:
        """The first value of a query parameter, None when it is not there."""
        values = self.arguments.get(name)
        return values[0] if values else None


Switch = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves a connection that is to speak something else than HTTP from now on."""


@dataclass
class Response:
    """What a client gets; `body` is whole, or an iterator whose length `headers` may tell.

    switch : of a 101, takes the connection over; it is over when that returns.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes | AsyncIterator[bytes] = b""
    switch: Switch | None = None

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


def form(text: str) -> dict[str, list[str]]:
    """Values by name out of `application/x-www-form-urlencoded` text; names without `=` have the value ``""``.

    `MalformedQueryString` for more than `MOST_FIELDS`.
    """
    values: dict[str, list[str]] = {}
    if not text:
        return values
    if text.count("&") >= MOST_FIELDS:
        raise WireError("MalformedQueryString", f"The request has more than {MOST_FIELDS} parameters.")
    for pair in text.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            values.setdefault(decoded(name), []).append(decoded(value))
    return values


def decoded(text: str) -> str:
    """A form-encoded text as it was meant; bytes that are not UTF-8 become U+FFFD."""
    return unquote_plus(text) if "%" in text or "+" in text else text
