"""What a POST to a subscriber does with hosts that misbehave."""

from __future__ import annotations

import asyncio

import pytest

from potager.monitor.topics import posting
from potager.monitor.topics.posting import Refused


async def answered(answer: bytes, **changes: str) -> bytes:
    """What a host gets that answers this to everybody."""
    got = b""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        got = await reader.readuntil(b"body")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await posting.post(f"http://me:s%40@127.0.0.1:{port}/a?b=c", {"x-a": "b", **changes}, b"body")
    return got


async def test_a_post_has_its_headers_and_its_login() -> None:
    got = (await answered(b"HTTP/1.1 204 No Content\r\n\r\n")).decode()
    head, _, body = got.partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert (lines[0], body) == ("POST /a?b=c HTTP/1.1", "body")
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert {"x-a: b", "Authorization: Basic bWU6c0A=", "Content-Length: 4"} <= set(lines)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n", Refused),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", Refused),
        (b"HTTP/1.1 429 Slow Down\r\n\r\n", OSError),
        (b"HTTP/1.1 500 Oh\r\n\r\n", OSError),
        (b"SSH-2.0-me\r\n", ValueError),
        (b"", ValueError),
        (b"H" * 100_000, ValueError),
    ],
)
async def test_what_is_no_success_fails(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await answered(answer)


async def test_a_host_that_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TIMEOUT", 0.05)
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(60), "127.0.0.1", 0)
    async with server:
        with pytest.raises(TimeoutError):
            await posting.post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {}, b"")


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[2002:a9fe:a9fe::1]",
    ],
)
async def test_addresses_of_nobodys_server_get_nothing(host: str) -> None:
    with pytest.raises(Refused, match="not sent"):
        await posting.post(f"http://{host}/", {}, b"")
