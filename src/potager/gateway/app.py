"""The ASGI app: `/health`, the lifespan, and everything else through the pipeline."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

from potager.gateway.asgi import Disconnected, Receive, Scope, Send, incoming, respond, settle
from potager.gateway.house import furnish
from potager.gateway.pipeline import Pipeline
from potager.kernel.errors import Fault
from potager.kernel.sessions import Trust
from potager.kernel.settings import Keys, Settings
from potager.wire import bucket
from potager.wire.message import Response
from potager.wire.service import Registry

log = logging.getLogger(__name__)


class App:
    """Serves AWS clients. Ready once its lifespan has started.

    Parameters
    ----------
    settings : where the data lies, and who the administrator is.
    keys : the administrator's key pair and the server's secret.
    url : where this machine reaches the server; the programs of jobs are told.
    trust : whom they are told to trust.
    """

    def __init__(self, settings: Settings, keys: Keys, url: str, trust: Trust | None = None) -> None:
        self.settings = settings
        self.keys = keys
        self.url = url
        self.trust = trust
        self._stack = AsyncExitStack()
        self._pipeline: Pipeline | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            house = await furnish(self.settings, self.keys, self.url, self.trust, self._stack)
            self._pipeline = Pipeline(house, house[Registry], self.settings, self.keys)
        except Exception as error:
            if isinstance(error, Fault):
                log.error("the server could not start: %s", error.message)
            else:
                log.exception("the server could not start")
            await self._stack.aclose()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def admits(self, user: str, password: str) -> bool:
        """Whether a login of the proxy is that of a job that runs."""
        return self._pipeline is not None and await self._pipeline.callers.admits(user, password)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_about_health(scope):
            await respond(send, receive, self._health(), head=scope["method"] == "HEAD")
            return
        if self._pipeline is None:
            await respond(send, receive, self._health())
            return
        try:
            asked = incoming(scope, receive)
            response = await self._pipeline.answer(asked.request)
            await respond(send, receive, response, head=scope["method"] == "HEAD", last=not await settle(asked))
        except Disconnected:
            return

    def _is_about_health(self, scope: Scope) -> bool:
        """Whether a request is a probe's, and not an S3 client's about a bucket or an object of that name."""
        if scope["path"] != "/health" or scope["method"] not in ("GET", "HEAD") or scope["query_string"]:
            return False
        headers: dict[bytes, bytes] = dict(scope["headers"])
        name, _ = bucket.host(headers.get(b"host", b"").decode("latin-1"), self.settings.s3_domain)
        reached = scope.get("scheme") == "https" or not self.settings.secure
        return reached and name is None and b"authorization" not in headers

    def _health(self) -> Response:
        ready = self._pipeline is not None
        text = b'{"status": "ready"}' if ready else b'{"status": "starting"}'
        return Response(200 if ready else 503, [("content-type", "application/json")], text)


def create(settings: Settings, keys: Keys, url: str, trust: Trust | None = None) -> App:
    """The app for these settings; nothing is opened before its lifespan starts."""
    return App(settings, keys, url, trust)
