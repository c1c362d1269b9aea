"""An operation is a function whose name is the operation's; a service is the table of them.

    sagemaker = Service("sagemaker", {NotFound: ("ResourceNotFound", "ValidationException")})

    @sagemaker.operation
    async def stop_training_job(ctx, req): ...

Several rooms make their own `Service("sagemaker")`; the gateway merges them in one `Registry`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel

from potager.kernel.context import Context, House
from potager.kernel.errors import (
    Denied,
    Exists,
    Fault,
    InUse,
    Invalid,
    LimitReached,
    NotFound,
    Stale,
    Unavailable,
    Unserved,
    WireError,
)
from potager.wire import catalog, model
from potager.wire.message import Request, Response
from potager.wire.protocols import fault, rest_xml
from potager.wire.route import Target
from potager.wire.sigv4 import Identity, Secrets

Handler = Callable[[Context, dict[str, Any]], Awaitable[Mapping[str, Any] | None]]
"""`await handler(ctx, req)`: validated members by their names in the model; the output's members, or None."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for what AWS serves and its model does not know: a preflight, a form. Nobody has looked at it yet.

    Parameters
    ----------
    secret_of : for a handler that finds the signature by itself.
    context : the surroundings of a request that this identity signed.
    """

    house: House
    request: Request
    target: Target
    request_id: str
    secret_of: Secrets
    context: Callable[[Identity], Awaitable[Context]]

    def respond(self, status: int, headers: list[tuple[str, str]], body: bytes = b"") -> Response:
        """An answer as S3 gives it."""
        return rest_xml.response(status, headers, body, self.request_id)


Unmodelled = Callable[[Visit], Awaitable[Response]]
Finishing = Callable[[House, Request, Target, Response], Awaitable[None]]
"""Adds to the headers of an answer, a good or a bad one, that a page of a browser asked for."""

H = TypeVar("H", bound=Callable[..., Awaitable[Mapping[str, Any] | None]])
Errors = Mapping[type[Fault], tuple[str, ...]]

DEFAULT_ERRORS: Errors = {
    NotFound: ("ResourceNotFound", "ResourceNotFoundException", "NoSuchEntity", "ValidationException"),
    Exists: ("ResourceInUse", "ResourceAlreadyExistsException", "EntityAlreadyExists", "ValidationException"),
    InUse: ("ResourceInUse", "ResourceInUseException", "DeleteConflict", "ValidationException"),
    LimitReached: ("ResourceLimitExceeded", "LimitExceededException", "LimitExceeded", "ServiceUnavailable"),
    Stale: (
        "ConflictException",
        "OperationAbortedException",
        "ConcurrentModification",
        "ResourceInUse",
        "InternalFailure",
    ),
    Unavailable: ("ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "ServiceUnavailable"),
    Denied: ("AccessDeniedException", "AccessDenied", "AccessDeniedException"),
    Invalid: (
        "ValidationException",
        "InvalidParameterException",
        "ValidationError",
        "InvalidInput",
        "ValidationException",
    ),
}
"""Where a service's own table is silent. The first code that the operation models wins, else the last."""

STATUS = {LimitReached: 400, Stale: 409, Denied: 403, Unavailable: 503, Unserved: 501}
"""The HTTP status where the model fixes none; 400 for the others."""


class Service:
    """One service's operations, or some of them.

    Parameters
    ----------
    name : botocore's name, such as `sagemaker-runtime`.
    errors : candidate codes by domain error; what is not in it comes from `DEFAULT_ERRORS`.
    """

    def __init__(self, name: str, errors: Errors | None = None) -> None:
        self.name = name
        self.errors: dict[type[Fault], tuple[str, ...]] = {**DEFAULT_ERRORS, **(errors or {})}
        self.operations: dict[str, Handler] = {}
        self.others: dict[str, Unmodelled] = {}
        self.finish: Finishing | None = None
        self._known = operation_names(name)

    @property
    def model(self) -> ServiceModel:
        return model.load(self.name)

    def operation(self, handler: H) -> H:
        """Registers `async def snake_name(ctx, req)`; a name that the model does not have raises `LookupError`."""
        function_name = getattr(handler, "__name__", "")
        name = self._known.get(function_name.rstrip("_"))
        if name is None:
            raise LookupError(f"{self.name} has no operation that would be called {function_name!r}")
        if not inspect.iscoroutinefunction(handler):
            raise TypeError(f"{function_name} must be an async function")
        if name in self.operations:
            raise ValueError(f"{self.name} {name} is defined twice")
        self.operations[name] = handler
        return handler

    def unmodelled(self, name: str) -> Callable[[Unmodelled], Unmodelled]:
        """Registers a handler of what `wire.route` calls by this name, because the model has none for it."""

        def register(handler: Unmodelled) -> Unmodelled:
            self.others[name] = handler
            return handler

        return register

    def finishing(self, handler: Finishing) -> Finishing:
        """Registers what is done to every answer for pages of other origins."""
        self.finish = handler
        return handler

    def wire_error(self, fault: Fault, operation: OperationModel | None = None) -> WireError:
        """The fault as it goes on the wire, by this service's table and what the operation models."""
        return wire_error(fault, self.errors, operation)


