"""Resources as rows: a JSON document with a name, a status and a version, one of a kind in each scope.

    await rows.write(lambda tx: tx.insert("model", ctx.scope, "fraud", doc, arn=arn))
    row = await rows.find("model", ctx.scope, "fraud")
    await rows.write(lambda tx: tx.update(row, status="Deleting"))     # Stale when somebody was quicker

A function given to `read` or `write` runs in another thread inside one transaction: it must be quick and touch nothing
but `tx`. A document holds what JSON holds; instants become seconds since 1970, bytes are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from potager.kernel import clock
from potager.kernel.errors import LimitReached, NotFound, Stale
from potager.kernel.names import Scope
from potager.kernel.tags import MOST as MOST_TAGS
from potager.store import pages, schema
from potager.store.database import Database, inserting
from potager.store.pages import Page

T = TypeVar("T")

_t = schema.rows
_tags = schema.tags
_FIELDS = ("kind", "account", "region", "name", "arn", "status", "doc", "created", "modified", "version")
_COLUMNS = [_t.c[name] for name in _FIELDS]
_KEY = (
    (_t.c.kind == bindparam("b_kind"))
    & (_t.c.account == bindparam("b_account"))
    & (_t.c.region == bindparam("b_region"))
    & (_t.c.name == bindparam("b_name"))
)
_GET = select(*_COLUMNS).where(_KEY)
_UPDATE = update(_t).where(_KEY, _t.c.version == bindparam("b_version"))
_DELETE = delete(_t).where(_KEY, _t.c.version == bindparam("b_version"))
_CLAIM = (
    update(_t)
    .where(_KEY, or_(_t.c.owner.is_(None), _t.c.owner == bindparam("b_owner"), _t.c.lease_until < bindparam("b_now")))
    .values(owner=bindparam("b_owner"), lease_until=bindparam("b_until"))
)
_RELEASE = update(_t).where(_KEY, _t.c.owner == bindparam("b_owner")).values(owner=None, lease_until=None)


@dataclass(frozen=True, slots=True)
class Row:
    """One resource as it was when it was read.

    `created` and `modified` are seconds since 1970; `version` counts the changes, and an update names the one it saw.
    """

    kind: str
    account: str
    region: str
    name: str
    arn: str
    status: str | None
    doc: dict[str, Any]
    created: float
    modified: float
    version: int

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


class Tx:
    """A transaction over rows, tags and leases; used in the thread that it is given to, not kept."""

    def __init__(self, connection: Connection, secret: bytes) -> None:
        self._connection = connection
        self._secret = secret

    def get(self, kind: str, scope: Scope, name: str) -> Row | None:
        """The row of that name, None when there is none."""
        found = self._connection.execute(_GET, _key(kind, scope, name)).first()
        return None if found is None else Row(*found)

    def find(self, kind: str, scope: Scope, name: str) -> Row:
        """The row of that name; `NotFound` when there is none."""
        row = self.get(kind, scope, name)
        if row is None:
            raise NotFound(f"There is no {kind} named '{name}' in {scope.region} of account {scope.account}.")
        return row

    def by_arn(self, arn: str) -> Row | None:
        """The row with that ARN, None when there is none."""
        found = self._connection.execute(select(*_COLUMNS).where(_t.c.arn == arn).limit(1)).first()
        return None if found is None else Row(*found)

    def insert(
        self, kind: str, scope: Scope, name: str, doc: Mapping[str, Any], *, arn: str, status: str | None = None
    ) -> Row:
        """A new row; `Exists` when the name is taken."""
        now = clock.now()
        row = Row(kind, *scope, name, arn, status, dict(doc), now, now, 1)
        taken = f"A {kind} named '{name}' exists already in {scope.region} of account {scope.account}."
        with inserting(self._connection, taken):
            self._connection.execute(insert(_t), {field: getattr(row, field) for field in _FIELDS})
        return row

    def update(self, row: Row, *, doc: Mapping[str, Any] | None = None, status: str | None = None) -> Row:
        """The row with another document, another status or both; `Stale` when it changed or went since it was read."""
        changed = replace(
            row,
            doc=row.doc if doc is None else dict(doc),
            status=row.status if status is None else status,
            modified=clock.now(),
            version=row.version + 1,
        )
        values: dict[str, Any] = {"status": changed.status, "modified": changed.modified, "version": changed.version}
        if doc is not None:
            values["doc"] = changed.doc
        self._swap(
            row, _UPDATE.values({name: bindparam(f"v_{name}", type_=_t.c[name].type) for name in values}), values
        )
        return changed

    def delete(self, row: Row) -> None:
        """Removes the row and its tags; `Stale` when it changed or went since it was read."""
        self._swap(row, _DELETE, {})
        self._connection.execute(delete(_tags).where(_tags.c.arn == row.arn))

    def _swap(self, row: Row, statement: Any, values: Mapping[str, Any]) -> None:
        given = _key(row.kind, row.scope, row.name) | {"b_version": row.version}
        done = self._connection.execute(statement, given | {f"v_{name}": value for name, value in values.items()})
        if done.rowcount != 1:
            raise Stale(f"The {row.kind} '{row.name}' changed meanwhile (version {row.version} is gone). Read it anew.")

    def page(self, kind: str, scope: Scope, page: Page) -> tuple[list[Row], str | None]:
        """The rows of one page, and the token of the next one or None; `Invalid` for a token not from here."""
        statement, bound = pages.statement(kind, scope, page, _COLUMNS, self._secret)
        found = [Row(*each) for each in self._connection.execute(statement)]
        if len(found) <= page.limit:
            return found, None
        last = found[page.limit - 1]
        return found[: page.limit], pages.token(getattr(last, page.order_by) or "", last.name, bound, self._secret)

    def beginning(self, kind: str, scope: Scope, prefix: str) -> list[Row]:
        """Every row of that kind whose name begins with `prefix`, by name."""
        here = (_t.c.kind == kind) & (_t.c.account == scope.account) & (_t.c.region == scope.region)
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        named = select(*_COLUMNS).where(here, _t.c.name >= prefix, _t.c.name < after).order_by(_t.c.name)
        return [Row(*each) for each in self._connection.execute(named)]

    def where(self, kind: str, statuses: Sequence[str]) -> list[Row]:
        """Every row of that kind in one of the statuses, in all scopes, oldest first."""
        here = (_t.c.kind == kind) & _t.c.status.in_(statuses)
        ordered = select(*_COLUMNS).where(here).order_by(_t.c.created, _t.c.name)
        return [Row(*each) for each in self._connection.execute(ordered)]

    def statuses(self, kind: str) -> dict[str, int]:
        """How many rows of that kind there are in each status, in all scopes."""
        number = func.count()
        counted = select(_t.c.status, number).where(_t.c.kind == kind).group_by(_t.c.status).order_by(_t.c.status)
        return {status or "": count for status, count in self._connection.execute(counted)}

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a resource, by key."""
        found = select(_tags.c.key, _tags.c.value).where(_tags.c.arn == arn).order_by(_tags.c.key)
        return {tag.key: tag.value for tag in self._connection.execute(found)}

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a resource; a key that it has gets the new value. `LimitReached` for more than it may have."""
        if tags:
            if len({*self.tags(arn), *tags}) > MOST_TAGS:
                raise LimitReached(f"{arn} would have more than {MOST_TAGS} tags. Take some off first.")
            self.untag(arn, list(tags))
            given = [{"arn": arn, "key": key, "value": value} for key, value in tags.items()]
            self._connection.execute(insert(_tags), given)

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        """Takes tags off a resource; keys that it does not have are passed over."""
        self._connection.execute(delete(_tags).where(_tags.c.arn == arn, _tags.c.key.in_(keys)))

    def claim(self, row: Row, owner: str, until: float) -> bool:
        """Makes `owner` the row's until `until`; False while somebody else's lease runs. Changes no version."""
        given = _key(row.kind, row.scope, row.name) | {"b_owner": owner, "b_now": clock.now(), "b_until": until}
        return self._connection.execute(_CLAIM, given).rowcount == 1

    def release(self, row: Row, owner: str) -> None:
        """Ends `owner`'s lease of the row, if it has one."""
        self._connection.execute(_RELEASE, _key(row.kind, row.scope, row.name) | {"b_owner": owner})


