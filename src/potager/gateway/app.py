"""The app: `/health`, `/metrics`, the pages below `/_studio`, and everything else through the pipeline."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol

from potager.gateway import browsing, exposition
from potager.gateway.house import furnish
from potager.gateway.pipeline import Pipeline
from potager.gateway.tracing import Tracing
from potager.kernel.context import House
from potager.kernel.sessions import Trust
from potager.kernel.settings import Keys, Settings
from potager.wire import bucket
from potager.wire.message import Request, Response
from potager.wire.service import Registry

PAGES = "/_studio"
"""What is answered with pages and not by the API: no bucket's name begins with `_`."""


class Pages(Protocol):
    """What answers browsers."""

    def open(self, house: House) -> None:
        """Takes the house, once it stands."""
        ...

    async def answer(self, request: Request) -> Response:
        """The response to a request below `PAGES`."""
        ...

    def close(self) -> None:
        """Ends answers that would go on: the server stops."""
        ...


class App:
    """Serves AWS clients. Ready once it is open.

    Parameters
    ----------
    settings : where the data lies, and who the administrator is.
    keys : the administrator's key pair and the server's secret.
    url : where this machine reaches the server; the programs of jobs are told.
    trust : whom they are told to trust.
    pages : what browsers are shown, where something is.
    """

    def __init__(
        self, settings: Settings, keys: Keys, url: str, trust: Trust | None = None, pages: Pages | None = None
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.url = url
        self.trust = trust
        self._pages = pages
        self._stack = AsyncExitStack()
        self._pipeline: Pipeline | None = None

    async def open(self) -> None:
        """Starts all that there is; raises what keeps it from starting, with nothing left open."""
        try:
            house = await furnish(self.settings, self.keys, self.url, self.trust, self._stack)
            if self._pages is not None:
                self._pages.open(house)
            self._pipeline = Pipeline(house, house[Registry], self.settings, self.keys, house.get(Tracing))
        except BaseException:
            await self.close()
            raise

    def leave(self) -> None:
        """Ends what would go on for as long as somebody looks: no more requests will come."""
        if self._pages is not None:
            self._pages.close()

    async def close(self) -> None:
        """Stops what runs here; jobs and models go on."""
        await self._stack.aclose()

    async def admits(self, user: str, password: str) -> bool:
        """Whether a login of the proxy is that of a job that runs."""
        return self._pipeline is not None and await self._pipeline.callers.admits(user, password)

    async def answer(self, request: Request) -> Response:
        """The response to a request, whatever happens."""
        if self._pipeline is None or (request.path == "/health" and self._is_a_probe(request)):
            return self._health()
        if request.path == "/metrics" and self._is_a_probe(request):
            return await self._metrics(request, self._pipeline)
        if self._pages is not None and _is_a_page(request.path) and self._is_ours(request):
            return await self._pages.answer(request)
        headers = request.headers
        return browsing.forbidden(headers) or browsing.guarded(headers, await self._pipeline.answer(request))

    async def _metrics(self, request: Request, pipeline: Pipeline) -> Response:
        token = self.settings.metrics_token
        if exposition.admitted(request, token):
            return await exposition.exposed(pipeline.house)
        return exposition.refused(token)

    def _is_a_probe(self, request: Request) -> bool:
        """Whether a request is a probe's, and not an S3 client's about a bucket or an object of that name."""
        if request.method not in ("GET", "HEAD") or request.query:
            return False
        return self._is_ours(request) and request.headers.get("authorization", "Bearer ").startswith("Bearer ")

    def _is_ours(self, request: Request) -> bool:
        """Whether a request is to the server itself, by the protocol that it speaks, and to no bucket's own host."""
        name, _ = bucket.host(request.headers.get("host", ""), self.settings.s3_domain)
        return name is None and (request.secure or not self.settings.secure)

    def _health(self) -> Response:
        ready = self._pipeline is not None
        text = b'{"status": "ready"}' if ready else b'{"status": "starting"}'
        return Response(200 if ready else 503, [("content-type", "application/json")], text)


def _is_a_page(path: str) -> bool:
    return path.startswith(PAGES) and path[len(PAGES) : len(PAGES) + 1] in ("", "/")


def create(settings: Settings, keys: Keys, url: str, trust: Trust | None = None, pages: Pages | None = None) -> App:
    """The app for these settings; nothing is started before it is opened."""
    return App(settings, keys, url, trust, pages)
