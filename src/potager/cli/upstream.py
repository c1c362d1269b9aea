"""The way out of this machine: straight, or by the proxy that the environment names.

Reads what curl and requests read: HTTPS_PROXY, ALL_PROXY and NO_PROXY, the lower-case spelling first. Proxies are
`http://` and `https://` ones (CONNECT) and `socks5://` ones (RFC 1928, 1929), user and password in the URL.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, unquote, urlsplit

from potager.kernel.errors import Fault, Invalid

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

PATIENCE = 30.0
"""Seconds that a connection may take."""
MAX_HEAD = 65536


class Refused(Fault):
    """The proxy did not let us through. `status`: what it answered."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Upstream:
    """Opens connections to elsewhere as the environment wants it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.proxy = _proxy(_first(environ, "https_proxy", "all_proxy"))
        self.exempt = [entry.strip().lower() for entry in _first(environ, "no_proxy").split(",") if entry.strip()]

    async def connect(self, host: str, port: int) -> Streams:
        """A connection to `host`; OSError, TimeoutError or `Refused` when there is no way."""
        async with asyncio.timeout(PATIENCE):
            if self.proxy is None or self.is_exempt(host, port):
                return await asyncio.open_connection(host, port)
            reader, writer = await self._open(self.proxy)
            try:
                greet = _socks if self.proxy.scheme.startswith("socks") else _tunnel
                await greet(self.proxy, reader, writer, host, port)
            except BaseException:
                writer.close()
                raise
            return reader, writer

    async def _open(self, proxy: SplitResult) -> Streams:
        secure = proxy.scheme == "https"
        usual = {"https": 443, "http": 80}.get(proxy.scheme, 1080)
        return await asyncio.open_connection(proxy.hostname, proxy.port or usual, ssl=secure or None, limit=MAX_HEAD)

    def is_exempt(self, host: str, port: int) -> bool:
        """Whether NO_PROXY names the host: by name or suffix, with a port or without, by address or network, or `*`."""
        return any(_names(entry, host.lower(), port) for entry in self.exempt)


def _first(environ: Mapping[str, str], *names: str) -> str:
    spelled = (spelling for name in names for spelling in (name, name.upper()))
    return next((environ[name] for name in spelled if environ.get(name)), "")


def _proxy(text: str) -> SplitResult | None:
    if not text:
        return None
    proxy = urlsplit(text if "://" in text else f"http://{text}")
    if proxy.scheme not in ("http", "https", "socks5", "socks5h") or not proxy.hostname:
        raise Invalid(
            f"The environment's proxy is of a kind that is not supported: '{proxy.scheme}'. "
            "Set HTTPS_PROXY to an http://, https:// or socks5:// one, or unset it."
        )
    return proxy


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _within(host, entry)
    name, colon, only = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
    if colon and only != str(port):
        return False
    name = name.strip("[]").removeprefix("*").removeprefix(".")
    return host == name or host.endswith("." + name)


def _within(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


async def _tunnel(
    proxy: SplitResult, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(pair).decode())
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1][:3])
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
        raise Refused(f"The environment's proxy {proxy.hostname} does not speak HTTP.", 502) from error
    if not 200 <= status < 300:
        raise Refused(f"The environment's proxy {proxy.hostname} answered {status} for {target}.", status)


async def _socks(
    proxy: SplitResult, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    try:
        await _socks_login(proxy, reader, writer)
        name = host.encode("idna")
        writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        _, reply, _, kind = await reader.readexactly(4)
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(length + 2)
    except asyncio.IncompleteReadError as error:
        raise Refused(f"The environment's proxy {proxy.hostname} does not speak SOCKS 5.", 502) from error
    if reply:
        raise Refused(f"The environment's proxy {proxy.hostname} answered {reply} for {host}:{port}.", 502)


async def _socks_login(proxy: SplitResult, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    user, password = unquote(proxy.username or "").encode(), unquote(proxy.password or "").encode()
    writer.write(b"\x05\x02\x00\x02" if user else b"\x05\x01\x00")
    version, method = await reader.readexactly(2)
    if version == 5 and method == 2 and user:
        writer.write(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        _, method = await reader.readexactly(2)
    if version != 5 or method:
        raise Refused(f"The environment's proxy {proxy.hostname} does not take our login.", 407)