class Registry:
    """All services' operations, merged."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}
        self._tables: dict[tuple[str, str], Errors] = {}

    def add(self, service: Service) -> None:
        """Takes in a service's operations; one that is there already raises `ValueError`.

        The tables of errors are kept per operation's room: two rooms may map the same fault differently.
        """
        merged = self._services.setdefault(service.name, Service(service.name))
        twice = merged.operations.keys() & service.operations.keys()
        if twice:
            raise ValueError(f"{service.name}: defined by two rooms: {', '.join(sorted(twice))}")
        merged.operations.update(service.operations)
        merged.others.update(service.others)
        merged.finish = service.finish or merged.finish
        for name in service.operations:
            self._tables[service.name, name] = service.errors

    def find(self, service: str, operation: str, protocol: str | None = None) -> Handler:
        """The handler; `Unserved` (501) for what AWS has and we do not, `UnknownOperationException` for the rest."""
        merged = self._services.get(service)
        handler = merged.operations.get(operation) if merged else None
        if handler is not None:
            return handler
        if operation in _names(service):
            raise Unserved(f"Potager does not serve {service} {operation}.")
        query = protocol == "query" if protocol else service in catalog.QUERY.values()
        code = "InvalidAction" if query else "UnknownOperationException"
        raise WireError(code, f"{service} has no operation {operation!r}.", 400)

    def unmodelled(self, target: Target) -> Unmodelled | None:
        """The handler of what the model does not know; None for operations."""
        merged = self._services.get(target.service)
        return merged.others.get(target.operation) if merged else None

    async def finish(self, house: House, request: Request, target: Target, response: Response) -> None:
        """Lets the service add to an answer what pages of other origins are told."""
        merged = self._services.get(target.service)
        if merged and merged.finish:
            await merged.finish(house, request, target, response)

    def wire_error(self, fault: Fault, service: str, operation: str) -> WireError:
        """The fault as it goes on the wire, by the table of the room that serves the operation."""
        table = self._tables.get((service, operation), DEFAULT_ERRORS)
        known = operation in _names(service)
        return wire_error(fault, table, model.operation(service, operation) if known else None)

    def lacks(self, service: str, operation: str) -> str:
        """What an operation that is served does not do yet, as `partly` says it; empty when it does all."""
        return getattr(self.find(service, operation), "lacks", "")

    def served(self) -> dict[str, list[str]]:
        """Operation names by service, sorted."""
        return {name: sorted(service.operations) for name, service in sorted(self._services.items())}


def partly(lacks: str) -> Callable[[H], H]:
    """Marks a handler that does not do all of its operation; the coverage page prints `lacks`."""

    def mark(handler: H) -> H:
        handler.__dict__["lacks"] = lacks
        return handler

    return mark


def wire_error(fault: Fault, errors: Errors, operation: OperationModel | None = None) -> WireError:
    """A fault with its code: as it is when it has one, else by `errors` and what the operation models."""
    if isinstance(fault, WireError):
        return fault
    if isinstance(fault, Unserved):
        return WireError("NotImplemented", fault.message, 501)
    for kind in type(fault).__mro__:
        if kind in errors or kind in DEFAULT_ERRORS:
            codes = errors.get(kind) or DEFAULT_ERRORS[kind]
            return WireError(_chosen(codes, operation), fault.message, STATUS.get(kind, 400))
    return WireError("InternalFailure", fault.message, 500)


def _chosen(codes: tuple[str, ...], operation: OperationModel | None) -> str:
    modelled = fault.codes(operation) if operation else frozenset[str]()
    return next((code for code in codes if code in modelled), codes[-1])


def _names(service: str) -> frozenset[str]:
    try:
        return model.names(service)
    except UnknownServiceError:
        return frozenset()


@cache
def operation_names(service: str) -> dict[str, str]:
    """Operation names by what a function may be called: `create_auto_ml_job_v2`, or as boto3 has it."""
    return {spelling: name for name in model.names(service) for spelling in (xform_name(name), _plain(name))}


def _plain(name: str) -> str:
    """`CreateAutoMLJob` as `create_auto_ml_job`."""
    out: list[str] = []
    for index, letter in enumerate(name):
        after_small = index > 0 and not name[index - 1].isupper()
        before_small = index + 1 < len(name) and name[index + 1].islower()
        if letter.isupper() and index and (after_small or before_small):
            out.append("_")
        out.append(letter.lower())
    return "".join(out)
