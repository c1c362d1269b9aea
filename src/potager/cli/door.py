"""Where connections come in once the server speaks TLS. The first byte tells what a client speaks.

    22 (a ClientHello)  ──► TLS by the certificate of the moment ──► connection.py
    CONNECT ...         ──► the proxy of jobs, which programs of this machine reach in the clear
    anything else       ──► connection.py, marked as plain http: the app says that it is to be https

The event loop's own TLS would drop a client that speaks plain http without a word, and keep one certificate for good.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from potager.cli.certificates import Certificates
from potager.gateway import connection
from potager.gateway.connection import Clients, Connection, Tunnel
from potager.kernel.hosts import is_loopback

log = logging.getLogger(__name__)

HANDSHAKE = b"\x16"
"""TLS's record type of a handshake (RFC 8446, 5.1)."""


class Door(asyncio.Protocol):
    """One connection until it is known what it speaks; then `Connection` takes over.

    certificates : asked anew for each connection.
    """

    def __init__(self, clients: Clients, certificates: Certificates) -> None:
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        self._certificates = certificates
        self._task: asyncio.Task[None] | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._clients.enter(self)
        self._timer = self._loop.call_later(connection.HEAD_TIME, self.shutdown)
        if self._clients.full:
            self.shutdown()  # in which tongue it would be told so is not known yet

    def data_received(self, data: bytes) -> None:
        if self._task is not None:  # what comes with the end of the handshake, before anybody knows that it is over
            self._early += data
        elif data[:1] == HANDSHAKE:
            self._transport.pause_reading()
            self._task = self._loop.create_task(self._secure(data))
        else:
            self._enter(self._transport, self._clients.tunnel if self._is_local() else None, data)

    def _is_local(self) -> bool:
        """Whether the client is on this machine: then what it says in the clear, its login, never leaves it."""
        peer, own = (self._transport.get_extra_info(name) for name in ("peername", "sockname"))
        return bool(peer and own) and (peer[0] == own[0] or is_loopback(peer[0]))

    async def _secure(self, hello: bytes) -> None:
        context, seconds = self._certificates.context(), connection.HEAD_TIME
        agreed = asyncio.ensure_future(
            self._loop.start_tls(self._transport, self, context, server_side=True, ssl_handshake_timeout=seconds)
        )
        await asyncio.sleep(0)  # it has begun: TLS is the transport's protocol, and in line to be told of it
        self._loop.call_soon(self._feed, hello)
        try:
            transport = await agreed
        except OSError as error:  # ssl.SSLError is one: a scan, an old client, one that does not trust us
            log.debug("no TLS with %s: %r", self._transport.get_extra_info("peername"), error)
            self.shutdown()
            return
        if transport is not None and not transport.is_closing():
            self._enter(transport, self._clients.tunnel, bytes(self._early))

    def _feed(self, hello: bytes) -> None:
        """Gives TLS what was taken of it, as the transport would have."""
        protocol = self._transport.get_protocol()
        if isinstance(protocol, Door):  # it did not begin: the client is gone
            return
        tls, left = cast(asyncio.BufferedProtocol, protocol), memoryview(hello)
        while left:
            buffer = memoryview(tls.get_buffer(len(left)))
            size = min(len(buffer), len(left))
            buffer[:size] = left[:size]
            tls.buffer_updated(size)
            left = left[size:]

    def _enter(self, transport: asyncio.Transport, tunnel: Tunnel | None, data: bytes) -> None:
        self._leave()
        inner = Connection(self._clients, tunnel)
        transport.set_protocol(inner)
        inner.connection_made(transport)
        if data:
            inner.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def shutdown(self) -> None:
        """Ends the connection."""
        self._leave()
        self._transport.abort()

    def _leave(self) -> None:
        self._timer.cancel()
        self._clients.leave(self)
