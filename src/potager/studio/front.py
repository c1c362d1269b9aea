"""Studio as the server has it: imports next to nothing until the first browser asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from potager.kernel.context import House
from potager.kernel.settings import Keys, Settings
from potager.studio.signin import SignIn
from potager.wire.message import Request, Response

if TYPE_CHECKING:
    from starlette.applications import Starlette

WAY_IN = "/_studio/sign-in?token="


class Front:
    """Answers browsers, once the house stands."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._signin = SignIn(keys)
        self._house: House | None = None
        self._app: asyncio.Task[Starlette] | None = None

    def link(self, url: str) -> str:
        """Where to go to be signed in, once. url : the server's."""
        return url + WAY_IN + self._signin.link()

    def open(self, house: House) -> None:
        """Takes the house."""
        self._house = house

    async def answer(self, request: Request) -> Response:
        """The response to a browser's request."""
        self._app = self._app or asyncio.create_task(self._made())
        app = await asyncio.shield(self._app)
        from potager.studio.bridge import answer

        return await answer(app, request)

    def close(self) -> None:
        """Ends what would go on for as long as a browser looks."""
        if self._app is not None and self._app.done():
            self._app.result().state.closing.set()

    async def _made(self) -> Starlette:
        assert self._house is not None
        app = await asyncio.to_thread(_imported)
        return app.create(self._house, self._settings, self._keys, self._signin)


def _imported():
    from potager.studio import app

    return app
