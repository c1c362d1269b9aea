"""A POST to a subscriber, by http or https: nothing is followed, little is read, and it ends in time.

Where a message goes is the subscriber's to say, be it this machine; only addresses that are nobody's server (link-local
ones, under which clouds tell machines their secrets, multicast and none at all) are refused.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from urllib.parse import SplitResult, unquote, urlsplit

SECRETS = tuple(map(ipaddress.ip_network, ("fd00:ec2::/32", "100.100.100.200/32")))
"""Where clouds tell machines their secrets beside link-local addresses: Amazon's by IPv6, Alibaba's."""
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses behind a translator (RFC 6052)."""
TIMEOUT = 15.0
"""Seconds that a subscriber has to take a message, as on AWS."""
LINE = 8192
"""Bytes of an answer's first line."""


class Refused(Exception):
    """The subscriber does not want the message, and would not want it later."""


async def post(url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Sends a body; `Refused` where it is not wanted, `OSError`, `TimeoutError` or `ValueError` where it failed."""
    async with asyncio.timeout(TIMEOUT):
        status = await _exchanged(urlsplit(url), headers, body)
    if not 200 <= status < 300:
        wanted = status == 429 or status >= 500
        raise (OSError if wanted else Refused)(f"it answered {status}")


async def _exchanged(url: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
    """The status of the answer."""
    secure, host = url.scheme == "https", url.hostname or ""
    address = await _address(host, url.port or (443 if secure else 80))
    context = _trusting() if secure else None
    reader, writer = await asyncio.open_connection(
        *address, ssl=context, server_hostname=host if secure else None, limit=LINE
    )
    try:
        writer.write(_head(url, headers, len(body)) + body)
        await writer.drain()
        return _status(await reader.readline())
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            writer.transport.abort()


def _head(url: SplitResult, headers: Mapping[str, str], size: int) -> bytes:
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.netloc.rpartition("@")[2]
    login = {}
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        login = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    fields = {"Host": host, **headers, **login, "Content-Length": str(size), "Connection": "close"}
    lines = (f"{name}: {value}" for name, value in fields.items())
    return "\r\n".join((f"POST {path} HTTP/1.1", *lines, "", "")).encode()


def _status(line: bytes) -> int:
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise ValueError(f"the answer is no HTTP: {line[:40]!r}")
    return int(rest[:3])


async def _address(host: str, port: int) -> tuple[str, int]:
    """Where a host is, looked up once: what was checked is what is connected to."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    address = str(found[0][4][0])
    if not _is_good(address):
        raise Refused(f"messages are not sent to {address}")
    return address, port


def _is_good(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or _translated(address) or address
    secret = any(address in network for network in SECRETS)
    return not (secret or address.is_link_local or address.is_multicast or address.is_unspecified)


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None


@cache
def _trusting() -> ssl.SSLContext:
    """What the machine trusts; `SSL_CERT_FILE` names more."""
    return ssl.create_default_context()
