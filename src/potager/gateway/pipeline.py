"""What happens to a request, on one page.

    bytes ─► resolve ─► authenticate ─► serve? ─► parse ─► validate ─► handle ─► serialize ─► bytes
             service,    who signed?     501 if    by the model ......  the room  by the model
             operation                   not                            works

Each step is a line of `_answer`, in that order. Whatever a step raises becomes an error of that service's wire: a
`Fault` by its room's table, anything else `InternalFailure` with the request id, its traceback in the server's log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, TypeVar

from potager.access.callers import Callers
from potager.gateway.tracing import Tracing
from potager.kernel import clock, ids
from potager.kernel.body import Disconnected
from potager.kernel.context import Caller, Context, House, Origin
from potager.kernel.errors import Fault, WireError
from potager.kernel.sessions import Sessions
from potager.kernel.settings import Keys, Settings
from potager.store.rows import Rows
from potager.wire import payload, route, sigv4
from potager.wire.message import Request, Response
from potager.wire.route import Target
from potager.wire.service import Registry, Visit
from potager.wire.sigv4 import Identity
from potager.wire.validate import validate

log = logging.getLogger(__name__)

T = TypeVar("T")

DOCUMENT_LIMITS = {"rest-json": 16 * 2**20, "rest-xml": 16 * 2**20}
"""Bytes of a request's body that is read whole, by protocol; bodies that stream have the limits of their operations."""

DOCUMENT_LIMIT = 8 * 2**20
"""The same for the other protocols, whose bodies are documents alone."""

SMALL = 32 * 2**10
"""Bytes of a body that is read on the event loop. A larger one takes a thread of its own kind: a hostile document can
take seconds, and nobody else shall wait for it."""

READERS = 2
"""Threads that read larger bodies of those who signed. They are few: who sends such bodies waits for the others.

Everybody else has one thread together.
"""

MOST_HELD = 512 * 2**20
"""Bytes of bodies that may be in memory whole at a time, of all requests together; more are answered 503."""

DOCUMENT_TIME = 120.0
"""Seconds in which a body that is read whole must come."""


