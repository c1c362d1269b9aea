"""An HTTPS proxy: AWS's host names are answered here, all others are passed on untouched.

    CONNECT sts.us-east-1.amazonaws.com:443  ──►  TLS with our certificate for that name ──► the server, as it speaks
    CONNECT pypi.org:443                     ──►  a tunnel, straight or by the environment's own proxy

The bytes inside are not looked at: the server finds the service by the Host header and the signature. `potager run` has
one on a loopback port of its own for the command that it runs; the server has one on its own port for the programs of
jobs (`passage.py`). Either serves those alone whose login it knows.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hmac
import logging
import secrets
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

from potager.cli.upstream import MAX_HEAD, Refused, Streams, Upstream
from potager.kernel.errors import Fault
from potager.kernel.hosts import is_aws

log = logging.getLogger(__name__)

HEAD_PATIENCE, TLS_PATIENCE = 30.0, 30.0
"""Seconds that a client may take to say what it wants, and to agree on TLS."""
CHUNK = 65536
ADVICE = "If it keeps a list of authorities of its own, have it use the file that SSL_CERT_FILE names."


Inner = Callable[[], ssl.SSLContext]
"""What the connection to the server is secured with, asked anew for each: its certificate may be a new one."""

Admit = Callable[[str, str], Awaitable[bool]]
"""`await admit(user, password)`: whether they may use the proxy."""


class Certifier(Protocol):
    """Vouches for host names (`authority.py`)."""

    def context(self, *hosts: str) -> ssl.SSLContext:
        """What a server needs to answer TLS as these hosts. Called in a thread: it may take a moment."""
        ...


class Unwanted(Fault):
    """A request that is no good CONNECT. `status`: what it is answered."""

    def __init__(self, message: str, status: int, *headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class Proxy:
    """Lives in one event loop.

    Parameters
    ----------
    server : the URL that AWS's host names lead to.
    admit : knows the logins; None for a proxy that has a single one, which `listen` gives.
    inner : where the server speaks https.
    """

    def __init__(
        self,
        server: str,
        authority: Certifier,
        upstream: Upstream,
        admit: Admit | None = None,
        *,
        inner: Inner | None = None,
    ) -> None:
        parts = urlsplit(server)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._inner = inner if parts.scheme == "https" else None
        self._authority = authority
        self._upstream = upstream
        self._admit = admit or self._is_own
        self._token = secrets.token_urlsafe(24)
        self._warned: set[str] = set()
        self._clients: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def listen(self) -> str:
        """Begins to serve; gives the proxy's URL, the login in it."""
        self._listener = await asyncio.start_server(self.client, "127.0.0.1", 0, limit=MAX_HEAD)
        port = self._listener.sockets[0].getsockname()[1]
        return f"http://potager:{self._token}@127.0.0.1:{port}"

    async def close(self) -> None:
        """Listens no more, and ends the connections that are still open."""
        if self._listener is not None:
            self._listener.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _is_own(self, user: str, password: str) -> bool:
        return hmac.compare_digest(password.encode(), self._token.encode())

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection to its end."""
        task = asyncio.current_task()
        assert task
        self._clients.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError) as error:
            log.debug("connection ended: %r", error)  # the other side hung up, or we stop: nobody is left to tell
        finally:
            self._clients.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_PATIENCE):
                host, port = await self._target(reader)
            other = await self._open(host, port)
        except Unwanted as unwanted:
            await _refuse(writer, unwanted)
            return
        with contextlib.closing(other[1]):
            # Before the client is answered: what it says from then on is TLS, and not for this reader.
            context = await asyncio.to_thread(self._authority.context, host) if is_aws(host) else None
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if context is not None and not await self._secure(writer, host, context):
                return
            await splice((reader, writer), other)

    async def _target(self, reader: asyncio.StreamReader) -> tuple[str, int]:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise Unwanted("The head of the request is too large.", 431) from error
        line, *headers = head.split(b"\r\n")
        if not await self._is_known(headers):
            raise Unwanted("This proxy is for another.", 407, 'Proxy-Authenticate: Basic realm="potager"')
        method, _, rest = line.partition(b" ")
        if method != b"CONNECT":
            raise Unwanted("This proxy takes CONNECT alone.", 405, "Allow: CONNECT")
        return _host_and_port(rest.partition(b" ")[0].decode("latin-1"))

    async def _is_known(self, headers: list[bytes]) -> bool:
        values = (value.strip() for name, _, value in (header.partition(b":") for header in headers)
                  if name.strip().lower() == b"proxy-authorization")  # fmt: skip
        login = next((found for found in map(_login, values) if found), None)
        return login is not None and await self._admit(*login)

    async def _open(self, host: str, port: int) -> Streams:
        try:
            if is_aws(host):
                return await asyncio.open_connection(*self._server, ssl=self._inner() if self._inner else None)
            return await self._upstream.connect(host, port)
        except Refused as refused:
            # A 407 of that proxy is not about the login that this client gave to us.
            raise Unwanted(refused.message, 502 if refused.status == 407 else refused.status) from refused
        except TimeoutError as error:
            raise Unwanted(f"{host}:{port} does not answer.", 504) from error
        except (OSError, UnicodeError) as error:
            raise Unwanted(f"{host}:{port} cannot be reached: {error}.", 502) from error

    async def _secure(self, writer: asyncio.StreamWriter, host: str, context: ssl.SSLContext) -> bool:
        try:
            await writer.start_tls(context, ssl_handshake_timeout=TLS_PATIENCE)
        except ssl.SSLError as error:
            self._warn(host, error)
            return False
        return True

    def _warn(self, host: str, error: ssl.SSLError) -> None:
        if host not in self._warned:
            self._warned.add(host)
            log.warning("%s: the client does not take our certificate: %s. %s", host, error.reason, ADVICE)


def _login(value: bytes) -> tuple[str, str] | None:
    """User and password of a `Proxy-Authorization`, None for what is no Basic one."""
    kind, _, encoded = value.partition(b" ")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon and kind.lower() == b"basic" else None


def _host_and_port(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise Unwanted(f"'{target[:300]}' is not a host and a port.", 400)
    return host.strip("[]").rstrip(".").lower(), int(port)


async def _refuse(writer: asyncio.StreamWriter, unwanted: Unwanted) -> None:
    body = (unwanted.message + "\n").encode(errors="replace")
    lines = [
        f"HTTP/1.1 {unwanted.status} Refused by potager",
        *unwanted.headers,
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()


async def splice(one: Streams, other: Streams) -> None:
    """Passes bytes both ways until `other` has said all, or either is gone."""
    forth = asyncio.create_task(_pump(one[0], other[1]))
    try:
        await _pump(other[0], one[1])
    finally:
        forth.cancel()
        await asyncio.gather(forth, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK):
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


@contextlib.contextmanager
def in_thread(proxy: Proxy) -> Iterator[str]:
    """The proxy's URL; it serves from a thread of its own for the length of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(proxy.listen(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
