"""A request's body as it comes, and its answer as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from potager.gateway import exchange
from potager.gateway.exchange import Exchange, Incoming
from potager.kernel.body import Disconnected
from potager.kernel.errors import WireError
from potager.wire.message import Request, Response


class Sink:
    """A connection that remembers each system call's worth."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.read = True

    def write(self, *data: bytes) -> None:
        self.calls.append(b"".join(data))

    def pause(self) -> None:
        self.read = False

    def resume(self) -> None:
        self.read = True

    async def drained(self) -> None:
        await asyncio.sleep(0)


def body(*parts: bytes, length: int | None = None, whole: bool = True, **more: Any) -> Incoming:
    """A body of which these parts have come."""
    made = Incoming(Sink(), sum(map(len, parts)) if length is None else length, **more)
    for part in parts:
        made.feed(part)
    if whole:
        made.end()
    return made


async def sent(response: Response, method: str = "GET", *, keep: bool = True, old: bool = False) -> list[bytes]:
    """What goes out at a time, answering so."""
    sink = Sink()
    given = body()
    one = Exchange(sink, Request(method, "/", "", {}, given), given, keep=keep, old=old)

    async def answer(_: Request) -> Response:
        return response

    await one.run(answer, "")
    return sink.calls


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


async def test_a_body_that_has_come_is_there_at_once() -> None:
    given = body(b"ab", b"", b"c")
    assert given.at_once(10) == b"abc"
    assert await given.read(10) == b""
    with pytest.raises(WireError, match="larger than the limit"):
        body(b"abc").at_once(2)


async def test_a_body_arrives_whole() -> None:
    given = body(b"ab", whole=False)
    assert given.at_once(10) is None
    asyncio.get_running_loop().call_soon(given.feed, b"c")
    asyncio.get_running_loop().call_soon(given.end)
    assert await given.read(10) == b"abc"


async def test_a_client_that_goes_away_is_told_apart_from_one_that_ended() -> None:
    given = body(length=5, whole=False)
    asyncio.get_running_loop().call_soon(given.lose)
    with pytest.raises(Disconnected):
        await given.read(10)


async def test_a_client_that_waits_to_be_asked_is_asked_once() -> None:
    given = body(length=2, whole=False, expects=True)
    reading = asyncio.ensure_future(given.read(10))
    for data in (b"a", b"b"):
        await asyncio.sleep(0)
        given.feed(data)
        await asyncio.sleep(0)
    given.end()
    assert await reading == b"ab"
    assert given._line.calls == [b"HTTP/1.1 100 Continue\r\n\r\n"]  # type: ignore[attr-defined]


async def test_a_body_that_nobody_takes_is_not_read_on() -> None:
    given = body(b"x" * (exchange.HIGH_WATER + 1), length=2**20, whole=False)
    assert not given._line.read  # type: ignore[attr-defined]
    asyncio.get_running_loop().call_soon(given.end)
    assert len(await given.read(2**20)) == exchange.HIGH_WATER + 1
    assert given._line.read  # type: ignore[attr-defined]


async def test_a_connection_stays_when_the_body_was_read_or_the_rest_is_little() -> None:
    read = body(b"abc")
    await read.read(10)
    assert await read.settle()
    assert await body(b"abc", b"def").settle()
    assert await body(length=0).settle()
    coming = body(b"abc", length=6, whole=False)
    asyncio.get_running_loop().call_soon(coming.feed, b"def")
    asyncio.get_running_loop().call_soon(coming.end)
    assert await coming.settle()


async def test_a_connection_ends_when_a_client_still_waits_to_send_or_much_is_left() -> None:
    assert not await body(length=3, whole=False, expects=True).settle()
    assert not await body(b"x" * (exchange.MOST_LEFT + 1), length=2**30, whole=False).settle()