class Pipeline:
    """Answers requests."""

    def __init__(
        self, house: House, registry: Registry, settings: Settings, keys: Keys, tracing: Tracing | None = None
    ) -> None:
        self.tracing = tracing
        self.house = house
        self.registry = registry
        self.region = settings.region
        self.tls = settings.secure
        self.domain = settings.s3_domain
        self._held = 0
        self._readers = ThreadPoolExecutor(READERS, "potager-reader")
        self._strangers = ThreadPoolExecutor(1, "potager-stranger")
        self.callers = Callers(house[Rows], house[Sessions], settings.account_id, keys)

    async def answer(self, request: Request) -> Response:
        """The response to a request, whatever happens."""
        request.domain = self.domain
        target, request_id = None, ids.request_id()
        told = span = None
        try:
            self._secure(request)
            body = await self._form(request)
            target = await self._aside(self._strangers, body, lambda: self._resolved(request, body))
            if self.tracing is not None:
                span = self.tracing.begin(request, target, request_id)
            told = response = await self._answer(request, target, body, request_id)
        except Disconnected:
            raise
        except Exception as error:
            target = target or route.guess(request)
            told = response = target.error(self._told(error, request, target, request_id), request_id, request)
        finally:
            self._held -= request.held
            if span is not None:
                span.end(told)
        if "origin" in request.headers:
            await self.registry.finish(self.house, request, target, response)
        return response

    def _told(self, error: Exception, request: Request, target: Target, request_id: str) -> WireError:
        """What a client is told of what went wrong."""
        if isinstance(error, Fault):
            return self.registry.wire_error(error, target.service, target.operation)
        log.error("%s %s failed (request %s)", request.method, request.path, request_id, exc_info=error)
        text = f"An internal error occurred. The server's log has it under request {request_id}."
        return WireError("InternalFailure", text, 500)

    async def _answer(self, request: Request, target: Target, read: bytes | None, request_id: str) -> Response:
        if (unmodelled := self.registry.unmodelled(target)) is not None:
            return await unmodelled(self._visit(request, target, request_id))
        body, identity = await self._authenticated(request, target, read)
        caller = await self.callers.caller(identity, target.protocol)
        handler = self.registry.find(target.service, target.operation, target.protocol)
        if "content-encoding" in request.headers and target.model.request_compression:
            body = payload.inflated(request, body, DOCUMENT_LIMIT)
        pool = self._pool(identity)
        params = await self._aside(pool, body, lambda: validate(target.model.input_shape, target.parse(request, body)))
        result = await handler(self._context(request, target, identity, caller, request_id), params)
        if target.events and result and result.get(target.events) is not None:
            guarded = self._events(result[target.events], request, target, request_id)
            result = {**result, target.events: guarded}
        return target.serialize(result, request_id)

    async def _events(
        self, events: AsyncIterable[Any], request: Request, target: Target, request_id: str
    ) -> AsyncIterator[Any]:
        """A handler's events; what it raises among them becomes the stream's last one."""
        try:
            async for event in events:
                yield event
        except Disconnected:
            raise
        except Exception as error:
            raise self._told(error, request, target, request_id) from error
        finally:
            if close := getattr(events, "aclose", None):
                await close()

    def _secure(self, request: Request) -> None:
        if self.tls and not request.secure:
            text = "This port speaks https. Use https:// in the endpoint's URL, and trust what `potager env` names."
            raise WireError("InvalidRequest", text, 400)

    def _resolved(self, request: Request, form: bytes | None) -> Target:
        return route.resolve(request, payload.inflated(request, form, route.MAX_FORM) if form else b"")

    async def _form(self, request: Request) -> bytes | None:
        """The body, where the operation's name may stand in it."""
        return await self._whole(request, route.MAX_FORM) if route.is_form(request) else None

    async def _whole(self, request: Request, limit: int) -> bytes:
        def hold(size: int) -> None:
            self._hold(request, size)

        if (data := request.body.at_once(limit, hold)) is not None:
            return data
        try:
            async with asyncio.timeout(DOCUMENT_TIME):
                return await request.body.read(limit, hold)
        except TimeoutError as error:
            text = f"The body took longer than {DOCUMENT_TIME:g} seconds. Send it again, faster."
            raise WireError("RequestTimeout", text) from error

    def _hold(self, request: Request, size: int) -> None:
        """Counts bytes that have come; they are given back when the request is answered."""
        request.held += size
        self._held += size
        if self._held > MOST_HELD:
            raise WireError("ServiceUnavailable", "Too many large requests are under way. Try again.", 503)

    def _pool(self, identity: Identity) -> Executor:
        return self._readers if identity.access_key else self._strangers

    async def _aside(self, pool: Executor, body: Any, work: Callable[[], T]) -> T:
        """What `work` gives that goes through a body: in a thread where the body is large."""
        if not isinstance(body, bytes) or len(body) <= SMALL:
            return work()
        return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)

    async def _authenticated(self, request: Request, target: Target, read: bytes | None) -> tuple[Any, Identity]:
        """The body, whole or as it arrives, and who signed it."""
        if read is None and not target.streams:
            read = await self._whole(request, DOCUMENT_LIMITS.get(target.protocol, DOCUMENT_LIMIT))
        identity = await self._aside(self._readers, read, lambda: self._verified(request, target, read))
        if read is None:
            return await target.opened(payload.opened(request, identity)), identity
        checked = await self._aside(self._pool(identity), read, lambda: payload.checked(request, identity, read))
        return checked, identity

    def _verified(self, request: Request, target: Target, read: bytes | None) -> Identity:
        return sigv4.verify(
            request,
            self.callers.secret_of,
            datetime.fromtimestamp(clock.now(), UTC),
            protocol=target.protocol,
            service=target.signing_name,
            body=read,
            unsigned=target.open,
        )

    def _context(
        self, request: Request, target: Target, identity: Identity, caller: Caller, request_id: str
    ) -> Context:
        url = ("https://" if request.secure else "http://") + request.headers.get("host", "localhost")
        region = identity.region or target.region or self.region
        origin = Origin(request.client, request.secure, request.headers, identity.authentication, identity.moment)
        return Context(self.house, caller, region, request_id, url, origin, request.came, request.trace)

    def _visit(self, request: Request, target: Target, request_id: str) -> Visit:
        async def context(identity: Identity) -> Context:
            caller = await self.callers.caller(identity, target.protocol)
            return self._context(request, target, identity, caller, request_id)

        return Visit(self.house, request, target, request_id, self.callers.secret_of, context)
