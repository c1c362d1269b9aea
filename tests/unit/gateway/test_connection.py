"""The bounds on what a client can take, on a server with next to nothing behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from potager.gateway import connection
from potager.gateway.connection import MOST_HEAD, Clients, Connection
from potager.gateway.exchange import Answer
from potager.kernel.body import Disconnected
from potager.wire.message import Request, Response


async def app(request: Request) -> Response:
    """Answers with what it was sent."""
    return Response(200, [], await request.body.read(2**30))


@asynccontextmanager
async def listening(answer: Answer, **more: Any) -> AsyncIterator[int]:
    """The port of a server with this app."""
    clients = Clients(answer, **more)
    made = lambda: Connection(clients, clients.tunnel)  # noqa: E731
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for each in list(clients.connections):
        cast(Connection, each).transport.abort()


@asynccontextmanager
async def busy() -> AsyncIterator[int]:
    """The port of a server that answers nothing for as long as this lasts."""
    done = asyncio.Event()

    async def wait(_: Request) -> Response:
        await done.wait()
        return Response(200, [])

    async with listening(wait) as port:
        yield port
    done.set()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening(app) as number:
        yield number


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

    async with listening(app, tunnel=tunnel) as number:
        said = await answer(number, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
        assert said == b"asked: CONNECT example.com:443 HTTP/1.1\r\n"
        said = await answer(number, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 200")


async def test_headers_are_counted(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_HEADERS", 10)
    lines = b"".join(b"x-%d: a\r\n" % number for number in range(8))
    end = b"connection: close\r\n\r\n"
    assert b" 200 " in await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n" + lines + end)
    assert b" 431 " in await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n" + lines + b"x-9: a\r\n" + end)


NEXT = b"GET /smuggled HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ncontent-length: 6",
        b"content-length: 5\r\ncontent-length: 5",
        b"content-length: 5, 5",
        b"content-length: +5",
        b"content-length: -5",
        b"content-length: 0x5",
        b"content-length: 99999999999999999999999",
        b"content-length: 5\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 5",
        b"transfer-encoding: chunked, identity",
        b"transfer-encoding: xchunked",
        b"content-length : 5",
        b" content-length: 5",
        b"content-length: 5\r\n\tfolded: 1\r\ncontent\x00: 1",
        b"host: b",
        b"x\n: 1",
    ],
)
async def test_a_request_with_two_readings_has_none(port: int, head: bytes) -> None:
    said = await answer(port, b"POST / HTTP/1.1\r\nhost: a\r\n" + head + b"\r\n\r\n0\r\n\r\n" + NEXT)
    assert b" 200 " not in said


async def test_a_host_is_needed_from_http_1_1_on(port: int) -> None:
    assert b" 400 " in await answer(port, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n")
    assert b" 200 " in await answer(port, b"GET / HTTP/1.0\r\n\r\n")


CHUNKED = b"PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"


async def test_small_chunks_with_extensions_and_trailers_are_taken(port: int) -> None:
    parts = [b"1;a=b\r\nx\r\n"] * 1000
    assert (await answer(port, CHUNKED, *parts, b"0\r\nhost: b\r\n\r\n")).endswith(b"x" * 1000)


@pytest.mark.parametrize("start", [b"1;", b"1;a=", b"0\r\n", b"0\r\nx: ", b"0\r\n" + b"x: y\r\n" * 20])
async def test_what_stands_around_chunks_is_bounded(port: int, start: bytes) -> None:
    more = b"a" * 1000 + b": b\r\n" if b"x: y" in start else b"a" * 8192
    said = await answer(port, CHUNKED, start, *[more] * 1000)  # more than one read can bring
    assert b" 200 " not in said


async def test_requests_in_a_row_are_bounded() -> None:
    async with busy() as port:
        one = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
        assert await answer(port, *[one] * (connection.MOST_QUEUED + 2)) == b""


async def test_an_answer_is_not_given_to_another_request() -> None:
    async with busy() as port:
        assert await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"nonsense\r\n\r\n") == b""


async def test_an_app_is_told_when_its_client_goes_away_before_it_has_sent_all() -> None:
    gone = asyncio.Event()

    async def reading(request: Request) -> Response:
        try:
            return await app(request)
        except Disconnected:
            gone.set()
            raise

    async with listening(reading) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        await asyncio.wait_for(gone.wait(), 20)


async def test_requests_that_come_at_once_are_answered_in_their_order(port: int) -> None:
    many = [b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n%02d" % number for number in range(10)]
    last = b"PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n10"
    said = await answer(port, b"".join([*many, last]))
    assert [part[-2:] for part in said.split(b"HTTP/1.1 200 OK")[1:]] == [b"%02d" % number for number in range(11)]


async def test_an_idle_connection_ends_after_a_while(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    monkeypatch.setattr(connection, "KEEP_ALIVE", 0.05)
    assert b" 200 " in await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")


async def test_a_head_that_never_ends_is_not_waited_for_on_a_connection_that_was_used(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr(connection, "HEAD_TIME", 0.05)
    said = await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\n")
    assert said.count(b"HTTP/1.1 200") == 1


async def test_an_app_that_fails_is_a_server_error(port: int) -> None:
    async def failing(_: Request) -> Response:
        raise ZeroDivisionError

    async with listening(failing) as number:
        said = await answer(number, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"connection: close" in said


async def test_connections_are_counted() -> None:
    async with listening(app, most=2) as port:
        open_ = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        assert b" 503 " in await answer(port)
        open_[0][1].write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert b" 200 " in await open_[0][0].read()
        assert b" 200 " in await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        for _, writer in open_:
            writer.close()


@pytest.mark.parametrize("streams", [True, False])
async def test_a_client_that_never_reads_its_answer_is_left(monkeypatch: pytest.MonkeyPatch, streams: bool) -> None:
    monkeypatch.setattr(connection, "UNREAD_TIME", 0.02)
    gone = asyncio.Event()
    lost = Connection.connection_lost

    def told(self: Connection, error: Exception | None) -> None:
        lost(self, error)
        gone.set()

    async def streamed() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 2**20

    async def talkative(_: Request) -> Response:
        return Response(200, [], streamed() if streams else b"x" * 2**26)

    monkeypatch.setattr(Connection, "connection_lost", told)
    async with listening(talkative) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**10)
        cast(asyncio.Transport, writer.transport).pause_reading()
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await asyncio.wait_for(gone.wait(), 20)
        writer.close()
        del reader


async def test_who_reads_no_answer_has_no_more_requests_answered() -> None:
    asked = asyncio.Queue[bool]()

    async def talkative(_: Request) -> Response:
        asked.put_nowait(True)
        return Response(200, [], b"x" * 2**24)

    async with listening(talkative) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**10)
        transport = cast(asyncio.Transport, writer.transport)
        transport.pause_reading()
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await asyncio.wait_for(asked.get(), 20)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        for _ in range(3):  # other connections are served meanwhile
            assert b" 200 " in await answer(port, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            await asked.get()
        assert asked.empty()
        transport.resume_reading()
        taking = asyncio.ensure_future(reader.read(-1))
        await asyncio.wait_for(asked.get(), 20)
        taking.cancel()
        transport.abort()


UPGRADE = b"host: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n"


@pytest.mark.parametrize("cut", [0, 10, None])
async def test_nothing_is_lost_behind_who_asks_for_another_protocol(port: int, cut: int | None) -> None:
    first = b"GET / HTTP/1.1\r\n" + UPGRADE + b"\r\n"
    said = await answer(port, *([first + NEXT] if cut is None else [first + NEXT[:cut], NEXT[cut:]]))
    assert said.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("said_how", [b"content-length: %d", b"transfer-encoding: chunked"])
async def test_a_body_is_no_request_because_its_head_asks_for_another_protocol(port: int, said_how: bytes) -> None:
    length = said_how % len(NEXT) if b"%" in said_how else said_how
    said = await answer(port, b"PUT / HTTP/1.1\r\n" + UPGRADE + length + b"\r\n\r\n", NEXT)
    assert said.count(b"HTTP/1.1 ") <= 1
    assert b" 200 " not in said


class Pipe:
    """A transport from which a client takes so much between two looks."""

    def __init__(self, *waiting: int) -> None:
        self.waiting = list(waiting)
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.waiting.pop(0)

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(
    ("waiting", "moved", "aborted"),
    [
        ((0, 0, 0), False, False),
        ((0, 10), False, False),
        ((10, 10), False, True),
        ((10, 10), True, False),
        ((10**6, 10**6 - 1), False, True),
        ((10**6, 9 * 10**5, 8 * 10**5), False, False),
    ],
)
async def test_a_client_must_take_some_of_what_waits(waiting: tuple[int, ...], moved: bool, aborted: bool) -> None:
    one = Connection(Clients(app))
    pipe = Pipe(*waiting)
    one.transport = pipe  # type: ignore[assignment]
    while pipe.waiting and not pipe.aborted:
        one._look()
        one._moved = moved
    one._forget()
    assert pipe.aborted == aborted
