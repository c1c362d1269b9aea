"""A connection that changes what it speaks: a WebSocket, once its request was answered 101.

    Exchange ─► 101 ─► Switched ─► the app's `Switch`: bytes both ways, until it returns

It stays one of the server's connections, counted and ended with them. None of HTTP's times is kept any more: who
switches says how long it waits for what.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from potager.wire.message import Switch

if TYPE_CHECKING:
    from potager.gateway.connection import Clients

log = logging.getLogger(__name__)

HELD = 2**16
"""Bytes that wait for the app, twice, before the client is read no further."""


class Switched(asyncio.StreamReaderProtocol):
    """One such connection, from the moment that it is made."""

    def __init__(self, clients: Clients, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self._clients = clients
        self._line = transport
        self._reader = asyncio.StreamReader(limit=HELD, loop=loop)
        super().__init__(self._reader, loop=loop)
        self._writer = asyncio.StreamWriter(transport, self, self._reader, loop)
        clients.enter(self)
        transport.set_protocol(self)
        self.connection_made(transport)

    async def serve(self, head: bytes, switch: Switch) -> None:
        """Says that it has changed, and has it served; it is over when this returns.

        head : the answer's.
        """
        try:
            self._writer.write(head)
            await switch(self._reader, self._writer)
        except ConnectionError:
            return
        except Exception:
            log.exception("a connection that had changed its protocol could not be served")
        finally:
            self._line.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clients.leave(self)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Ends it: nothing here has an end of its own that could be waited for."""
        self._line.abort()
