"""Connections that speak another protocol once their request is answered 101."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest

from potager.gateway import connection
from potager.gateway.connection import Clients, Connection
from potager.gateway.switching import HELD
from potager.wire.message import Request, Response, Switch

ASKED = b"GET /socket HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
PLAIN = b"GET /plain HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it hears, in capitals, until nothing comes any more."""
    while data := await reader.read(2**16):
        writer.write(data.upper())
        await writer.drain()


@asynccontextmanager
async def listening(switch: Switch, most: int | None = None) -> AsyncIterator[tuple[int, Clients]]:
    """The port of a server that lets `/socket` change its protocol, and its clients."""

    async def app(request: Request) -> Response:
        if request.path == "/socket":
            return Response(101, [("connection", "Upgrade"), ("upgrade", "websocket")], switch=switch)
        return Response(200, [], b"plain")

    clients = Clients(app, most=most)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(clients), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], clients
    server.close()
    for each in list(clients.connections):
        each.shutdown()
    await asyncio.wait_for(clients.gone(), 20)


async def changed(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has changed its protocol."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(ASKED)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"upgrade: websocket\r\n" in head
    assert b"content-length" not in head
    assert b"connection: close" not in head
    return reader, writer


async def test_bytes_go_both_ways_as_they_come() -> None:
    async with listening(echo) as (port, _):
        reader, writer = await changed(port)
        for said in (b"one", b"\x00\xff GET / HTTP/1.1\r\n\r\n", b"x" * 300_000):
            writer.write(said)
            assert await asyncio.wait_for(reader.readexactly(len(said)), 20) == said.upper()
        writer.close()


async def test_none_of_the_times_of_http_is_kept_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(echo) as (port, clients):
        reader, writer = await changed(port)
        (one,) = clients.connections
        assert not isinstance(one, Connection)
        monkeypatch.setattr(connection, "KEEP_ALIVE", 0.01)
        other, _ = await asyncio.open_connection("127.0.0.1", port)
        _.write(PLAIN.replace(b"close", b"keep-alive"))
        await asyncio.wait_for(other.read(), 20)  # that one is ended for being idle
        writer.write(b"still")
        assert await asyncio.wait_for(reader.readexactly(5), 20) == b"STILL"
        writer.close()


async def test_it_is_a_connection_like_the_others_and_counted() -> None:
    async with listening(echo, most=1) as (port, clients):
        _, writer = await changed(port)
        refused, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(PLAIN)
        assert b" 503 " in await asyncio.wait_for(refused.read(), 20)
        writer.close()
        await asyncio.wait_for(clients.gone(), 20)
        served, again = await asyncio.open_connection("127.0.0.1", port)
        again.write(PLAIN)
        assert (await asyncio.wait_for(served.read(), 20)).endswith(b"plain")


async def test_the_client_is_told_when_the_app_has_done() -> None:
    async def farewell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"bye")

    async with listening(farewell) as (port, clients):
        reader, _ = await changed(port)
        assert await asyncio.wait_for(reader.read(), 20) == b"bye"
        await asyncio.wait_for(clients.gone(), 20)


@pytest.mark.parametrize(("error", "logged"), [(ConnectionError("the other end is gone"), 0), (ZeroDivisionError(), 1)])
async def test_an_app_that_fails_ends_its_connection(
    error: Exception, logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise error

    async with listening(failing) as (port, clients):
        reader, _ = await changed(port)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        await asyncio.wait_for(clients.gone(), 20)
    assert len(caplog.records) == logged


async def test_a_server_that_stops_ends_it() -> None:
    async with listening(echo) as (port, clients):
        reader, _ = await changed(port)
        for each in list(clients.connections):
            each.shutdown()
        await asyncio.wait_for(clients.gone(), 20)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 20) == b""


@pytest.mark.parametrize("more", [b"GET /sm", PLAIN, b"\x81\x05hello"])
async def test_what_was_sent_before_the_answer_is_not_taken_for_the_other_protocol(more: bytes) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())

    async with listening(listen) as (port, clients):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASKED + more)
        said = await asyncio.wait_for(reader.read(), 20)
        assert b" 101 " not in said
        await asyncio.wait_for(clients.gone(), 20)
        assert heard == []


async def test_a_client_is_read_no_further_than_the_app_takes_it() -> None:
    held: list[asyncio.StreamReader] = []
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        held.append(reader)
        await go_on.wait()
        while await reader.read(2**16):
            pass

    async with listening(slow) as (port, clients):
        _, writer = await changed(port)
        writer.write(b"x" * 2**24)
        while not held:
            await asyncio.sleep(0)
        transport = cast(asyncio.Transport, held[0]._transport)  # type: ignore[attr-defined]
        while transport.is_reading():  # until it has enough
            await asyncio.sleep(0)
        assert len(held[0]._buffer) < 2 * HELD + 2**18  # type: ignore[attr-defined]
        assert writer.transport.get_write_buffer_size() > 0
        go_on.set()
        writer.close()
        await asyncio.wait_for(clients.gone(), 20)
