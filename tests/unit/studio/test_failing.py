"""A page that fails by a fault of ours."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from potager.kernel.body import Disconnected
from potager.studio.failing import Failing

SCOPE = {"type": "http", "method": "GET", "path": "/_studio/there", "headers": []}
BEGIN = {"type": "http.response.start", "status": 200, "headers": []}


def told(request: Request, status: int, code: str, text: str) -> Response:
    return PlainTextResponse(f"{code}: {text}", status)


def sent(error: Exception, *before: Any) -> list[Any]:
    """What goes out of an app that sends this, and raises."""
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in before:
            await send(message)
        raise error

    async def send(message: Any) -> None:
        messages.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(Failing(app, told)(dict(SCOPE), receive, send))
    return messages


def test_it_says_where_the_log_tells_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        head, body = sent(LookupError("of ours"))
    assert head["status"] == 500
    request_id = dict(head["headers"])[b"x-amzn-requestid"].decode()
    assert request_id in body["body"].decode()
    assert "of ours" not in body["body"].decode()
    assert f"GET /_studio/there failed (request {request_id})" in caplog.text
    assert "LookupError: of ours" in caplog.text


def test_what_has_begun_breaks_off() -> None:
    with pytest.raises(LookupError):
        sent(LookupError("of ours"), BEGIN)


def test_who_has_gone_is_not_answered() -> None:
    with pytest.raises(Disconnected):
        sent(Disconnected())