async def test_a_response_says_its_length_and_a_head_has_no_body() -> None:
    assert await sent(Response(200, [("X-Some", "v")], b"body")) == [
        b"HTTP/1.1 200 OK\r\nx-some: v\r\ncontent-length: 4\r\n\r\nbody"
    ]
    assert await sent(Response(404, [("Content-Length", "7")], b"message"), "HEAD", keep=False) == [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\nconnection: close\r\n\r\n"
    ]


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_that_has_no_body_says_no_length(status: int) -> None:
    assert b"content-length" not in b"".join(await sent(Response(status, [], b"")))


WRONG = [("x", "a\r\nset-cookie: b"), ("x\r\ny", "a"), ("x y", "a"), ("Content-Length", "3")]


@pytest.mark.parametrize("header", WRONG)
async def test_an_answer_that_cannot_be_written_is_a_server_error(header: tuple[str, str]) -> None:
    (said,) = await sent(Response(200, [header], b"body"))
    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in said


async def test_a_body_that_streams_is_sent_whole_in_chunks() -> None:
    streaming = Streaming()
    calls = await sent(Response(200, [], aiter(streaming)))
    assert calls[0].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert b"".join(calls[1:]) == b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n"
    assert streaming.closed


async def test_a_body_that_streams_goes_as_it_is_where_its_length_is_known_or_chunks_are_not() -> None:
    calls = await sent(Response(200, [("content-length", "1000")], aiter(Streaming())))
    assert b"".join(calls).endswith(b"\r\n\r\n" + b"x" * 1000)
    calls = await sent(Response(200, [], aiter(Streaming())), keep=False, old=True)
    assert b"".join(calls) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 1000


async def test_a_head_goes_out_with_the_beginning_of_its_body_if_that_is_there() -> None:
    async def at_once() -> AsyncIterator[bytes]:
        yield b"body"

    (said,) = await sent(Response(200, [("content-length", "4")], at_once()))
    assert said == b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"


async def test_a_body_is_read_no_further_and_closed_once_the_client_has_gone() -> None:
    streaming, sink, given = Streaming(), Sink(), body()
    one = Exchange(sink, Request("GET", "/", "", {}, given), given, keep=True, old=False)

    async def answer(_: Request) -> Response:
        return Response(200, [], aiter(streaming))

    task = asyncio.ensure_future(one.run(answer, ""))
    while len(sink.calls) < 4:
        await asyncio.sleep(0)
    given.lose()
    await task
    assert streaming.read < 10
    assert streaming.closed
    assert not one.keep


@pytest.mark.parametrize("said", ["999", "1001"])
async def test_a_body_of_another_length_than_was_said_ends_the_connection(said: str) -> None:
    streaming, given = Streaming(), body()
    one = Exchange(Sink(), Request("GET", "/", "", {}, given), given, keep=True, old=False)

    async def answer(_: Request) -> Response:
        return Response(200, [("content-length", said)], aiter(streaming))

    await one.run(answer, "")
    assert not one.keep
    assert streaming.closed


async def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", -1.0)
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(exchange, "LEAST_RATE", 1)
    fast = body(b"x" * 1024, length=1025, whole=False)
    loop.call_soon(fast.feed, b"x")
    loop.call_soon(fast.end)
    assert await fast.read(2000)
    monkeypatch.setattr(exchange, "LEAST_RATE", 10**9)
    slow = body(length=6, whole=False)
    loop.call_soon(slow.feed, b"abc")
    with pytest.raises(WireError, match="too slowly") as caught:
        await slow.read(10)
    assert caught.value.code == "RequestTimeout"
    assert not await slow.settle()


async def test_a_body_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MOST_SILENCE", 0.01)
    stalled = body(length=5, whole=False)
    with pytest.raises(WireError, match="stalled"):
        await stalled.read(10)
    assert not await stalled.settle()


async def test_the_rest_of_a_body_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "SETTLE_TIME", 0.01)
    assert not await body(length=5, whole=False).settle()
