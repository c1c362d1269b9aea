"""What a handler is given: who asks, from where, and the house to work in.

ctx[Rows]                                   the one instance of a type that the house holds
await ctx.call("s3", "PutObject", {...})    another room, by the same door that clients use
house.acting("sagemaker", row.scope)        the same for a background task, which has no request
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from potager.kernel import ids
from potager.kernel.names import Scope, arn

T = TypeVar("T")


class House:
    """The things that a running server is made of, one of each type."""

    def __init__(self) -> None:
        self._things: dict[type[Any], Any] = {}

    def add(self, kind: type[T], thing: T) -> T:
        """Puts `thing` in as the house's `kind`; a second one of the same kind is a mistake."""
        if kind in self._things:
            raise ValueError(f"the house has a {kind.__name__} already")
        self._things[kind] = thing
        return thing

    def __getitem__(self, kind: type[T]) -> T:
        return cast(T, self._things[kind])

    def get(self, kind: type[T]) -> T | None:
        """The same for what a house may do without."""
        return cast("T | None", self._things.get(kind))

    def acting(self, service: str, scope: Scope) -> Context:
        """The surroundings of work that nobody asked for just now: a service acts for the account, as its own role.

        await house.acting("sagemaker", row.scope).call("sns", "Publish", {...})
        """
        role = f"arn:aws:sts::{scope.account}:assumed-role/AWSServiceRoleFor-{service}/{service}"
        return Context(self, Caller(scope.account, role, f"{service}.amazonaws.com"), scope.region, ids.request_id())


class Door(Protocol):
    """Runs an operation as a client's request would be run, without the bytes."""

    async def call(self, ctx: Context, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]: ...


class Doors:
    """Holds the house's `Door`; a class of its own because a Protocol cannot be a key."""

    def __init__(self, door: Door) -> None:
        self.door = door


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request; `account` is "" where nobody did."""

    account: str
    arn: str
    user_id: str
    access_key: str = ""


ANONYMOUS = Caller("", "", "anonymous")
"""Whoever did not sign. S3 lets them in where a bucket's policy or an ACL says so, SNS those whom its links lead."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How a request came, which policies may ask for.

    Parameters
    ----------
    client : the address that it came from, "" where that is not known.
    secure : whether it came by TLS.
    headers : values by lower-case name.
    authentication : `REST-HEADER`, `REST-QUERY-STRING` or `POST`, by where the signature stood; "" without one.
    signed : when it says that it was signed, `YYYYMMDDTHHMMSSZ`; "" where it does not.
    """

    client: str = ""
    secure: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    authentication: str = ""
    signed: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """One request's surroundings.

    came : when the request did, by `perf_counter`; 0 for work that nobody asked for just now.
    trace : the span that it belongs to, as W3C's `traceparent`; "" where it is not traced.
    """

    house: House
    caller: Caller
    region: str
    request_id: str
    url: str = ""
    origin: Origin = field(default_factory=Origin)
    came: float = 0.0
    trace: str = ""

    @property
    def account(self) -> str:
        return self.caller.account

    @property
    def scope(self) -> Scope:
        return Scope(self.caller.account, self.region)

    def arn(self, resource: str, service: str = "sagemaker") -> str:
        """The ARN of a resource in this request's account and region."""
        return arn(service, self.scope, resource)

    def __getitem__(self, kind: type[T]) -> T:
        return self.house[kind]

    async def call(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Another operation's output, run as this caller; its faults are raised as they are."""
        return await self.house[Doors].door.call(self, service, operation, params)
