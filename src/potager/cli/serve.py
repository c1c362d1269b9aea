"""Serves an ASGI app with uvicorn, from a bound socket to a clean stop.

listen() -> the socket, or an error that names the remedy
serve()  -> startup, `ready` called once, until SIGTERM, SIGINT or the end of the parent's pipe; then a clean stop
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from potager.cli.certificates import Certificates
from potager.cli.connection import Connection, Tunnel
from potager.cli.door import Door
from potager.kernel.errors import InUse, Invalid

BACKLOG = 2048
KEEP_ALIVE = 75
"""Seconds an idle connection is kept: longer than clients pause between two polls."""
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


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], watched: int | None) -> None:
        super().__init__(config)
        self._ready = ready
        self._watched = watched

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.freeze()  # what was imported stays: collections need not look at it
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own raises the signal again after the stop, which would end the process by it and not with 0.
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self.handle_exit, each, None)
        if self._watched is not None:
            loop.add_reader(self._watched, self._heard, self._watched)
        yield

    def _heard(self, pipe: int) -> None:
        if not os.read(pipe, 4096):
            asyncio.get_running_loop().remove_reader(pipe)
            self.should_exit = True


def serve(
    app: Any,
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
    made = functools.partial(Door, certificates=tls) if tls else Connection
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=functools.partial(made, tunnel=tunnel, most=connections),  # pyright: ignore[reportArgumentType]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    sys.setswitchinterval(SWITCH)
    server = _Server(config, ready, pipe)
    with contextlib.suppress(SystemExit):  # what newer versions raise when the app's startup failed
        server.run(sockets=[sock])
    return server.started
