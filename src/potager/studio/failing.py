"""What a page answers that fails by a fault of ours: what every page has around it, and where the log tells more."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from potager.kernel import ids
from potager.kernel.body import Disconnected
from potager.studio.safety import App, Message, Receive, Send

log = logging.getLogger(__name__)

Told = Callable[[Request, int, str, str], Response]
"""The page that tells of a problem: of the request, with a status, a code and a text."""


class Failing:
    """Answers for the app where it raises before it has answered; what raises later breaks the answer off."""

    def __init__(self, app: App, told: Told) -> None:
        self._app = app
        self._told = told

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answers one request."""
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Disconnected:
            raise
        except Exception as error:
            if begun:
                raise
            request, request_id = Request(scope, receive), ids.request_id()
            log.error("%s %s failed (request %s)", request.method, scope["path"], request_id, exc_info=error)
            text = f"An internal error occurred. The server's log has it under request {request_id}."
            answer = self._told(request, 500, "InternalFailure", text)
            answer.headers["X-Amzn-RequestId"] = request_id
            await answer(scope, receive, send)
