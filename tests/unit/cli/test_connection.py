"""The limits on a request's head, on a server with nothing behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from potager.cli import connection
from potager.cli.connection import MOST_HEAD, Connection


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(app, http=Connection, ws="none", lifespan="off", log_config=None)
    config.load()
    state = uvicorn.server.ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def answer(port: int, *parts: bytes) -> bytes:
    """All that the server says to what is sent, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        try:
            await writer.drain()
        except ConnectionError:
            break
    try:
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_requests_pass_one_after_the_other_with_large_bodies(port: int) -> None:
    body = b"x" * (3 * MOST_HEAD)
    one = b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    last = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    said = await answer(port, one, one, last)
    assert said.count(b"HTTP/1.1 200") == 3
    assert said.count(b"x") >= 2 * len(body)


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nx: "])
async def test_a_head_that_grows_and_grows_is_cut_off(port: int, start: bytes) -> None:
    said = await answer(port, start, *[b"a" * 8192] * 64)
    assert said == b"" or b" 431 " in said or b" 400 " in said


async def test_many_headers_count_together(port: int) -> None:
    lines = [b"x-%d: %s\r\n" % (number, b"a" * 1000) for number in range(200)]
    said = await answer(port, b"GET / HTTP/1.1\r\n", *lines)
    assert said == b"" or b" 431 " in said


async def test_a_head_that_never_ends_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_TIME", 0.05)
    assert await answer(port, b"GET / HTTP/1.1\r\nhost:") == b""


async def test_a_connection_that_begins_with_connect_goes_to_the_tunnel() -> None:
    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"asked: " + await reader.readline())
        writer.close()

    config = uvicorn.Config(app, http=Connection, ws="none", lifespan="off", log_config=None)
    config.load()
    state, loop = uvicorn.server.ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(config, state, {}, tunnel=tunnel), "127.0.0.1", 0)
    number = server.sockets[0].getsockname()[1]
    said = await answer(number, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
    assert said == b"asked: CONNECT example.com:443 HTTP/1.1\r\n"
    said = await answer(number, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200")
    assert not state.connections
    server.close()
