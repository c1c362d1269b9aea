"""Pages of rows by keyset: each begins after the last row of the one before, whatever came or went meanwhile.

A token holds where a page ended, sealed with a digest under the server's secret over the listing's other parameters: a
token that was made up, or that comes with another filter or order, is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store import schema

Order = Literal["created", "modified", "name", "status"]

_t = schema.rows
_SEAL = 12
"""Bytes of a token's seal."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows, in which order, how many, from where on.

    Parameters
    ----------
    name_contains : a text that names hold, in that case.
    created_after, ... : seconds since 1970, exclusive.
    status : one status, or several of which one must match.
    where : values that top-level members of the document must have.
    token : from the page before; opaque.
    """

    limit: int = 100
    order_by: Order = "created"
    descending: bool = False
    name_contains: str | None = None
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    status: str | Sequence[str] | None = None
    where: Mapping[str, str | int | bool] = field(default_factory=dict[str, "str | int | bool"])
    token: str | None = None


def statement(
    kind: str, scope: Scope, page: Page, columns: Sequence[ColumnElement[Any]], secret: bytes
) -> tuple[Select[*tuple[Any, ...]], bytes]:
    """The query for a page and one row more, and what the page's tokens are bound to."""
    bound = _bound(kind, scope, page)
    order = _order(page)
    query = select(*columns).where(_t.c.kind == kind, _t.c.account == scope.account, _t.c.region == scope.region)
    query = query.where(*_filters(page))
    if page.token is not None:
        value, name = opened(page.token, bound, secret)
        last = tuple_(*map(literal, [name] if page.order_by == "name" else [value, name]))
        query = query.where(tuple_(*order) < last if page.descending else tuple_(*order) > last)
    keys = [column.desc() for column in order] if page.descending else order
    return query.order_by(*keys).limit(page.limit + 1), bound


def _order(page: Page) -> list[ColumnElement[Any]]:
    if page.order_by == "name":
        return [_t.c.name]
    if page.order_by == "status":
        return [func.coalesce(_t.c.status, ""), _t.c.name]
    return [_t.c[page.order_by], _t.c.name]


def _filters(page: Page) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if page.name_contains:
        found.append(func.replace(_t.c.name, page.name_contains, "") != _t.c.name)
    for value, column in ((page.created_after, _t.c.created), (page.modified_after, _t.c.modified)):
        if value is not None:
            found.append(column > value)
    for value, column in ((page.created_before, _t.c.created), (page.modified_before, _t.c.modified)):
        if value is not None:
            found.append(column < value)
    if page.status is not None:
        found.append(_t.c.status.in_([page.status] if isinstance(page.status, str) else page.status))
    found.extend(_member(name, value) for name, value in page.where.items())
    return found


def _member(name: str, value: str | int | bool) -> ColumnElement[bool]:
    member = _t.c.doc[name]
    if isinstance(value, bool):
        return member.as_boolean() == value
    return member.as_integer() == value if isinstance(value, int) else member.as_string() == value


def _bound(kind: str, scope: Scope, page: Page) -> bytes:
    status = [page.status] if isinstance(page.status, str) else sorted(page.status or ())
    times = (page.created_after, page.created_before, page.modified_after, page.modified_before)
    rest = (page.order_by, page.descending, page.name_contains, times, status, sorted(page.where.items()))
    return json.dumps((kind, *scope, *rest)).encode()


def token(value: str | float, name: str, bound: bytes, secret: bytes) -> str:
    """The token of the page that follows the row with that value in the ordering column and that name."""
    body = json.dumps([value, name], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(body, bound, secret) + body).decode()


def _seal(body: bytes, bound: bytes, secret: bytes) -> bytes:
    return hmac.digest(secret, hashlib.sha256(bound).digest() + body, "sha256")[:_SEAL]


def opened(token: str, bound: bytes, secret: bytes) -> tuple[Any, str]:
    """What `token` was made of; `Invalid` for one that is not from here, or that belongs to another listing."""
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Invalid("The NextToken is not one that this server gave. List again from the start.") from error
    seal, body = raw[:_SEAL], raw[_SEAL:]
    if not hmac.compare_digest(seal, _seal(body, bound, secret)):
        raise Invalid(
            "The NextToken belongs to another listing. Repeat the other parameters as they were, or start anew."
        )
    value, name = json.loads(body)
    return value, name
