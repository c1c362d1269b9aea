"""Serves the app, from a bound socket to a clean stop.

listen() -> the socket, or an error that names the remedy
serve()  -> startup, `ready` called once, until SIGTERM, SIGINT or the end of the parent's pipe; then a clean stop
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvloop

from potager.cli.certificates import Certificates
from potager.cli.door import Door
from potager.gateway.connection import Clients, Connection, Tunnel
from potager.kernel.errors import Fault, InUse, Invalid

if TYPE_CHECKING:
    from potager.gateway.app import App

log = logging.getLogger(__name__)

BACKLOG = 2048
SWITCH = 0.0005
"""Seconds that a thread (the database's, a job's upload) may hold the interpreter while the event loop waits for it.
Each system call of the loop gives it away, and a request makes several."""
GRACE = 5
"""Seconds that requests under way are given at a stop."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `InUse` when the port is taken, `Invalid` when the address is not this machine's."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Invalid(f"Host {host} is not an address of this machine: {error.strerror}. Try 127.0.0.1.") from error
    family, kind, proto, _, address = found[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _refused(host, port, error) from error
    return sock


def _refused(host: str, port: int, error: OSError) -> InUse | Invalid:
    if error.errno == errno.EADDRINUSE:
        return InUse(
            f"Port {port} of {host} is in use by another program. "
            "Choose another with --port, or let the system choose one with --port 0."
        )
    return Invalid(f"Cannot listen on {host} port {port}: {error.strerror}. Choose others with --host and --port.")


def url(sock: socket.socket, tls: Certificates | None = None) -> str:
    """Where this machine reaches the socket; a wildcard address is reached by loopback.

    tls : by a name that its certificate is for.
    """
    host, port = sock.getsockname()[:2]
    reached = str({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host))  # noqa: S104  compared, not bound
    scheme, reached = ("https", tls.name(reached)) if tls else ("http", reached)
    return f"{scheme}://[{reached}]:{port}" if ":" in reached else f"{scheme}://{reached}:{port}"


async def _run(
    app: App,
    sock: socket.socket,
    clients: Clients,
    made: Callable[[], asyncio.Protocol],
    ready: Callable[[], None],
    pipe: int | None,
) -> bool:
    """Whether the app could start. Returns once it has stopped."""
    told = _stopping(pipe)
    try:
        await app.open()
    except Exception as error:
        if isinstance(error, Fault):
            log.error("the server could not start: %s", error.message)
        else:
            log.exception("the server could not start")
        return False
    try:
        server = await asyncio.get_running_loop().create_server(made, sock=sock, backlog=BACKLOG)
        gc.freeze()  # what was imported stays: collections need not look at it
        ready()
        await told.wait()
        server.close()
        app.leave()
        await _farewell(clients)
    finally:
        await app.close()
    return True


def _stopping(pipe: int | None) -> asyncio.Event:
    """An event that is set once the server is told to stop."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def heard(handle: int) -> None:
        if not os.read(handle, 4096):
            loop.remove_reader(handle)
            told.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    if pipe is not None:
        loop.add_reader(pipe, heard, pipe)
    return told


async def _farewell(clients: Clients) -> None:
    """Ends the connections: idle ones at once, the others with their requests, all of them in a while."""
    for connection in list(clients.connections):
        connection.shutdown()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            await clients.gone()
    left = list(clients.tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def serve(
    app: App,
    sock: socket.socket,
    ready: Callable[[], None],
    *,
    pipe: int | None = None,
    tunnel: Tunnel | None = None,
    tls: Certificates | None = None,
    connections: int | None = None,
) -> bool:
    """Serves until told to stop; False when the app could not start (the log says why).

    Parameters
    ----------
    ready : called once, when requests are answered.
    pipe : a descriptor whose end of file is a reason to stop.
    tunnel : takes the connections that begin with CONNECT.
    tls : None for plain http.
    connections : how many may be open at a time, None for any number.
    """
    clients = Clients(app.answer, tunnel, connections)
    made = functools.partial(Door, clients, tls) if tls else functools.partial(Connection, clients, tunnel)
    sys.setswitchinterval(SWITCH)
    return uvloop.run(_run(app, sock, clients, made, ready, pipe))
