"""What goes through to a notebook instance and what comes back, with anything at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request

from potager.studio.passing import Streams, confined, passed, relayed

BELOW = "/_studio/notebooks/default/jupyter/"


@asynccontextmanager
async def answering(said: bytes) -> AsyncIterator[tuple[Streams, list[bytes]]]:
    """A connection to somebody who says this to the first request, and what was heard."""
    heard: list[bytes] = []

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield await asyncio.open_connection(host, port), heard
    server.close()


def request(path: str = "api", method: str = "GET", **headers: str) -> Request:
    raw = BELOW + path
    given = {"host": "here:1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": raw,
        "raw_path": raw.encode(),
        "query_string": b"a=1",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "server": None,
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    return Request(scope, receive)


async def content(response: Any) -> bytes:
    if hasattr(response, "body_iterator"):
        return b"".join([part async for part in response.body_iterator])
    return response.body


async def test_studios_cookie_and_token_stay_here() -> None:
    async with answering(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") as (streams, heard):
        cookies = "potager-studio=secret; _xsrf=theirs"
        sent = request(cookie=cookies, x_form_token="secret", authorization="secret", x_xsrftoken="theirs")
        answer = await passed(sent, streams, BELOW, lambda: True)
        assert await content(answer) == b"ok"
    (head,) = heard
    assert head.startswith(b"GET /_studio/notebooks/default/jupyter/api?a=1 HTTP/1.0\r\nHost: here:1\r\n")
    assert b"secret" not in head
    assert b"Cookie: _xsrf=theirs\r\n" in head
    assert b"x-xsrftoken: theirs\r\n" in head


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        ("_xsrf=a; Path=/; expires=never", f"_xsrf=a; Path={BELOW}; SameSite=Strict; expires=never"),
        ("a=b; HttpOnly; Domain=example.com; SameSite=None", f"a=b; Path={BELOW}; SameSite=Strict; HttpOnly"),
        ("potager-studio=forged; Path=/_studio", None),
        (" potager-studio =forged", None),
        ("nonsense", None),
    ],
)
def test_a_cookie_is_confined_to_the_instances_addresses(cookie: str, kept: str | None) -> None:
    assert confined(cookie, BELOW) == kept


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.0 999 Odd\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nbad name: a\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nx: " + b"a" * 2**18,
    ],
)
async def test_what_is_no_answer_is_a_bad_gateway(said: bytes) -> None:
    async with answering(said) as (streams, _):
        answer = await passed(request(), streams, BELOW, lambda: True)
    assert answer.status_code == 502


async def test_the_answers_own_policy_stays_beside_ours() -> None:
    said = b"HTTP/1.0 200 OK\r\ncontent-security-policy: sandbox\r\nkeep-alive: 5\r\ncontent-length: 0\r\n\r\n"
    async with answering(said) as (streams, _):
        answer = await passed(request("files/a.html"), streams, BELOW, lambda: True)
        policies = [value for name, value in answer.raw_headers if name == b"content-security-policy"]
        assert policies[0] == b"sandbox"
        assert policies[1].startswith(b"default-src 'none'")
        assert b"script-src" not in policies[1]
        assert policies[1].endswith(b"; sandbox")
        assert b"keep-alive" not in dict(answer.raw_headers)
        assert await content(answer) == b""


async def test_an_answer_101_that_nobody_asked_for_changes_nothing() -> None:
    async with answering(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n") as (streams, _):
        answer = await passed(request(), streams, BELOW, lambda: True)
    assert answer.status_code == 502


async def line() -> tuple[Streams, Streams]:
    """A connection: its two ends."""
    taken: asyncio.Future[Streams] = asyncio.get_running_loop().create_future()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set_result((reader, writer))

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    near = await asyncio.open_connection(host, port)
    far = await taken
    server.close()
    return near, far


async def test_bytes_are_relayed_both_ways_until_either_end_closes() -> None:
    (browser, near), (jupyter, far) = await line(), await line()
    task = asyncio.ensure_future(relayed(near, far, lambda: True))
    browser[1].write(b"x" * 300_000)
    assert await asyncio.wait_for(jupyter[0].readexactly(300_000), 20) == b"x" * 300_000
    jupyter[1].write(b"back")
    assert await asyncio.wait_for(browser[0].readexactly(4), 20) == b"back"
    jupyter[1].close()
    assert await asyncio.wait_for(browser[0].read(), 20) == b""
    await asyncio.wait_for(task, 20)
    browser[1].close()


async def test_a_relay_ends_with_the_session() -> None:
    (browser, near), (jupyter, far) = await line(), await line()
    signed_in = True
    task = asyncio.ensure_future(relayed(near, far, lambda: signed_in, look=0.01))
    browser[1].write(b"x")
    assert await asyncio.wait_for(jupyter[0].readexactly(1), 20) == b"x"
    signed_in = False
    await asyncio.wait_for(task, 20)
    assert await asyncio.wait_for(jupyter[0].read(), 20) == b""
    assert await asyncio.wait_for(browser[0].read(), 20) == b""
    for end in (browser, jupyter):
        end[1].close()
