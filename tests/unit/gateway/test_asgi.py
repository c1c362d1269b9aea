from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from potager.gateway import asgi
from potager.gateway.asgi import MOST_LEFT, Disconnected, Incoming, incoming, respond, settle
from potager.kernel.errors import WireError
from potager.wire.message import Response


def asked(*parts: bytes, method: str = "PUT", path: bytes = b"/b/k", headers: dict[str, str] | None = None) -> Incoming:
    """A request whose body arrives in parts; a part of None is a client that went away."""
    queue = [{"type": "http.request", "body": part, "more_body": True} for part in parts[:-1]]
    queue += [{"type": "http.request", "body": part, "more_body": False} for part in parts[-1:]]

    async def receive() -> dict[str, Any]:
        return queue.pop(0) if queue else {"type": "http.disconnect"}

    given = {"content-length": str(sum(map(len, parts)))} | (headers or {})
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    scope = {"method": method, "path": "", "raw_path": path, "query_string": b"a=%2F", "headers": raw}
    return incoming(scope, receive)


async def silent() -> dict[str, Any]:
    """The `receive` of a client that stays and says nothing."""
    return await asyncio.get_running_loop().create_future()


class Streaming:
    """A body of a thousand chunks that counts what was read of it, and knows when it was closed."""

    def __init__(self) -> None:
        self.read = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while self.read < 1000:
                self.read += 1
                await asyncio.sleep(0)
                yield b"x"
        finally:
            self.closed = True


async def test_a_request_keeps_its_path_and_query_as_they_were_written() -> None:
    request = asked(b"x", path=b"/b/a%2F%2E//c").request
    assert (request.path, request.query) == ("/b/a%2F%2E//c", "a=%2F")


async def test_a_body_arrives_whole() -> None:
    assert await asked(b"ab", b"", b"c").request.body.read(10) == b"abc"


async def test_a_client_that_goes_away_is_told_apart_from_one_that_ended() -> None:
    with pytest.raises(Disconnected):
        await asked(headers={"content-length": "5"}).request.body.read(10)


async def test_a_connection_stays_when_the_body_was_read_or_the_rest_is_little() -> None:
    read = asked(b"abc")
    await read.request.body.read(10)
    assert await settle(read)
    assert await settle(asked(b"abc", b"def"))
    assert await settle(asked(headers={"content-length": "0"}))


async def test_a_connection_ends_when_a_client_still_waits_to_send_or_much_is_left() -> None:
    assert not await settle(asked(b"abc", headers={"expect": "100-continue"}))
    assert not await settle(asked(b"x" * (MOST_LEFT + 1), b"x"))


async def test_a_response_says_its_length_and_a_head_has_no_body() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await respond(send, silent, Response(200, [("X-Some", "v")], b"body"))
    await respond(send, silent, Response(404, [("Content-Length", "7")], b"message"), head=True, last=True)
    assert sent[0]["headers"] == [(b"x-some", b"v"), (b"content-length", b"4")]
    assert [sent[1]["body"], sent[3]["body"]] == [b"body", b""]
    assert sent[2]["headers"] == [(b"content-length", b"7"), (b"connection", b"close")]


async def test_a_body_that_streams_is_sent_whole_to_a_client_that_stays() -> None:
    sent: list[dict[str, Any]] = []
    said = [{"type": "http.request", "body": b"rest", "more_body": False}]
    body = Streaming()

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def receive() -> dict[str, Any]:
        return said.pop() if said else await silent()

    await respond(send, receive, Response(200, [], aiter(body)))
    assert (sum(len(message["body"]) for message in sent[1:]), body.closed) == (1000, True)
    assert [message.get("more_body", False) for message in sent[-2:]] == [True, False]


async def test_a_body_is_read_no_further_and_closed_once_the_client_has_gone() -> None:
    sent: list[dict[str, Any]] = []
    gone = asyncio.Event()
    body = Streaming()

    async def send(message: Any) -> None:
        sent.append(dict(message))
        if len(sent) == 4:
            gone.set()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    await respond(send, receive, Response(200, [], aiter(body)))
    assert body.read < 10
    assert body.closed
    assert all(message["more_body"] for message in sent[1:])


async def test_a_body_is_closed_when_it_cannot_be_sent() -> None:
    body = Streaming()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await respond(send, silent, Response(200, [], aiter(body)))
    assert body.closed


async def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "PATIENCE", -1.0)
    slow = asked(b"abc", b"def")
    monkeypatch.setattr(asgi, "LEAST_RATE", 1)
    assert await asked(b"x" * 1024, b"y").request.body.read(2000)
    monkeypatch.setattr(asgi, "LEAST_RATE", 10**9)
    with pytest.raises(WireError, match="too slowly") as caught:
        await slow.request.body.read(10)
    assert caught.value.code == "RequestTimeout"
    assert not await settle(slow)


async def test_a_body_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "MOST_SILENCE", 0.01)
    raw = [(b"content-length", b"5")]
    stalled = incoming({"method": "PUT", "path": "/", "query_string": b"", "headers": raw}, silent)
    with pytest.raises(WireError, match="stalled"):
        await stalled.request.body.read(10)
    assert not await settle(stalled)


async def test_the_rest_of_a_body_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "SETTLE_TIME", 0.01)
    raw = [(b"content-length", b"5")]
    assert not await settle(incoming({"method": "PUT", "path": "/", "query_string": b"", "headers": raw}, silent))
