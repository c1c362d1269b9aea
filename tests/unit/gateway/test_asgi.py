from typing import Any

import pytest

from potager.gateway.asgi import MOST_LEFT, Disconnected, Incoming, incoming, respond, settle
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

    await respond(send, Response(200, [("X-Some", "v")], b"body"))
    await respond(send, Response(404, [("Content-Length", "7")], b"message"), head=True, last=True)
    assert sent[0]["headers"] == [(b"x-some", b"v"), (b"content-length", b"4")]
    assert [sent[1]["body"], sent[3]["body"]] == [b"body", b""]
    assert sent[2]["headers"] == [(b"content-length", b"7"), (b"connection", b"close")]
