"""One port that speaks TLS, and says so to those who do not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from potager.cli import certificates
from potager.cli.certificates import Certificates
from potager.cli.door import Door
from potager.gateway import connection
from potager.gateway.connection import Clients
from potager.kernel.settings import Settings
from potager.wire.message import Request, Response

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the:DeprecationWarning")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> Any:
    return request.param()


async def scheme(request: Request) -> Response:
    """Says by which scheme it was reached, and then what it received."""
    said = await request.body.read(2**30)
    return Response(200, [("x-scheme", "https" if request.secure else "http")], said)


async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"asked: " + await reader.readline())
    writer.close()


class Here:
    def __init__(self, port: int, clients: Clients, ours: Certificates) -> None:
        self.port, self.clients, self.ours = port, clients, ours

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ours.trusted.decode())

    async def answer(self, *parts: bytes, tls: ssl.SSLContext | None = None, name: str = "localhost") -> bytes:
        """All that the server says to what is sent, until it closes."""
        named = {"ssl": tls, "server_hostname": name} if tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **named)
        for part in parts:
            writer.write(part)
            await writer.drain()
        try:
            return await asyncio.wait_for(reader.read(), 30)
        finally:
            writer.close()

    async def empty(self) -> None:
        """Returns once no connection is left."""
        async with asyncio.timeout(30):
            while self.clients.connections:
                await asyncio.sleep(0.001)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    ours = certificates.of(Settings(data=tmp_path, tls=True))
    assert ours
    clients = Clients(scheme, tunnel)
    made: Callable[[], Door] = lambda: Door(clients, ours)  # noqa: E731
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    yield Here(server.sockets[0].getsockname()[1], clients, ours)
    server.close()


GET = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def test_https_is_answered(here: Here) -> None:
    for name in ("localhost", "127.0.0.1", "my.claims.s3.localhost"):
        said = await here.answer(GET, tls=here.trusting(), name=name)
        assert said.startswith(b"HTTP/1.1 200")
        assert b"x-scheme: https" in said
    await here.empty()


async def test_a_large_body_passes_whole_behind_another_request(here: Here) -> None:
    body = b"x" * 3_000_000
    put = b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    said = await here.answer(put, GET, tls=here.trusting())
    assert said.count(b"HTTP/1.1 200") == 2
    assert said.count(b"x") >= len(body)


async def test_http_1_is_agreed_on_by_a_client_that_would_speak_2(here: Here) -> None:
    context = here.trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection("localhost", here.port, ssl=context)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    writer.close()


async def test_plain_http_reaches_the_app_as_such(here: Here) -> None:
    said = await here.answer(GET)
    assert said.startswith(b"HTTP/1.1 200")
    assert b"x-scheme: http\r\n" in said


@pytest.mark.parametrize("secure", [False, True])
async def test_connect_goes_to_the_tunnel_from_this_machine(here: Here, secure: bool) -> None:
    said = await here.answer(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", tls=here.trusting() if secure else None)
    assert said == b"asked: CONNECT example.com:443 HTTP/1.1\r\n"


async def test_another_machine_must_say_its_login_by_tls(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Door, "_is_local", lambda self: False)
    assert b"asked: " not in await here.answer(b"CONNECT example.com:443 HTTP/1.1\r\nhost: a\r\n\r\n" + GET)
    assert b"asked: " in await here.answer(b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", tls=here.trusting())


async def test_a_hello_that_comes_in_pieces_is_understood(here: Here) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = here.trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    for byte in outgoing.read():
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0)
    while True:
        incoming.write(await reader.read(65536))
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            continue
    client.write(GET)  # in one piece with the end of the handshake
    writer.write(outgoing.read())
    said = b""
    while b"x-scheme: https" not in said:
        data = await asyncio.wait_for(reader.read(65536), 30)
        assert data, said
        incoming.write(data)
        with contextlib.suppress(ssl.SSLWantReadError):
            while data := client.read(65536):
                said += data
    writer.close()


async def test_what_is_neither_is_let_go(here: Here) -> None:
    with contextlib.suppress(ConnectionError):
        assert b"HTTP" not in await here.answer(b"\x16\x03\x01\x00\x05hello")
    assert b" 400 " in await here.answer(b"\x00\x01\x02\r\n\r\n")
    await here.empty()


async def test_who_says_nothing_is_not_waited_for(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_TIME", 0.05)
    for first in (b"", b"\x16"):
        with contextlib.suppress(ConnectionError):
            assert not await here.answer(first)
    await here.empty()


async def test_a_stop_ends_the_connections_that_wait(here: Here) -> None:
    _, waiting = await asyncio.open_connection("127.0.0.1", here.port)
    reader, idle = await asyncio.open_connection("localhost", here.port, ssl=here.trusting())
    idle.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    while len(here.clients.connections) < 2:
        await asyncio.sleep(0)
    for each in list(here.clients.connections):
        each.shutdown()
    await here.empty()
    waiting.close()
    idle.close()