def _key(kind: str, scope: Scope, name: str) -> dict[str, Any]:
    return {"b_kind": kind, "b_account": scope.account, "b_region": scope.region, "b_name": name}


class Rows:
    """The resources of the house.

    Parameters
    ----------
    database : where they rest.
    secret : binds page tokens to the listing that gave them.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    def tx(self, connection: Connection) -> Tx:
        """Rows inside a transaction of the database's that is under way."""
        return Tx(connection, self._secret)

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """What `fn` gives on a consistent view."""
        return await self._database.read(lambda connection: fn(self.tx(connection)))

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """What `fn` gives, once its changes are committed; none is made when it raises."""
        return await self._database.write(lambda connection: fn(self.tx(connection)))

    def sliced(self, found: Sequence[T], limit: int, token: str | None, asked: object) -> tuple[list[T], str | None]:
        """A page of what is small enough to be listed whole, and the token of the next one or None.

        asked : what else the listing depends on; `Invalid` for a token of another one.
        """
        bound = repr(asked).encode()
        begin = int(pages.opened(token, bound, self._secret)[0]) if token is not None else 0
        end = begin + limit
        return list(found[begin:end]), pages.token(end, "", bound, self._secret) if end < len(found) else None

    async def get(self, kind: str, scope: Scope, name: str) -> Row | None:
        """The row of that name, None when there is none."""
        return await self.read(lambda tx: tx.get(kind, scope, name))

    async def find(self, kind: str, scope: Scope, name: str) -> Row:
        """The row of that name; `NotFound` when there is none."""
        return await self.read(lambda tx: tx.find(kind, scope, name))
