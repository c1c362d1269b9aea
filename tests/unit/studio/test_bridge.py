"""An app's answer on its way to the front: whole or as it comes, and what becomes of the app when nobody takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, cast

import pytest

from potager.kernel.body import Body
from potager.studio import bridge
from potager.wire.message import Request, Response

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Endless:
    """An app whose answer never ends. `ended` is set when it has."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"more", "more_body": True})
        finally:
            self.ended.set()


def request() -> Request:
    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    return Request("GET", "/_studio/", "", {"host": "here"}, Body(nothing(), 0))


async def begun(app: Any) -> Any:
    async with asyncio.timeout(60):
        return cast(Any, (await bridge.answer(app, request())).body)


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_an_app_ends_when_nobody_takes_the_rest(taken: int) -> None:
    async def check() -> None:
        app = Endless()
        body = await begun(app)
        for _ in range(taken):
            assert await anext(body) == b"more"
        async with asyncio.timeout(60):
            await asyncio.sleep(0)  # so that it waits for its next part to be taken
            await body.aclose()
            await app.ended.wait()

    asyncio.run(check())


def test_an_app_ends_with_who_waits_for_its_answer() -> None:
    async def check() -> None:
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Send) -> None:
            waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        task = asyncio.create_task(bridge.answer(slow, request()))
        async with asyncio.timeout(60):
            await waiting.wait()
            task.cancel()
            await asyncio.wait([task])
        assert task.cancelled()
        assert ended.is_set()

    asyncio.run(check())


def test_a_body_that_breaks_off_is_no_whole_one() -> None:
    async def check() -> None:
        async def breaks(scope: Any, receive: Any, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise LookupError("the other half")

        body = await begun(breaks)
        assert await anext(body) == b"half"
        with pytest.raises(LookupError):
            await anext(body)
        await body.aclose()

    asyncio.run(check())


def test_a_body_in_parts_comes_whole() -> None:
    async def check() -> None:
        async def parts(scope: Any, receive: Any, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for part in (b"a", b"", b"b"):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"c"})

        async with asyncio.timeout(60):
            answer: Response = await bridge.answer(parts, request())
            assert b"".join([part async for part in cast(AsyncIterator[bytes], answer.body)]) == b"abc"

    asyncio.run(check())
